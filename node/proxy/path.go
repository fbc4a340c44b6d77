package proxy

import (
	"errors"
	"strings"
)

// What can be wrong with the target of a request. A visitor is told these words.
var (
	errForm    = errors.New("the address is not a path on this host")
	errByte    = errors.New("the address holds a byte that may not stand in one")
	errEscape  = errors.New("the address holds a percent sign that no two hexadecimal digits follow")
	errEncoded = errors.New("the path holds an encoded slash, backslash or control character")
	errClimb   = errors.New("the path climbs with dot segments")
)

// canonicalTarget splits the target of a request (RFC 9112, section 3.2) into the canonical path and the query, which
// stays as it is. Only the origin form is taken: in the absolute form a second host is named, and who reads which of
// the two is anyone's guess.
func canonicalTarget(target string) (path, query string, err error) {
	path, query, _ = strings.Cut(target, "?")
	for i := range len(query) {
		if c := query[i]; c <= ' ' || c >= 0x7f || c == '#' {
			return "", "", errByte
		}
	}
	path, err = canonicalPath(path)
	return path, query, err
}

// canonicalPath makes the one form of a path that routes are found by, that policies see and that the upstream is sent:
//
//   - escapes of characters that need none are undone, other escapes are in capitals, and characters that may not stand
//     as they are (RFC 3986, section 3.3) but which browsers send are escaped: /%61%7e%e9| is /a~%E9%7C;
//   - doubled slashes are merged, and segments of one dot go, as most servers do it behind our back;
//   - a segment of two dots, however it is spelt, and a dot segment with a parameter (..;x, which some servers climb
//     by) is an error: browsers resolve them before they ask, so nobody misses them;
//   - an encoded slash, backslash or control character, a lame escape and any other byte are errors too.
//
// A path that is canonical is given back as it came, without an allocation.
func canonicalPath(path string) (string, error) {
	if path == "" || path[0] != '/' {
		return "", errForm
	}
	plain, merged, err := inspect(path)
	if err != nil {
		return "", err
	}
	if plain && merged { // as most are
		return path, nil
	}
	if !plain {
		if path, err = respell(path); err != nil {
			return "", err
		}
	}
	return mergeSegments(path)
}

// inspect tells whether a path is free of escapes and of what must be escaped, and whether no segment is empty or begins with a dot.
func inspect(path string) (plain, merged bool, err error) {
	plain, merged = true, true
	before := byte(0)
	for i := range len(path) {
		c := path[i]
		switch spellings[c] {
		case asItIs:
		case escaped:
			plain = false
		default:
			return false, false, errByte
		}
		if before == '/' && (c == '/' || c == '.') {
			merged = false
		}
		before = c
	}
	return plain, merged, nil
}

// spelling is how a byte may stand in a path.
type spelling uint8

const (
	forbidden spelling = iota // it may not stand there
	asItIs
	escaped // it is the beginning of an escape, or becomes one
)

// spellings is read only.
var spellings = func() (t [256]spelling) {
	for i := range t {
		switch c := byte(i); {
		case standsAsIs(c):
			t[i] = asItIs
		case c == '%', mustEscape(c):
			t[i] = escaped
		}
	}
	return t
}()

// standsAsIs tells whether c may stand in a path: pchar of RFC 3986 but the percent sign, and the slash.
func standsAsIs(c byte) bool {
	return unescapable(c) || c == '/' || c == ';' || c == '=' || c == '+'
}

// unescapable tells whether a path with c and one with c escaped are the same path to every reader: the unreserved
// characters of RFC 3986, section 2.3, and those delimiters that no server gives a meaning in a path. A semicolon, an
// equals sign and a plus have one to some.
func unescapable(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~!$&'()*,:@", c) >= 0
}

// mustEscape tells whether c is one of those that browsers send as they are and that no standard lets stand.
func mustEscape(c byte) bool { return strings.IndexByte("[]{}|^", c) >= 0 }

// respell gives every character of a path its one spelling.
func respell(path string) (string, error) {
	const digits = "0123456789ABCDEF"
	b := make([]byte, 0, len(path)+8)
	for i := 0; i < len(path); i++ {
		c := path[i]
		if c != '%' {
			if mustEscape(c) {
				b = append(b, '%', digits[c>>4], digits[c&15])
			} else {
				b = append(b, c)
			}
			continue
		}
		if i+2 >= len(path) {
			return "", errEscape
		}
		high, low := unhex(path[i+1]), unhex(path[i+2])
		if high > 15 || low > 15 {
			return "", errEscape
		}
		c, i = high<<4|low, i+2
		switch {
		case c == '/', c == '\\', c < ' ', c == 0x7f:
			return "", errEncoded
		case unescapable(c):
			b = append(b, c)
		default:
			b = append(b, '%', digits[high], digits[low])
		}
	}
	return string(b), nil
}

// unhex is the value of a hexadecimal digit, 255 for any other byte.
func unhex(c byte) byte {
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

// mergeSegments drops empty segments and those of one dot, and refuses those that climb. A slash at the end stays.
func mergeSegments(path string) (string, error) {
	var b []byte // nil: nothing has been dropped yet
	for at := 0; at < len(path); {
		end := strings.IndexByte(path[at+1:], '/')
		if end < 0 {
			end = len(path)
		} else {
			end += at + 1
		}
		segment, last := path[at+1:end], end == len(path)
		if climbs(segment) {
			return "", errClimb
		}
		drop := segment == "." || segment == "" && !last
		if drop && b == nil {
			b = append(make([]byte, 0, len(path)), path[:at]...)
		}
		switch {
		case drop && last:
			b = append(b, '/')
		case !drop && b != nil:
			b = append(b, path[at:end]...)
		}
		at = end
	}
	if b == nil {
		return path, nil
	}
	return string(b), nil
}

// climbs tells whether a segment is two dots, or dots with a parameter: to some servers the parameter is not there.
func climbs(segment string) bool {
	if len(segment) < 2 || segment[0] != '.' {
		return false
	}
	name := segment
	if i := strings.IndexByte(name, ';'); i >= 0 {
		name = name[:i]
	} else if i := strings.Index(name, "%3B"); i >= 0 {
		name = name[:i]
	}
	return name == ".." || name == "." && len(segment) > 1
}
