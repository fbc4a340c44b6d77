package authz

import "unicode/utf8"

// appendText writes a text as encoding/json does, without allocating.
func appendText(dst []byte, s string) []byte {
	dst = append(dst, '"')
	if allPlain(s) {
		return append(append(dst, s...), '"')
	}
	const digits = "0123456789abcdef"
	from := 0 // where begins what is written as it stands
	for i := 0; i < len(s); {
		c := s[i]
		if plain(c) {
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if size > 1 && r != '\u2028' && r != '\u2029' {
			i += size
			continue
		}
		dst = append(append(dst, s[from:i]...), '\\')
		switch {
		case r == utf8.RuneError && size == 1:
			dst = append(dst, "ufffd"...)
		case size > 1:
			dst = append(dst, 'u', '2', '0', '2', digits[r&15])
		case c == '"' || c == '\\':
			dst = append(dst, c)
		case c == '\b':
			dst = append(dst, 'b')
		case c == '\f':
			dst = append(dst, 'f')
		case c == '\n':
			dst = append(dst, 'n')
		case c == '\r':
			dst = append(dst, 'r')
		case c == '\t':
			dst = append(dst, 't')
		default:
			dst = append(dst, 'u', '0', '0', digits[c>>4], digits[c&15])
		}
		i += size
		from = i
	}
	return append(append(dst, s[from:]...), '"')
}

// plain tells whether a character of ASCII is written as it stands.
func plain(c byte) bool {
	const (
		low  = 1<<32 - 1 | 1<<'"' | 1<<'&' | 1<<'<' | 1<<'>' // of 0 to 63, those that are not
		high = 1 << ('\\' - 64)                              // of 64 to 127
	)
	if c < 64 {
		return uint64(low)>>c&1 == 0
	}
	return c < utf8.RuneSelf && uint64(high)>>(c-64)&1 == 0
}

// allPlain tells whether a text is written as it stands. It looks at eight characters together: a byte from which 1 (or 32) is
// taken turns its highest bit on when it is less, and so do those that are no ASCII.
func allPlain(s string) bool {
	const (
		word, each, high = 8, 0x0101010101010101, 0x8080808080808080
		amp              = '"' ^ '&' // the one bit that they differ in
		angle            = '<' ^ '>' // as well
	)
	i := 0
	for ; len(s)-i >= word; i += word {
		of := s[i : i+word]
		x := uint64(of[0]) | uint64(of[1])<<8 | uint64(of[2])<<16 | uint64(of[3])<<24 |
			uint64(of[4])<<32 | uint64(of[5])<<40 | uint64(of[6])<<48 | uint64(of[7])<<56
		quotes, angles, backslash := (x|amp*each)^('"'|amp)*each, (x|angle*each)^('<'|angle)*each, x^'\\'*each
		if (x|(x-' '*each)|(quotes-each)|(angles-each)|(backslash-each))&high != 0 {
			return false
		}
	}
	for ; i < len(s); i++ {
		if !plain(s[i]) {
			return false
		}
	}
	return true
}
