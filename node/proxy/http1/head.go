package http1

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
)

// Head is a request's line and header, and what they say of its framing. Its text is one copy of the bytes on the wire.
type Head struct {
	Method string // a token, never empty
	Target string // visible ASCII, never empty
	Major  int    // of HTTP/x.y: 1, but from an adapter
	Minor  int
	Host   string // of the one Host field, or of the target where that names one; "": there is none, which only HTTP/1.0 may
	Fields Fields // without Host and Transfer-Encoding

	Length  int64 // of the body, in bytes; -1: it comes in chunks
	Close   bool  // the connection ends with this request
	Expect  bool  // the body waits for 100 Continue
	Upgrade bool  // there is an Upgrade field, and Connection names it

	Protocol string // of an extended CONNECT (RFC 8441, section 4), which only adapters know; "": it is none

	seen uint64 // a bit for each Known among the fields as they came, and looked; 0: nobody looked
}

// looked is the bit that says that the fields were looked at.
const looked = 1 << 63

// Has tells whether a name may be among the fields. It is cheap: most that are looked for are not there.
func (h *Head) Has(name Known) bool { return h.seen == 0 || h.seen&(1<<name) != 0 }

// end finds where a head ends: behind the first empty line. It is 0 when b does not hold all of it; then seen is from where
// to look on when there is more. A line that ends in LF alone is an error at once: it would be waited for in vain.
func end(b []byte, seen int) (n, next int, err error) {
	for {
		i := bytes.IndexByte(b[seen:], '\n')
		if i < 0 {
			return 0, len(b), nil
		}
		i += seen
		if i == 0 || b[i-1] != '\r' {
			return 0, 0, errBareLF
		}
		if i == 1 {
			return 0, 0, errNoHead // an empty line where a request is to begin
		}
		if i >= 3 && b[i-2] == '\n' {
			return i + 1, i + 1, nil
		}
		seen = i + 1
	}
}

// parse reads the head that text begins with, of at most so many fields, into the room that its fields have, and gives its size. Whoever
// serves it may add a field or two without new room for all.
func (h *Head) parse(text string, most int) (size int, err error) {
	*h = Head{Major: 1, seen: looked, Fields: h.Fields[:0]}
	rest, err := h.parseLine(text)
	if err != nil {
		return 0, err
	}
	if cap(h.Fields) == 0 {
		h.Fields = make(Fields, 0, max(min(strings.Count(rest, "\n"), most+1), fewFields))
	}
	f, one := framing{}, Field{}
	for count := 0; ; count++ {
		if len(rest) >= 2 && rest[:2] == "\r\n" {
			return len(text) - len(rest) + 2, h.frame(&f)
		}
		if rest, err = one.cut(rest, inToken); err != nil {
			return 0, err
		}
		if count == most {
			return 0, errTooMany
		}
		h.seen |= 1 << one.known
		keep, err := f.note(one.known, one.Value)
		if err != nil {
			return 0, err
		}
		if keep {
			h.Fields = append(h.Fields, one)
		}
	}
}

// fewFields is how many a browser sends, about.
const fewFields = 16

// parseLine reads METHOD SP TARGET SP HTTP/1.x CR LF (RFC 9112, section 3), with one space each, and gives what is behind it.
func (h *Head) parseLine(text string) (rest string, err error) {
	end := strings.IndexByte(text, '\n')
	if end < 1 || text[end-1] != '\r' {
		return "", errBareLF
	}
	line, rest := text[:end-1], text[end+1:]
	at := len(line) - len(" HTTP/1.1")
	first := strings.IndexByte(line, ' ')
	if first <= 0 || !all(line[:first], inToken) {
		return "", errNoHead
	}
	if at <= first+1 || line[at] != ' ' || !all(line[first+1:at], inTarget) {
		return "", errNoHead
	}
	switch version := line[at+1:]; {
	case version == "HTTP/1.1":
		h.Minor = 1
	case version == "HTTP/1.0":
	case version[:5] == "HTTP/" && strings.IndexByte(version, ' ') < 0:
		return "", errVersion
	default:
		return "", errNoHead
	}
	h.Method, h.Target = line[:first], line[first+1:at]
	return rest, nil
}

// parseField reads NAME ":" VALUE of a trailer (RFC 9112, section 5).
func parseField(line string) (name, value string, err error) {
	i := strings.IndexByte(line, ':')
	if i <= 0 || !all(line[:i], inToken) {
		return "", "", errName
	}
	value = trimBlanks(line[i+1:])
	if !isValue(value) {
		return "", "", errControl
	}
	return line[:i], value, nil
}

// readTarget holds the target against the forms that a method may have (RFC 9112, section 3.2). One that names a host must name
// the one that Host does.
func (h *Head) readTarget() error {
	if h.Target[0] == '/' {
		path, _, _ := strings.Cut(h.Target, "?")
		if !validEscapes(path) {
			return errTarget
		}
		return nil
	}
	u, err := h.url()
	if err != nil {
		return errTarget
	}
	if u.Host != "" {
		if h.Method != http.MethodConnect && h.Host != "" && h.Host != u.Host {
			return errTwoHosts
		}
		h.Host = u.Host
	}
	return nil
}

func validEscapes(path string) bool {
	for {
		i := strings.IndexByte(path, '%')
		if i < 0 {
			return true
		}
		if len(path) < i+3 || !isHex(path[i+1]) || !isHex(path[i+2]) {
			return false
		}
		path = path[i+3:]
	}
}

func isHex(c byte) bool {
	_, ok := hexDigit(c)
	return ok
}

// url is the target as net/http reads it.
func (h *Head) url() (*url.URL, error) {
	if h.Method == http.MethodConnect && h.Target[0] != '/' {
		u, err := url.ParseRequestURI("http://" + h.Target)
		if err != nil {
			return nil, err
		}
		u.Scheme = ""
		return u, nil
	}
	return url.ParseRequestURI(h.Target)
}
