package policy

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxDepth is how deep values may stand in one another.
const maxDepth = 32

// value reads a value of JSON.
func (s *scanner) value() any {
	s.depth++
	defer func() { s.depth-- }()
	switch {
	case s.rest == "" || s.depth > maxDepth:
		s.failed = true
		return nil
	case s.rest[0] == '"':
		return s.text()
	case s.rest[0] == '{':
		return scanObject(s, s.value)
	case s.rest[0] == '[':
		return scanList(s, s.value)
	case s.rest[0] == 't', s.rest[0] == 'f':
		return s.truth()
	case s.skip("null"):
		return nil
	}
	return s.number()
}

func (s *scanner) truth() bool {
	if s.skip("true") {
		return true
	}
	s.take("false")
	return false
}

// text reads a text. One with escapes is left to encoding/json.
func (s *scanner) text() string {
	length, escaped := lengthOfText(s.rest)
	if length == 0 {
		s.failed = true
		return ""
	}
	text := s.rest[1 : length-1]
	if escaped {
		text = s.unescaped(s.rest[:length])
	}
	s.failed = s.failed || !utf8.ValidString(text)
	s.rest = s.rest[length:]
	return text
}

func (s *scanner) unescaped(written string) (text string) {
	s.failed = json.Unmarshal([]byte(written), &text) != nil || s.failed
	return text
}

// lengthOfText is how long a text is as written, with its quotes, and whether there are escapes in it; 0: there is none.
func lengthOfText(written string) (length int, escaped bool) {
	if !strings.HasPrefix(written, `"`) {
		return 0, false
	}
	for i := 1; i < len(written); i++ {
		switch c := written[i]; {
		case c == '"':
			return i + 1, escaped
		case c == '\\':
			escaped = true
			i++
		case c < ' ':
			return 0, false
		}
	}
	return 0, false
}

// number reads an integer, or a fraction with a point.
func (s *scanner) number() float64 {
	digits := strings.TrimPrefix(s.rest, "-")
	whole := len(digits) - len(strings.TrimLeft(digits, "0123456789"))
	end := len(s.rest) - len(digits) + whole
	s.failed = s.failed || whole == 0 || whole > 1 && digits[0] == '0'
	if point := digits[whole:]; strings.HasPrefix(point, ".") {
		fraction := len(point) - len(strings.TrimLeft(point[1:], "0123456789"))
		s.failed = s.failed || fraction == 1
		end += fraction
	}
	value, err := strconv.ParseFloat(s.rest[:end], 64)
	s.failed = s.failed || err != nil
	s.rest = s.rest[end:] // an exponent that stands here is nothing that may follow
	return value
}

func scanList[T any](s *scanner, each func() T) []T {
	items := []T{}
	s.take("[")
	for first := true; !s.failed && !s.skip("]"); first = false {
		if !first {
			s.take(",")
		}
		items = append(items, each())
	}
	return items
}

func scanObject[T any](s *scanner, each func() T) map[string]T {
	parts := make(map[string]T)
	s.take("{")
	for first := true; !s.failed && !s.skip("}"); first = false {
		if !first {
			s.take(",")
		}
		name := s.text()
		s.take(":")
		parts[name] = each()
	}
	return parts
}
