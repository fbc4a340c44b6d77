package http1

import (
	"errors"
	"net"
	"net/http"
	"strconv"
)

// response is the Client of one request: the way back over its connection. A body is framed by its length where that is known,
// else in chunks, else by the end of the connection, which HTTP/1.0 needs.
type response struct {
	conn  *conn
	life  *Life
	minor int    // of the request's HTTP/1.x
	goOn  *goOn  // nil: the client does not wait
	asked string // the method

	status   int   // 0: nothing was decided yet
	length   int64 // of the body; -1: it is not known
	written  int64 // bytes of the body
	noBody   bool  // the response has none, whatever is written
	chunked  bool
	last     bool // the connection ends with this response
	sent     bool // some of it may have gone out
	finished bool
	hijacked bool
	left     func() // what is to be done when the handler has returned; nil: nothing
	err      error  // of writing: nothing more is tried
}

// Inform sends an informational response.
func (w *response) Inform(status int, fields Fields) error {
	if w.minor == 0 || w.status != 0 || w.err != nil {
		return w.err
	}
	if status == http.StatusContinue {
		w.fail(w.goOn.say())
		return w.err
	}
	b := appendStatus(w.conn.out.head(), status)
	for i := range fields {
		f := &fields[i]
		switch f.Known() {
		case ContentLength, TransferEncoding, Connection:
		default:
			b = f.append(b)
		}
	}
	w.conn.out.buf = append(b, '\r', '\n')
	w.fail(w.conn.out.flush())
	return w.err
}

// Begin decides the response, and frames it.
func (w *response) Begin(r Reply) {
	if w.status != 0 || w.hijacked {
		return
	}
	w.goOn.begin()
	w.status, w.length, w.noBody = r.Status, r.Length, bodiless(w.asked, r.Status)
	w.last = w.last || r.Last || w.conn.server.draining() || !w.goOn.said() // a body that may or may not come ends it
	switch {
	case w.noBody, w.length >= 0:
	case w.minor == 1:
		w.chunked = true
	default:
		w.last = true
	}
	w.conn.out.buf = w.appendHead(w.conn.out.head(), r.Fields)
}

func (w *response) appendHead(b []byte, fields Fields) []byte {
	b = appendStatus(b, w.status)
	dated := false
	for i := range fields {
		f := &fields[i]
		switch f.Known() {
		case ContentLength, TransferEncoding, Connection:
			continue
		case Trailer:
			if !w.chunked {
				continue
			}
		case Date:
			dated = true
		}
		b = f.append(b)
	}
	if !dated {
		b = append(b, w.conn.server.dateLine()...)
	}
	if w.length >= 0 && w.status != http.StatusNoContent { // which may not even say one (RFC 9110, section 8.6)
		b = append(strconv.AppendInt(append(b, "Content-Length: "...), w.length, 10), '\r', '\n')
	}
	if w.last {
		b = append(b, "Connection: close\r\n"...)
	}
	if w.chunked {
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	}
	return append(b, '\r', '\n')
}

func appendStatus(b []byte, status int) []byte {
	if status == http.StatusOK {
		return append(b, "HTTP/1.1 200 OK\r\n"...)
	}
	b = append(strconv.AppendInt(append(b, "HTTP/1.1 "...), int64(status), 10), ' ')
	return append(append(b, http.StatusText(status)...), '\r', '\n')
}

// Write writes to the body.
func (w *response) Write(p []byte) (int, error) {
	switch {
	case w.hijacked:
		return 0, http.ErrHijacked
	case w.err != nil:
		return 0, w.err
	case w.status == 0 || w.finished:
		return 0, errOver
	case len(p) == 0:
		return 0, nil
	case w.noBody && w.asked == http.MethodHead:
		return len(p), nil
	case w.noBody:
		return 0, http.ErrBodyNotAllowed
	case w.length >= 0 && w.written+int64(len(p)) > w.length:
		return 0, http.ErrContentLength
	}
	w.written += int64(len(p))
	w.fail(w.conn.out.write(p, w.chunked))
	w.sent = w.sent || len(w.conn.out.buf) == 0
	return len(p), w.err
}

func (w *response) fail(err error) {
	if err != nil && w.err == nil {
		w.err = err
		w.last = true
		w.life.End(ErrClientGone)
	}
}

// Flush sends what was written so far.
func (w *response) Flush() error {
	if w.hijacked {
		return http.ErrHijacked
	}
	if w.err == nil && !w.finished {
		w.sent = w.sent || w.status != 0
		w.fail(w.conn.out.flush())
	}
	return w.err
}

// Finish ends the response, and sends it.
func (w *response) Finish(trailers Fields) error {
	if w.hijacked || w.finished || w.status == 0 || w.err != nil {
		return w.err
	}
	if w.length >= 0 && w.written < w.length && !w.noBody {
		return errShort
	}
	if w.chunked {
		b := append(w.conn.out.head(), "0\r\n"...)
		for i := range trailers {
			b = trailers[i].append(b)
		}
		w.conn.out.buf = append(b, '\r', '\n')
	}
	w.sent = true
	w.fail(w.conn.out.flush())
	w.finished = w.err == nil
	return w.err
}

// errShort says that less was written than was promised.
var errShort = errors.New("http1: the body is shorter than its length")

// untilClose tells whether the end of the connection is what ends the body.
func (w *response) untilClose() bool { return w.sent && !w.noBody && !w.chunked && w.length < 0 }

// Hijack hands the connection over, with what was read of it and not used. The server forgets it.
func (w *response) Hijack() (net.Conn, []byte, error) {
	switch {
	case w.hijacked:
		return nil, nil, http.ErrHijacked
	case w.status != 0:
		return nil, nil, errors.New("http1: hijacking after the response began")
	}
	w.hijacked = true
	return w.conn.input.conn, w.conn.hijack(), nil
}

// Leave has something done with a connection that was hijacked when the handler has returned, as a part of the same exchange: what
// goes on for hours is not to hold the stack on which a request was handled.
func (w *response) Leave(f func()) { w.left = f }
