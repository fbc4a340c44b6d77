package http1

// class says where a byte may stand.
type class uint8

const (
	inToken  class = 1 << iota // RFC 9110, section 5.6.2
	inTarget                   // visible ASCII, without what no reader of a target expects
	inValue                    // RFC 9110, section 5.5: visible, space, tab, and bytes from 0x80 on
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
		t[c] |= inToken
	}
	return t
}()

// all tells whether b consists of bytes of a class.
func all(b []byte, c class) bool {
	for _, x := range b {
		if classes[x]&c == 0 {
			return false
		}
	}
	return true
}

// equalFold tells whether b is name, which is lower case ASCII, in any case.
func equalFold(b []byte, name string) bool {
	if len(b) != len(name) {
		return false
	}
	for i := range len(name) {
		x := b[i]
		if 'A' <= x && x <= 'Z' {
			x += 'a' - 'A'
		}
		if x != name[i] {
			return false
		}
	}
	return true
}

// trimBlanks cuts spaces and tabs from both ends.
func trimBlanks(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}
