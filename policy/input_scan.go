package policy

import (
	"net/netip"
	"net/textproto"
	"strings"
	"time"
)

// scanner reads an Input as AppendJSON writes it: facts in the order of the table, and no space between. Replaying reads
// very many of these. Of all else, as a space, or another order, it says that it cannot, and encoding/json does.
type scanner struct {
	rest   string
	depth  int // of values in one another
	failed bool
}

// scanInput reads an Input; ok is false when it cannot, which says nothing of the Input.
func scanInput(written string) (in *Input, ok bool) {
	in = new(Input)
	s := &scanner{rest: written}
	all := sections()
	s.take("{")
	s.facts(&all[0], in)
	for i := range all[1:] {
		if s.name(all[1+i].name, false) {
			s.take("{")
			s.facts(&all[1+i], in)
			s.take("}")
		}
	}
	s.take("}")
	return in, !s.failed && s.rest == ""
}

// take goes over what has to stand next.
func (s *scanner) take(next string) {
	s.failed = !s.skip(next) || s.failed
}

// skip goes over what may stand next, and tells whether it does.
func (s *scanner) skip(next string) (ok bool) {
	s.rest, ok = strings.CutPrefix(s.rest, next)
	return ok
}

// name goes over a name that may stand next, with a comma before it unless it is the first.
func (s *scanner) name(name string, first bool) bool {
	before := s.rest
	if (first || s.skip(",")) && s.skip(`"`) && s.skip(name) && s.skip(`":`) {
		return true
	}
	s.rest = before
	return false
}

// facts reads those of a section that are there.
func (s *scanner) facts(of *section, in *Input) {
	first := true
	for i := range of.facts {
		if s.name(of.facts[i].name, first) {
			first = false
			s.fact(of.facts[i].of(in))
			continue
		}
		s.failed = s.failed || of.tells(of.facts[i].name)
	}
}

// fact reads a value into the place that a fact points to.
func (s *scanner) fact(place any) {
	switch place := place.(type) {
	case *string:
		*place = s.text()
	case *bool:
		*place = s.truth()
	case *[]string:
		*place = scanList(s, s.text)
	case *map[string]any:
		*place = scanObject(s, s.value)
	case *time.Time:
		when, ok := instantOf(s.text())
		*place, s.failed = when, s.failed || !ok
	case *netip.Addr:
		ip, err := netip.ParseAddr(s.text())
		*place, s.failed = ip, s.failed || err != nil
	case *Fields:
		*place = s.headers()
	case **Data:
		*place = &Data{scanObject(s, func() map[string]any { return scanObject(s, s.value) })}
	}
}

// headers reads header fields, whose names are in their canonical form.
func (s *scanner) headers() Headers {
	headers := Headers(scanObject(s, s.text))
	for name := range headers {
		s.failed = s.failed || textproto.CanonicalMIMEHeaderKey(name) != name
	}
	return headers
}
