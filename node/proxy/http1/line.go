package http1

import "math/bits"

// cut reads the line NAME ":" VALUE that text begins with (RFC 9112, section 5), in one pass, and gives what is behind it. names is the
// class of the bytes of a name; in requests, which have inToken, a line ends in CR LF and nothing else. A line that goes on with the one
// before begins with a blank, which no name does.
func (f *Field) cut(text string, names class) (rest string, err error) {
	colon := 0
	for colon < len(text) && classes[text[colon]]&names != 0 {
		colon++
	}
	if colon == 0 || colon == len(text) || text[colon] != ':' {
		return "", errName
	}
	from := colon + 1
	for from < len(text) && isBlank(text[from]) {
		from++
	}
	to := valueEnd(text, from)
	end := to
	if end < len(text) && text[end] == '\r' {
		end++
	}
	if end == len(text) || text[end] != '\n' {
		return "", errControl
	}
	if end == to && names == inToken {
		return "", errBareLF
	}
	last := to
	for last > from && isBlank(text[last-1]) {
		last--
	}
	f.Name, f.Value, f.known = text[:colon], text[from:last], Know(text[:colon])
	return text[end+1:], nil
}

// valueEnd is where the value that begins at i ends: at a byte that stands in none (RFC 9110, section 5.5), or with s. Values are long,
// and control characters rare in them: eight bytes are looked at in one step.
func valueEnd(s string, i int) int {
	for i+8 <= len(s) {
		found := controls(eightOf(s[i : i+8]))
		if found == 0 {
			i += 8
			continue
		}
		if i += bits.TrailingZeros64(found) / 8; s[i] != '\t' {
			return i
		}
		i++
	}
	for i < len(s) && classes[s[i]]&inValue != 0 {
		i++
	}
	return i
}

// eightOf are eight bytes, the first one lowest.
func eightOf(s string) uint64 {
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 | uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// controls looks for bytes below a space, and DEL: it is 0 when there is none, and its lowest bit that is set is the highest one of the
// first of them.
func controls(eight uint64) uint64 {
	const each, top = 0x0101010101010101, 0x8080808080808080 // one in each of eight bytes, and the highest bit of each
	del := eight ^ 0x7f*each                                 // zero where a byte is DEL
	return ((eight-' '*each)&^eight | (del-each)&^del) & top // what is subtracted is carried upward alone
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }
