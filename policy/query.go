package policy

import "strings"

// queryValue finds the value of a name in a raw query. What parsers read differently is unclear: a name that occurs
// twice, a broken escape, and all of a query with a semicolon, which some take for &.
func queryValue(f *frame, query, name string) (value string, ok bool) {
	raw, found, legible := rawValue(query, name)
	if legible && found {
		value, legible = unescape(f, raw)
	}
	f.unclear = f.unclear || !legible
	return value, legible && found
}

// rawValue finds the value of a name, still escaped.
func rawValue(query, name string) (value string, found, legible bool) {
	if strings.IndexByte(query, ';') >= 0 {
		return "", false, false
	}
	for pair := range strings.SplitSeq(query, "&") {
		key, of, _ := strings.Cut(pair, "=")
		same, ok := escapedEqual(key, name)
		if same = same && pair != ""; !ok || same && found {
			return "", false, false
		}
		if same {
			value, found = of, true
		}
	}
	return value, found, true
}

// escapedEqual compares an escaped text with a plain one; ok is false when an escape is broken.
func escapedEqual(escaped, plain string) (equal, ok bool) {
	equal = true
	for len(escaped) > 0 {
		char, width := escapedChar(escaped)
		if width == 0 {
			return false, false
		}
		escaped = escaped[width:]
		if equal = equal && len(plain) > 0 && plain[0] == char; equal {
			plain = plain[1:]
		}
	}
	return equal && plain == "", true
}

// unescape takes the escapes out of a value; ok is false when one is broken.
func unescape(f *frame, value string) (plain string, ok bool) {
	if strings.IndexByte(value, '%') < 0 && strings.IndexByte(value, '+') < 0 {
		return value, true
	}
	start := len(f.bytes)
	for len(value) > 0 {
		char, width := escapedChar(value)
		if width == 0 {
			return "", false
		}
		f.bytes = append(f.bytes, char)
		value = value[width:]
	}
	return f.since(start), true
}

// escapedChar is the byte that an escaped text begins with, and how long it is as written; 0 when its escape is broken.
func escapedChar(escaped string) (char byte, width int) {
	switch {
	case escaped[0] == '+':
		return ' ', 1
	case escaped[0] != '%':
		return escaped[0], 1
	case len(escaped) < 3:
		return 0, 0
	}
	high, low := hexDigit(escaped[1]), hexDigit(escaped[2])
	if high > 15 || low > 15 {
		return 0, 0
	}
	return high<<4 | low, 3
}

// hexDigit is the value of a hexadecimal digit; 255: it is none.
func hexDigit(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}
