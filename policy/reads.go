package policy

import (
	"maps"
	"slices"
	"strings"
)

// reads is what policies ask of what is open-ended in an input: of names that only they know.
type reads struct {
	headers    map[string]bool // by canonical name
	query      map[string]bool
	wholeQuery bool // a name is made of the request
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
