package http1

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
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

// readHead reads the header of a response.
func (u *upstream) readHead(r *http.Request) (*http.Response, framed, error) {
	in := &u.input
	most := u.transport.HeaderBytes
	for seen := 0; ; {
		size, next := answerEnd(in.held(), seen)
		if size > 0 {
			u.heard = true
			text := string(in.held()[:size])
			in.r += size
			return parseAnswer(r, text)
		}
		seen = next
		if err := in.more(most); err != nil {
			return nil, framed{}, err
		}
		u.heard = true
	}
}

// parseAnswer reads a whole header of a response.
func parseAnswer(r *http.Request, text string) (*http.Response, framed, error) {
	line, rest := cutAnswerLine(text)
	res, err := parseStatus(line)
	if err != nil {
		return nil, framed{}, err
	}
	res.Request = r
	res.Header = make(http.Header, 16)
	for {
		line, rest = cutAnswerLine(rest)
		if line == "" {
			break
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || !validName(name) {
			return nil, framed{}, errAnswer
		}
		value = strings.Trim(value, " \t")
		if !all([]byte(value), inValue) {
			return nil, framed{}, errAnswer
		}
		name = http.CanonicalHeaderKey(name)
		res.Header[name] = append(res.Header[name], value)
	}
	f, err := frameAnswer(r, res)
	return res, f, err
}

func cutAnswerLine(text string) (line, rest string) {
	line, rest, _ = strings.Cut(text, "\n")
	return strings.TrimSuffix(line, "\r"), rest
}

// parseStatus reads HTTP/1.x SP CODE [SP REASON].
func parseStatus(line string) (*http.Response, error) {
	if len(line) < len("HTTP/1.1 200") || line[:7] != "HTTP/1." || line[7] != '0' && line[7] != '1' || line[8] != ' ' {
		return nil, errAnswer
	}
	code := 0
	for _, c := range []byte(line[9:12]) {
		if c < '0' || c > '9' {
			return nil, errAnswer
		}
		code = 10*code + int(c-'0')
	}
	if code < 100 || len(line) > 12 && line[12] != ' ' || !all([]byte(line), inValue) {
		return nil, errAnswer
	}
	return &http.Response{
		Status: line[9:], StatusCode: code, Proto: line[:8], ProtoMajor: 1, ProtoMinor: int(line[7] - '0'), Body: http.NoBody,
	}, nil
}

// frameAnswer decides where the body ends (RFC 9112, section 6.3).
func frameAnswer(r *http.Request, res *http.Response) (f framed, err error) {
	codings, lengths := res.Header["Transfer-Encoding"], res.Header["Content-Length"]
	delete(res.Header, "Transfer-Encoding")
	f.last = res.ProtoMinor == 0
	for _, line := range res.Header["Connection"] {
		for option := range strings.SplitSeq(line, ",") {
			f.last = f.last || strings.EqualFold(strings.TrimSpace(option), "close")
		}
	}
	f.last = f.last || res.StatusCode == http.StatusSwitchingProtocols // what follows is no HTTP
	res.Close = f.last
	length := int64(-1)
	for i, text := range lengths {
		n, ok := parseLength([]byte(text))
		if !ok || i > 0 && n != length {
			return f, errAnswer
		}
		length = n
	}
	if len(lengths) > 1 {
		res.Header["Content-Length"] = lengths[:1]
	}
	noBody := r.Method == http.MethodHead || res.StatusCode < 200 || res.StatusCode == http.StatusNoContent || res.StatusCode == http.StatusNotModified
	switch {
	case noBody && r.Method == http.MethodHead:
		res.ContentLength = length
		return f, nil
	case noBody:
		if res.StatusCode == http.StatusNoContent {
			delete(res.Header, "Content-Length") // it may have none (RFC 9110, section 8.6)
		}
		return f, nil
	case len(codings) > 0 && (len(lengths) > 0 || len(codings) > 1 || !strings.EqualFold(codings[0], "chunked") || res.ProtoMinor == 0):
		return f, errAnswer
	case len(codings) > 0:
		f.chunked, length = true, -1
		res.TransferEncoding = []string{"chunked"}
		res.Trailer, err = announcedTrailer(res.Header)
		if err != nil {
			return f, errAnswer
		}
	case length < 0:
		f.last = true
	}
	f.length, res.ContentLength = length, length
	return f, nil
}

// open gives a response its body.
func (u *upstream) open(res *http.Response, f framed) *http.Response {
	if f.length == 0 && !f.chunked {
		u.over(!f.last)
		return res
	}
	res.Body = &answerBody{upstream: u, response: res, framed: f, left: f.length}
	if f.chunked {
		b := &body{in: &u.input, chunked: true, padded: true}
		b.trailers = func(name, value string) {
			switch name {
			case "Transfer-Encoding", "Content-Length", "Trailer", "Host":
				return
			}
			if res.Trailer == nil {
				res.Trailer = http.Header{}
			}
			res.Trailer[name] = append(res.Trailer[name], value)
		}
		res.Body.(*answerBody).chunks = b
	}
	return res
}

// answerBody is the body of a response. Read to its end it gives the connection back; closed before, it closes it.
type answerBody struct {
	upstream *upstream
	response *http.Response
	framed   framed
	chunks   *body // nil: it is not in chunks

	mu   sync.Mutex
	left int64 // guarded by mu: bytes to come; -1: until the connection ends
	err  error // guarded by mu: how it ended
}

// Read reads the next bytes.
func (b *answerBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.read(p)
	if err == nil {
		return n, nil
	}
	b.err = err
	b.upstream.over(errors.Is(err, io.EOF) && !b.framed.last)
	if cause := b.response.Request.Context().Err(); cause != nil && !errors.Is(err, io.EOF) {
		b.err = cause
	}
	return n, b.err
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

// Close ends it. A Read that waits is woken.
func (b *answerBody) Close() error {
	if !b.mu.TryLock() {
		_ = b.upstream.input.conn.Close()
		b.mu.Lock()
	}
	defer b.mu.Unlock()
	if b.err == nil {
		b.err = http.ErrBodyReadAfterClose
		b.upstream.over(false)
	}
	return nil
}
