package policy

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"strings"
	"time"
)

// spelled writes the value that a step has now: as JSON, but for a duration. Missing is as in ask.
func spelled(s step, f *frame) (value string, known, missing bool) {
	switch s.kind {
	case boolean:
		return spelledAs[bool](s, f)
	case text:
		return spelledAs[string](s, f)
	case number:
		return spelledAs[float64](s, f)
	case list:
		items, known, missing := s.run.(eval[[]string]).ask(f)
		return asJSON(append([]string{}, items...)), known, missing
	case instant:
		return spelledAs[time.Time](s, f)
	case address:
		return spelledAs[netip.Addr](s, f)
	case span:
		length, known, missing := s.run.(eval[time.Duration]).ask(f)
		return length.String(), known, missing
	}
	return spelledAs[any](s, f)
}

func spelledAs[T any](s step, f *frame) (value string, known, missing bool) {
	of, known, missing := s.run.(eval[T]).ask(f)
	if !known {
		return "", known, missing
	}
	return asJSON(of), known, missing
}

// asJSON writes a value as JSON. A value that JSON does not know, as a claim of another origin may be, is null.
func asJSON(value any) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(value) != nil {
		return "null"
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// oneLine puts what was written over several lines on one.
func oneLine(written string) string { return strings.Join(strings.Fields(written), " ") }
