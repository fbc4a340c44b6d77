package http1

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
)

// errAnswer is an answer that cannot be read.
var errAnswer = errors.New("the application's answer is malformed")

// framed says where the body of a response ends.
type framed struct {
	length  int64 // in bytes; -1: at the end of the connection
	chunked bool
	last    bool // the connection ends with this response
}

// answerEnd finds where the header of a response ends: behind the first empty line, or 0. A line may end in LF alone (RFC 9112,
// section 2.2): what we send on is framed anew, so nobody behind us reads it differently.
func answerEnd(b []byte, seen int) (n, next int) {
	for {
		i := bytes.IndexByte(b[seen:], '\n')
		if i < 0 {
			return 0, len(b)
		}
		i += seen
		if rest := b[i+1:]; len(rest) > 0 && rest[0] == '\n' {
			return i + 2, i + 2
		} else if len(rest) > 1 && rest[0] == '\r' && rest[1] == '\n' {
			return i + 3, i + 3
		} else if len(rest) < 2 {
			return 0, i
		}
		seen = i + 1
	}
}

// readHead reads the header of a response to a method.
func (u *upstream) readHead(q *Question) (*answered, framed, error) {
	in := &u.input
	most := u.transport.HeaderBytes
	for seen := 0; ; {
		size, next := answerEnd(in.held(), seen)
		if size > 0 {
			u.heard = true
			text := string(in.held()[:size])
			in.r += size
			a := q.room()
			framed, err := a.parse(q.Method, text)
			return a, framed, err
		}
		seen = next
		if err := in.more(most); err != nil {
			return nil, framed{}, err
		}
		u.heard = true
	}
}

// answered is an answer, and room for its body.
type answered struct {
	Answer
	body answerBody
}

// room is where an answer goes: the first of a question that has no body, which nobody can be reading any more when it is over, goes
// into the question.
func (q *Question) room() *answered {
	if q.gave || q.Body != nil {
		return &answered{}
	}
	q.gave = true
	q.answer.Fields = q.Room[:0]
	return &q.answer
}

// parse reads a whole header of a response.
func (a *answered) parse(method, text string) (framed, error) {
	line, rest, _ := strings.Cut(text, "\n")
	minor, err := a.parseStatus(strings.TrimSuffix(line, "\r"))
	if err != nil {
		return framed{}, err
	}
	if cap(a.Fields) == 0 {
		a.Fields = make(Fields, 0, max(strings.Count(rest, "\n")+1, fewFields))
	}
	f, one := answerFraming{minor: minor, length: -1}, Field{}
	for rest != "\r\n" && rest != "\n" { // which is where answerEnd found the end
		if rest, err = one.cut(rest, inName); err != nil {
			return framed{}, errAnswer
		}
		if keep, ok := f.note(one.known, one.Value); !ok {
			return framed{}, errAnswer
		} else if keep {
			a.Fields = append(a.Fields, one)
		}
	}
	return f.frame(method, &a.Answer)
}

// parseStatus reads HTTP/1.x SP CODE [SP REASON].
func (a *Answer) parseStatus(line string) (minor int, err error) {
	if len(line) < len("HTTP/1.1 200") || line[:7] != "HTTP/1." || line[7] != '0' && line[7] != '1' || line[8] != ' ' {
		return 0, errAnswer
	}
	code := 0
	for _, c := range []byte(line[9:12]) {
		if c < '0' || c > '9' {
			return 0, errAnswer
		}
		code = 10*code + int(c-'0')
	}
	if code < 100 || len(line) > 12 && line[12] != ' ' || !all(line, inValue) {
		return 0, errAnswer
	}
	a.Status = code
	return int(line[7] - '0'), nil
}

// answerFraming is what the fields of a response say of where its body ends.
type answerFraming struct {
	minor     int
	length    int64 // -1: none
	codings   int
	coding    string
	close     bool
	announced bool
}

