package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// ParseInput reads an Input from JSON: an object of now, authenticated, user, session, request, certificate, workload,
// service and data, whose parts are named as the attributes of the language are, and as AppendJSON writes them. What is
// left out is missing. All mistakes are in the error. Beside that:
//
//   - authenticated is true when it is left out and there is a user; so is certificate.present when there is a certificate
//   - a time may be given as how long before now it was: "-10m"
//   - session.age is how long ago the session was made and, when session.authenticated is left out, the user authenticated
//   - request.query may be an object of texts
func ParseInput(data []byte) (*Input, error) {
	if in, ok := scanInput(string(data)); ok {
		return in, nil
	}
	var values map[string]any
	if err := json.Unmarshal(data, &values); err != nil {
		return nil, fmt.Errorf("reading input: %w", err)
	}
	return NewInput(values, time.Time{})
}

// NewInput makes an Input of values as encoding/json decodes them, in the shape that ParseInput reads. Now is used when
// the values have none. It keeps claims and data: nobody may change them afterwards.
func NewInput(values map[string]any, now time.Time) (*Input, error) {
	in, wrong := readInput(values, now)
	if len(wrong) == 0 {
		return in, nil
	}
	mistakes := make([]error, len(wrong))
	for i := range wrong {
		mistakes[i] = &wrong[i]
	}
	return nil, fmt.Errorf("reading input: %w", errors.Join(mistakes...))
}

// where is the place of a fact: its section, its name, and what is below that. What there is not is "".
type where [3]string

// path are the names that lead there.
func (w where) path() []string {
	return slices.DeleteFunc(slices.Clone(w[:]), func(name string) bool { return name == "" })
}

// below is a place in what stands there.
func (w where) below(name string) where { return where{w[0], w[1], name} }

// wrongFact is what is wrong with a fact as it was written.
type wrongFact struct {
	at  where
	why string
}

func (w *wrongFact) Error() string { return strings.Join(w.at.path(), ".") + ": " + w.why }

// inputReader reads one Input.
type inputReader struct {
	in    *Input
	now   time.Time // zero: not known
	wrong []wrongFact
}

func readInput(values map[string]any, now time.Time) (*Input, []wrongFact) {
	r := &inputReader{in: &Input{Now: now}, now: now}
	all := sections()
	if at, ok := instantOf(values["now"]); ok { // times may be told by it
		r.now = at
	}
	known := r.facts(&all[0], values)
	for i := range all[1:] {
		if value, ok := values[all[1+i].name]; ok {
			known++
			r.section(&all[1+i], value)
		}
	}
	if known < len(values) {
		r.unknown(&all[0], values)
	}
	if values["authenticated"] == nil {
		r.in.Authenticated = values["user"] != nil
	}
	return r.in, r.wrong
}

// facts reads the facts of a section, and tells how many of them there are.
func (r *inputReader) facts(s *section, values map[string]any) (known int) {
	for i := range s.facts {
		value, ok := values[s.facts[i].name]
		if !ok {
			continue
		}
		known++
		if value != nil {
			r.set(where{s.name, s.facts[i].name}, s.facts[i].of(r.in), value)
		}
	}
	return known
}

func (r *inputReader) section(s *section, value any) {
	parts, ok := value.(map[string]any)
	if !ok {
		if value != nil {
			r.mistake(where{s.name}, "It has parts, as in {%q: ...}.", s.facts[0].name)
		}
		return
	}
	known := 0
	if s.name == "certificate" {
		r.in.Certificate.Present = true
	}
	if age, ok := parts["age"]; ok && s.name == "session" {
		known++
		r.age(age)
	}
	if known += r.facts(s, parts); known < len(parts) {
		r.unknown(s, parts)
	}
}

// unknown reports those of the values that are no facts of a section.
func (r *inputReader) unknown(s *section, values map[string]any) {
	known := s.known()
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if slices.Contains(known, s.qualified(name)) {
			continue
		}
		advice := didYouMean(s.qualified(name), known)
		if advice == "" {
			advice = fmt.Sprintf(" Known are %s.", enumerate(known))
		}
		r.mistake(where{s.name, name}, "There is no such fact.%s", advice)
	}
}

// qualified is a name as rules have it, with that of the section before it.
func (s *section) qualified(name string) string {
	if s.name == "" {
		return name
	}
	return s.name + "." + name
}

// known are the names of what may stand in a section, qualified.
func (s *section) known() []string {
	var known []string
	for i := range s.facts {
		known = append(known, s.qualified(s.facts[i].name))
	}
	switch s.name {
	case "":
		for _, other := range sections()[1:] {
			known = append(known, other.name)
		}
	case "session":
		known = append(known, s.qualified("age"))
	}
	return known
}

func (r *inputReader) mistake(at where, why string, args ...any) {
	r.wrong = append(r.wrong, wrongFact{at, fmt.Sprintf(why, args...)})
}
