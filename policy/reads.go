package policy

import (
	"maps"
	"slices"
	"strings"
)

// reads is what policies ask of what is open-ended in an input: of names that only they know. The values tell whether
// what bears the name is likely to be a secret.
type reads struct {
	headers    map[string]bool // by canonical name
	query      map[string]bool
	wholeQuery bool        // a name is made of the request
	fields     []fieldRead // headers, sorted, when all is read
}

// fieldRead is a header field that is asked for.
type fieldRead struct {
	name   string
	secret bool
}

// sort tells the header fields in order.
func (r *reads) sort() {
	for _, name := range slices.Sorted(maps.Keys(r.headers)) {
		r.fields = append(r.fields, fieldRead{name, r.headers[name]})
	}
}

// mention is where a rule asks for a header field, or for a value of the query.
type mention struct {
	in   map[string]bool // of reads
	name string
	step int // place of its step in checker.noted
}

// mention notes that a rule asks for a name, and tells whether what bears it is likely to be a secret.
func (c *checker) mention(in map[string]bool, name string) (secret bool) {
	in[name] = in[name] || secretName(name)
	c.mentions = append(c.mentions, mention{in, name, len(c.noted)})
	return in[name]
}

// keepSecret makes secrets of all that is asked for in the steps from there on: it stands beside a secret.
func (c *checker) keepSecret(from int) {
	for _, m := range c.mentions {
		m.in[m.name] = m.in[m.name] || m.step >= from
	}
}

// dataRead is what a policy asks of a data block.
type dataRead struct {
	block string
	key   eval[string] // nil: all of it
}

// Headers are the canonical names of all header fields that some policy asks for, sorted.
func (s *Set) Headers() []string {
	if s == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(s.reads.headers))
}

// secretName tells whether what bears a name is likely to be a secret: a header field, or a value of a query.
func secretName(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc([]string{"authorization", "cookie", "token", "secret", "password", "api-key", "api_key", "apikey"},
		func(part string) bool { return strings.Contains(name, part) })
}
