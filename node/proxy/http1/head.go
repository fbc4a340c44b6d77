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

// parse reads a whole head, of at most so many fields, into the room that its fields have. Whoever serves it may add a field or two
// without new room for all.
func (h *Head) parse(text string, most int) error {
	*h = Head{Major: 1, seen: looked, Fields: h.Fields[:0]}
	line, rest := cutLine(text)
	if err := h.parseLine(line); err != nil {
		return err
	}
	if room := min(strings.Count(rest, "\n"), most+1); room > cap(h.Fields) {
		h.Fields = make(Fields, 0, max(room, fewFields))
	}
	f := framing{}
	for count := 0; ; count++ {
		line, rest = cutLine(rest)
		if len(line) == 0 {
			return h.frame(&f)
		}
		name, value, err := parseField(line)
		if err != nil {
			return err
		}
		if count == most {
			return errTooMany
		}
		known := Know(name)
		h.seen |= 1 << known
		keep, err := f.note(known, value)
		if err != nil {
			return err
		}
		if keep {
			h.Fields = append(h.Fields, Field{name, value, known})
		}
	}
}

// fewFields is how many a browser sends, about.
const fewFields = 16

// cutLine cuts the first line, without its CR LF, from lines that end all found.
func cutLine(text string) (line, rest string) {
	i := strings.IndexByte(text, '\n')
	return text[:i-1], text[i+1:]
}

// parseLine reads METHOD SP TARGET SP HTTP/1.x (RFC 9112, section 3), with one space each.
func (h *Head) parseLine(line string) error {
	method, rest, ok := strings.Cut(line, " ")
	if !ok || len(method) == 0 || !all(method, inToken) {
		return errNoHead
	}
	target, version, ok := strings.Cut(rest, " ")
	if !ok || len(target) == 0 || !all(target, inTarget) {
		return errNoHead
	}
	switch version {
	case "HTTP/1.1":
		h.Minor = 1
	case "HTTP/1.0":
		h.Minor = 0
	default:
		if len(version) == len("HTTP/1.1") && version[:5] == "HTTP/" {
			return errVersion
		}
		return errNoHead
	}
	h.Method, h.Target = method, target
	return nil
}

// parseField reads NAME ":" VALUE (RFC 9112, section 5). A line that goes on with the one before begins with a blank, which
// no name does.
func parseField(line string) (name, value string, err error) {
	i := strings.IndexByte(line, ':')
	if i <= 0 || !all(line[:i], inToken) {
		return "", "", bad("the name of a header field is malformed")
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
