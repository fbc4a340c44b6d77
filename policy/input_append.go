package policy

import (
	"math"
	"net/netip"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// MarshalJSON writes an Input as ParseInput reads it, and exactly that: what is read again is equal. Of header fields it
// writes those of Headers; those of another kind of Fields, whose names nobody can tell, are left out.
func (in *Input) MarshalJSON() ([]byte, error) { return in.AppendJSON(nil), nil }

// AppendJSON is MarshalJSON behind what dst holds.
func (in *Input) AppendJSON(dst []byte) []byte {
	for i, s := range sections() {
		dst = s.append(dst, in)
		if i == 0 { // what stands in no section begins the object, and leaves it open
			dst = dst[:len(dst)-1]
		}
	}
	return append(dst, '}')
}

// append writes a section with its name and a comma before it, if there is anything in it. The top, which has no name,
// is written whatever there is.
func (s *section) append(dst []byte, in *Input) []byte {
	begin := len(dst)
	if s.name != "" {
		dst = append(append(append(dst, `,"`...), s.name...), `":`...)
	}
	dst = append(dst, '{')
	first := len(dst)
	filled := s.name == ""
	for _, f := range s.facts {
		place := f.of(in)
		if empty(place) && !s.tells(f.name) {
			continue
		}
		filled = filled || !empty(place)
		if len(dst) > first {
			dst = append(dst, ',')
		}
		dst = appendValue(append(append(append(dst, '"'), f.name...), `":`...), place)
	}
	if !filled {
		return dst[:begin]
	}
	return append(dst, '}')
}

// tells tells whether a fact is told when it is false, too: to leave it out says something else.
func (s *section) tells(name string) bool {
	return s.name == "" && name == "authenticated" || s.name == "certificate" && name == "present"
}

// appendValue writes the value at a place that a fact points to, or a value of JSON.
func appendValue(dst []byte, value any) []byte {
	switch value := value.(type) {
	case *string:
		return appendText(dst, *value)
	case *bool:
		return strconv.AppendBool(dst, *value)
	case *[]string:
		return appendList(dst, *value, appendText)
	case *map[string]any:
		return appendObject(dst, *value, appendValue)
	case *time.Time:
		return append(value.UTC().AppendFormat(append(dst, '"'), time.RFC3339Nano), '"')
	case *netip.Addr:
		if value.Zone() != "" { // which may hold any byte
			return appendText(dst, value.String())
		}
		return append(value.AppendTo(append(dst, '"')), '"')
	case *Fields:
		headers, _ := (*value).(Headers)
		return appendObject(dst, headers, appendText)
	case **Data:
		return appendObject(dst, (*value).blocks, appendBlock)
	case string:
		return appendText(dst, value)
	case bool:
		return strconv.AppendBool(dst, value)
	case float64:
		return appendNumber(dst, value)
	case []any:
		return appendList(dst, value, appendValue)
	case map[string]any:
		return appendObject(dst, value, appendValue)
	}
	return append(dst, "null"...)
}

// appendNumber writes a number. JSON has none that is infinite, and none that is no number: these are null.
func appendNumber(dst []byte, value float64) []byte {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return append(dst, "null"...)
	}
	return strconv.AppendFloat(dst, value, 'g', -1, 64)
}

func appendList[T any](dst []byte, items []T, each func([]byte, T) []byte) []byte {
	dst = append(dst, '[')
	for i, item := range items {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = each(dst, item)
	}
	return append(dst, ']')
}

// appendObject writes the parts in the order of their names.
func appendObject[T any](dst []byte, parts map[string]T, each func([]byte, T) []byte) []byte {
	dst = append(dst, '{')
	var room [24]string // enough for most
	names := room[:0]
	for name := range parts {
		names = append(names, name)
	}
	slices.Sort(names)
	for i, name := range names {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = each(append(appendText(dst, name), ':'), parts[name])
	}
	return append(dst, '}')
}

// appendText writes a text (RFC 8259, section 7). Bytes that are no UTF-8 become U+FFFD.
func appendText(dst []byte, value string) []byte {
	const digits = "0123456789abcdef"
	dst = append(dst, '"')
	if standsAlone(value) {
		return append(append(dst, value...), '"')
	}
	for _, r := range value {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r < ' ':
			dst = append(dst, '\\', 'u', '0', '0', digits[r>>4], digits[r&15])
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return append(dst, '"')
}

// standsAlone tells whether a text is written as it stands.
func standsAlone(value string) bool {
	for i := range len(value) {
		if c := value[i]; c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
