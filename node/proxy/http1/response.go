package http1

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// writeBuffers holds writers of bufferSize.
type writeBuffers struct{ pool sync.Pool }

func (p *writeBuffers) get(w io.Writer) *bufio.Writer {
	if b, ok := p.pool.Get().(*bufio.Writer); ok {
		b.Reset(w)
		return b
	}
	return bufio.NewWriterSize(w, bufferSize)
}

func (p *writeBuffers) put(b *bufio.Writer) {
	b.Reset(nil)
	p.pool.Put(b)
}

// response is the http.ResponseWriter of one request. What the handler wrote is held back while it fits into the buffer, so
// that a short body gets its length; then it is framed by the length that the handler set, else in chunks, else by the end
// of the connection, which HTTP/1.0 needs.
type response struct {
	conn   *conn
	minor  int   // of the request's HTTP/1.x
	isHead bool  // it answers a HEAD; the method's own bytes do not outlive the reading of what follows
	goOn   *goOn // nil: the client does not wait
	out    *bufio.Writer
	header http.Header
	status int // 0: nothing was decided yet

	sent     bool // the header is written
	noBody   bool // the response has none, whatever the handler writes
	chunked  bool
	length   int64 // as the handler set it; -1: it did not
	written  int64 // bytes of the body
	pending  []byte
	last     bool // the connection ends with this response
	hijacked bool
	err      error // of writing: nothing more is tried
	trailers []string
}

// Header is the header of the response.
func (w *response) Header() http.Header { return w.header }

// WriteHeader decides the status. An informational one (RFC 9110, section 15.2) is sent at once, and the decision stays open.
func (w *response) WriteHeader(status int) {
	if status < 100 || status > 999 {
		panic("http1: a status of " + strconv.Itoa(status))
	}
	if w.hijacked || w.status != 0 {
		return
	}
	if status < 200 && status != http.StatusSwitchingProtocols {
		w.inform(status)
		return
	}
	w.status = status
	w.noBody = w.isHead || status < 200 || status == http.StatusNoContent || status == http.StatusNotModified
	w.length = -1
	if text := w.header["Content-Length"]; len(text) == 1 {
		if n, ok := parseLength([]byte(text[0])); ok {
			w.length = n
		}
	}
	if w.length < 0 {
		delete(w.header, "Content-Length")
	}
}

func (w *response) inform(status int) {
	if w.minor == 0 {
		return
	}
	if status == http.StatusContinue {
		w.fail(w.goOn.say())
		return
	}
	w.statusLine(status)
	w.fields(func(name string) bool {
		return name == "Content-Length" || name == "Transfer-Encoding" || name == "Connection"
	})
	_, _ = w.out.WriteString("\r\n")
	w.flush()
}

// Write writes to the body; http.ErrBodyNotAllowed where there is none, http.ErrContentLength beyond the length that was set.
func (w *response) Write(p []byte) (int, error) { return w.write(len(p), p, "") }

// WriteString is Write of a string.
func (w *response) WriteString(s string) (int, error) { return w.write(len(s), nil, s) }

func (w *response) write(n int, p []byte, s string) (int, error) {
	if w.hijacked {
		return 0, http.ErrHijacked
	}
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if n == 0 {
		return 0, nil
	}
	if w.noBody {
		if w.isHead {
			w.written += int64(n)
			return n, nil
		}
		return 0, http.ErrBodyNotAllowed
	}
	if w.length >= 0 && w.written+int64(n) > w.length {
		return 0, http.ErrContentLength
	}
	if w.err != nil {
		return 0, w.err
	}
	w.written += int64(n)
	if !w.sent && w.length < 0 && len(w.pending)+n <= bufferSize/2 {
		w.pending = append(append(w.pending, p...), s...)
		return n, nil
	}
	w.send(false)
	w.piece(n, p, s)
	return n, w.err
}

// piece writes a piece of the body as it is framed.
func (w *response) piece(n int, p []byte, s string) {
	if n == 0 {
		return
	}
	if w.chunked {
		var room [20]byte
		_, _ = w.out.Write(append(strconv.AppendInt(room[:0], int64(n), 16), '\r', '\n'))
	}
	var err error
	if p != nil {
		_, err = w.out.Write(p)
	} else {
		_, err = w.out.WriteString(s)
	}
	if w.chunked {
		_, err = w.out.WriteString("\r\n")
	}
	w.fail(err)
}

func (w *response) fail(err error) {
	if err != nil && w.err == nil {
		w.err = err
		w.last = true
		w.conn.gone()
	}
}

// untilClose tells whether the end of the connection is what ends the body.
func (w *response) untilClose() bool { return w.sent && !w.noBody && !w.chunked && w.length < 0 }

func (w *response) flush() {
	if w.err == nil {
		w.fail(w.out.Flush())
	}
}

// FlushError sends what was written so far.
func (w *response) FlushError() error {
	if w.hijacked {
		return http.ErrHijacked
	}
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	w.send(false)
	w.flush()
	return w.err
}

// Flush is FlushError for those who do not ask.
func (w *response) Flush() { _ = w.FlushError() }

// EnableFullDuplex is so already: a body may be read while the response is written.
func (w *response) EnableFullDuplex() error { return nil }

// SetReadDeadline bounds reading the rest of the request.
func (w *response) SetReadDeadline(t time.Time) error { return w.conn.input.conn.SetReadDeadline(t) }

// SetWriteDeadline bounds writing the response, beside Server.WriteTimeout.
func (w *response) SetWriteDeadline(t time.Time) error { return w.conn.input.conn.SetWriteDeadline(t) }

// Hijack hands the connection over, with what was read of it and not used. The server forgets it.
func (w *response) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	switch {
	case w.hijacked:
		return nil, nil, http.ErrHijacked
	case w.sent:
		return nil, nil, errors.New("http1: hijacking after the response began")
	}
	w.hijacked = true
	return w.conn.hijack()
}
