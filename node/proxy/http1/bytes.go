package http1

// class says where a byte may stand.
type class uint8

const (
	inToken  class = 1 << iota // RFC 9110, section 5.6.2
	inTarget                   // visible ASCII, without what no reader of a target expects
	inValue                    // RFC 9110, section 5.5: visible, space, tab, and bytes from 0x80 on
	inName                     // inToken, and underscores: on responses they are the application's
)

// classes is read only.
var classes = func() (t [256]class) {
	for c := '!'; c <= '~'; c++ {
		t[c] |= inTarget | inValue
	}
	for c := 0x80; c < 0x100; c++ {
		t[c] |= inValue
	}
	t[' '] |= inValue
	t['\t'] |= inValue
	for _, c := range "!#$%&'*+-.^`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" { // without "_", which some servers take for "-"
		t[c] |= inToken | inName
	}
	t['_'] |= inName
	return t
}()

// all tells whether s consists of bytes of a class.
func all(s string, c class) bool {
	for i := range len(s) {
		if classes[s[i]]&c == 0 {
			return false
		}
	}
	return true
}

// isValue tells whether s consists of bytes of the class inValue. Values are long, and control characters rare in them: eight bytes
// are looked at in one step, and all of them closer only where some is one.
func isValue(s string) bool {
	found, rest := uint64(0), s
	for ; len(rest) >= 8; rest = rest[8:] {
		found |= controls(eightOf(rest[:8]))
	}
	if found != 0 {
		return all(s, inValue)
	}
	return all(rest, inValue)
}

// EqualFold tells whether two names are one, of which ASCII letters may differ in case.
func EqualFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		x, y := a[i], b[i]
		if x == y {
			continue
		}
		if x|0x20 != y|0x20 || x|0x20 < 'a' || x|0x20 > 'z' {
			return false
		}
	}
	return true
}

// trimBlanks cuts spaces and tabs from both ends.
func trimBlanks(s string) string {
	for len(s) > 0 && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for len(s) > 0 && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}

func validName(name string) bool { return name != "" && all(name, inName) }

// append writes the field. One that was read needs no second look.
func (f *Field) append(b []byte) []byte {
	if f.known == unread {
		return appendField(b, f.Name, f.Value)
	}
	return append(append(append(append(b, f.Name...), ": "...), f.Value...), "\r\n"...)
}

// appendField writes one field. A value cannot break out of its line, and a name that is none is left out.
func appendField(b []byte, name, value string) []byte {
	if !validName(name) {
		return b
	}
	b = append(append(append(b, name...), ": "...), value...)
	if !isValue(value) {
		for at := len(b) - len(value); at < len(b); at++ {
			if classes[b[at]]&inValue == 0 {
				b[at] = ' '
			}
		}
	}
	return append(b, "\r\n"...)
}
