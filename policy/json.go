package policy

import (
	"math"
	"slices"
	"strconv"
	"unicode/utf8"
)

// appendValue writes a value of JSON.
func appendValue(dst []byte, value any) []byte {
	switch value := value.(type) {
	case string:
		return AppendText(dst, value)
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
		dst = each(append(AppendText(dst, name), ':'), parts[name])
	}
	return append(dst, '}')
}

// AppendText writes a text as JSON has it (RFC 8259, section 7) behind what dst holds. Bytes that are no UTF-8 become U+FFFD. It
// allocates nothing but room in dst.
func AppendText(dst []byte, value string) []byte {
	return append(appendEscaped(append(dst, '"'), value), '"')
}

// appendEscaped writes what stands between the quotation marks of a text. Of a text that is cut beside an ASCII character
// the parts, one after the other, are written as the whole is.
func appendEscaped(dst []byte, value string) []byte {
	const digits = "0123456789abcdef"
	if standsAlone(value) {
		return append(dst, value...)
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
	return dst
}

// standsAlone tells whether a text is written as it stands.
func standsAlone(value string) bool {
	const word = 8
	if len(value) < word {
		for i := range len(value) {
			if c := value[i]; c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' {
				return false
			}
		}
		return true
	}
	for i := 0; i < len(value)-word; i += word {
		if !eightStandAlone(value[i : i+word]) {
			return false
		}
	}
	return eightStandAlone(value[len(value)-word:]) // some of which may have been looked at
}

// eightStandAlone is standsAlone of eight bytes, looked at together: a byte from which 1 (or 32) is taken turns its highest
// bit on when it is less, and so do those that are no ASCII.
func eightStandAlone(value string) bool {
	const each, high = 0x0101010101010101, 0x8080808080808080
	_ = value[7]
	x := uint64(value[0]) | uint64(value[1])<<8 | uint64(value[2])<<16 | uint64(value[3])<<24 |
		uint64(value[4])<<32 | uint64(value[5])<<40 | uint64(value[6])<<48 | uint64(value[7])<<56
	quote, backslash := x^'"'*each, x^'\\'*each
	return (x|(x-' '*each)|(quote-each)|(backslash-each))&high == 0
}
