package http1

import "bytes"

// Field is one line of a header. Its bytes are those of the connection's buffer.
type Field struct{ Name, Value []byte }

// Head is a request's line and header, as they stand on the wire, and what they say of its framing. Its bytes are valid until the
// body is read.
type Head struct {
	Method []byte // a token, never empty
	Target []byte // visible ASCII, never empty
	Minor  int    // of HTTP/1.x: 0 or 1
	Fields []Field
	Host   []byte // value of the one Host field; nil: there is none, which only HTTP/1.0 may

	Length  int64 // of the body, in bytes; -1: it comes in chunks
	Close   bool  // the connection ends with this request
	Expect  bool  // the body waits for 100 Continue
	Upgrade bool  // there is an Upgrade field, and Connection names it
}

// mostKept is how many fields a connection keeps room for between two requests.
const mostKept = 32

// forget lets go of the bytes of the last head.
func (h *Head) forget() {
	fields := h.Fields[:cap(h.Fields)]
	if len(fields) > mostKept {
		fields = nil
	}
	clear(fields)
	*h = Head{Fields: fields[:0]}
}

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

// parse reads a whole head, of at most so many fields. Fields is used again.
func (h *Head) parse(b []byte, most int) error {
	*h = Head{Fields: h.Fields[:0]}
	line, rest := cutLine(b)
	if err := h.parseLine(line); err != nil {
		return err
	}
	var f framing
	for {
		line, rest = cutLine(rest)
		if len(line) == 0 {
			return h.frame(f)
		}
		name, value, err := parseField(line)
		if err != nil {
			return err
		}
		if len(h.Fields) == most {
			return errTooMany
		}
		h.Fields = append(h.Fields, Field{name, value})
		if err := f.note(name, value); err != nil {
			return err
		}
	}
}

// cutLine cuts the first line, without its CR LF, from lines that end all found.
func cutLine(b []byte) (line, rest []byte) {
	i := bytes.IndexByte(b, '\n')
	return b[:i-1], b[i+1:]
}

// parseLine reads METHOD SP TARGET SP HTTP/1.x (RFC 9112, section 3), with one space each.
func (h *Head) parseLine(line []byte) error {
	method, rest, ok := bytes.Cut(line, []byte{' '})
	if !ok || len(method) == 0 || !all(method, inToken) {
		return errNoHead
	}
	target, version, ok := bytes.Cut(rest, []byte{' '})
	if !ok || len(target) == 0 || !all(target, inTarget) {
		return errNoHead
	}
	switch string(version) {
	case "HTTP/1.1":
		h.Minor = 1
	case "HTTP/1.0":
		h.Minor = 0
	default:
		if len(version) == len("HTTP/1.1") && string(version[:5]) == "HTTP/" {
			return errVersion
		}
		return errNoHead
	}
	h.Method, h.Target = method, target
	return nil
}

// parseField reads NAME ":" VALUE (RFC 9112, section 5). A line that goes on with the one before begins with a blank, which
// no name does.
func parseField(line []byte) (name, value []byte, err error) {
	i := bytes.IndexByte(line, ':')
	if i <= 0 || !all(line[:i], inToken) {
		return nil, nil, bad("the name of a header field is malformed")
	}
	value = trimBlanks(line[i+1:])
	if !all(value, inValue) {
		return nil, nil, errControl
	}
	return line[:i], value, nil
}