// note takes in a field, and tells whether it stays in the header. A length that is said twice, but not another, is one.
func (f *answerFraming) note(known Known, value string) (keep, ok bool) {
	switch known {
	case TransferEncoding:
		f.codings++
		f.coding = value
		return false, true
	case ContentLength:
		n, ok := parseLength(value)
		if !ok || f.length >= 0 && n != f.length {
			return false, false
		}
		twice := f.length >= 0
		f.length = n
		return !twice, true
	case Connection:
		for option := range strings.SplitSeq(value, ",") {
			f.close = f.close || EqualFold(trimBlanks(option), "close")
		}
	case Trailer:
		f.announced = true
	}
	return true, true
}

// frame decides where the body ends (RFC 9112, section 6.3).
func (f *answerFraming) frame(method string, a *Answer) (framed, error) {
	out := framed{last: f.close || f.minor == 0 || a.Status == http.StatusSwitchingProtocols} // what follows that is no HTTP
	a.Length = f.length
	if f.codings > 1 || f.codings == 1 && !EqualFold(f.coding, "chunked") {
		return out, errAnswer
	}
	switch {
	case bodiless(method, a.Status):
		if a.Status == http.StatusNoContent || a.Status < 200 {
			a.Length = -1 // it may have none (RFC 9110, section 8.6)
		}
		return out, nil
	case f.codings > 0 && (f.length >= 0 || f.minor == 0):
		return out, errAnswer
	case f.codings > 0:
		out.chunked, a.Length = true, -1
		if f.announced {
			var ok bool
			if a.Announced, ok = a.Fields.Announced(); !ok {
				return out, errAnswer
			}
		}
	case f.length < 0:
		out.last = true
	}
	out.length = a.Length
	return out, nil
}

// open gives a response its body.
func (u *upstream) open(a *answered, f framed) *Answer {
	if f.length == 0 && !f.chunked {
		u.over(!f.last)
		return &a.Answer
	}
	b := &a.body
	b.upstream, b.framed, b.left = u, f, f.length
	if f.chunked {
		b.chunks = &body{in: &u.input, chunked: true, padded: true}
	}
	a.Body = b
	return &a.Answer
}

// answerBody is the body of a response. Read to its end it gives the connection back; closed before, it closes it. It is for
// the goroutine that asked: another ends it by ending its life.
type answerBody struct {
	upstream *upstream
	framed   framed
	chunks   *body // nil: it is not in chunks
	left     int64 // bytes to come; -1: until the connection ends
	err      error // how it ended
}

// Read reads the next bytes.
func (b *answerBody) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.read(p)
	if err != nil {
		b.end(err)
	}
	return n, b.err
}

// end notes how the body ended, and gives the connection back.
func (b *answerBody) end(err error) {
	b.err = err
	life := b.upstream.life
	b.upstream.over(err == io.EOF && !b.framed.last)
	if err != io.EOF && life != nil && life.Err() != nil {
		b.err = life.Err()
	}
}

func (b *answerBody) read(p []byte) (int, error) {
	if b.chunks != nil {
		return b.chunks.Read(p)
	}
	if b.left < 0 {
		return b.upstream.input.Read(p)
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.upstream.input.Read(p)
	b.left -= int64(n)
	if b.left == 0 {
		return n, io.EOF
	}
	return n, unexpected(err)
}

// Held is how many bytes can be read without waiting, at least, or one for an end that has come.
func (b *answerBody) Held() int {
	switch held := len(b.upstream.input.held()); {
	case b.err != nil:
		return 0
	case b.chunks == nil:
		return held
	case b.chunks.ready():
		return 1
	}
	return 0
}

// Trailers are the fields behind a body in chunks.
func (b *answerBody) Trailers() Fields {
	if b.chunks == nil {
		return nil
	}
	return b.chunks.trailers
}

// Close ends it.
func (b *answerBody) Close() error {
	if b.err == nil {
		b.err = http.ErrBodyReadAfterClose
		b.upstream.over(false)
	}
	return nil
}
