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

// wrongFact is what is wrong with a fact as it was written.
type wrongFact struct {
	path []string // "user", "emial"
	why  string
}

func (w *wrongFact) Error() string { return strings.Join(w.path, ".") + ": " + w.why }

// inputReader reads one Input.
type inputReader struct {
	in    *Input
	now   time.Time // zero: not known
	wrong []wrongFact
}

func readInput(values map[string]any, now time.Time) (*Input, []wrongFact) {
	r := &inputReader{in: &Input{Now: now}, now: now}
	all := sections()
	top := all[0]
	if written, ok := values["now"]; ok {
		r.time([]string{"now"}, &r.in.Now, written)
		r.now = r.in.Now
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		r.part(all, top, name, values[name])
	}
	if _, ok := values["authenticated"]; !ok {
		r.in.Authenticated = values["user"] != nil
	}
	return r.in, r.wrong
}

// part reads a section, or a fact that stands in none.
func (r *inputReader) part(all []section, top section, name string, value any) {
	if name == "now" || value == nil {
		return
	}
	for _, s := range all[1:] {
		if s.name == name {
			r.section(s, value)
			return
		}
	}
	r.fact(top, []string{name}, value)
}

func (r *inputReader) section(s section, value any) {
	parts, ok := value.(map[string]any)
	if !ok {
		r.mistake([]string{s.name}, "It has parts, as in {%q: ...}.", s.facts[0].name)
		return
	}
	if s.name == "certificate" {
		r.in.Certificate.Present = true
	}
	if age, ok := parts["age"]; ok && s.name == "session" {
		r.age(age)
	}
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		if parts[name] != nil && (name != "age" || s.name != "session") {
			r.fact(s, []string{s.name, name}, parts[name])
		}
	}
}

// fact reads the value of one fact.
func (r *inputReader) fact(s section, path []string, value any) {
	name := path[len(path)-1]
	i := slices.IndexFunc(s.facts, func(f fact) bool { return f.name == name })
	if i < 0 {
		r.unknown(s, path)
		return
	}
	r.set(path, s.facts[i].of(r.in), value)
}

func (r *inputReader) unknown(s section, path []string) {
	var known []string
	for _, f := range s.facts {
		known = append(known, f.name)
	}
	switch s.name {
	case "":
		for _, other := range sections()[1:] {
			known = append(known, other.name)
		}
	case "session":
		known = append(known, "age")
	}
	advice := didYouMean(path[len(path)-1], known)
	if advice == "" {
		advice = fmt.Sprintf(" Known are %s.", enumerate(known))
	}
	r.mistake(path, "There is no such fact.%s", advice)
}

func (r *inputReader) mistake(path []string, why string, args ...any) {
	r.wrong = append(r.wrong, wrongFact{path, fmt.Sprintf(why, args...)})
}
