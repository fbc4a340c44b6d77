package http1

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"
)

const (
	// lingerTime and lingerBytes bound what is read after a last response, so that closing does not take the response with it:
	// data that was not read makes TCP answer with a reset.
	lingerTime  = 500 * time.Millisecond
	lingerBytes = 256 << 10
	// drainBytes is how much of a body that the handler did not want is read to save the connection.
	drainBytes = 256 << 10
	drainTime  = 5 * time.Second
)

// conn is one connection, and the goroutine that owns it.
type conn struct {
	server *Server
	input  input
	remote string
	tls    *tls.ConnectionState // nil: none
	fresh  atomic.Bool          // nothing has come yet, or half a head: a request may be on its way
	idle   atomic.Bool          // no request is under way: it may be closed

	head   Head
	body   *body // of the present request
	watch  *watch
	cancel context.CancelFunc // of the present request
	handed bool               // hijacked
}

// serve takes one request after the other.
func (c *conn) serve(ctx context.Context) {
	defer c.input.release()
	for first := true; ; first = false {
		size, err := c.next(first)
		if err != nil {
			c.refuse(err)
			return
		}
		if !c.one(ctx, size) {
			return
		}
	}
}

// next reads the next head and gives its length in bytes.
func (c *conn) next(first bool) (int, error) {
	if err := c.await(first); err != nil {
		return 0, err
	}
	c.setReadDeadline(c.server.HeaderTimeout)
	c.input.used = len(c.input.held()) > 0
	c.fresh.Store(true)
	defer c.fresh.Store(false)
	for seen := 0; ; {
		size, next, err := end(c.input.held(), seen)
		switch {
		case err != nil:
			return 0, err
		case size > c.server.headerBytes():
			return 0, errTooLong
		case size > 0:
			c.setReadDeadline(0)
			return size, c.head.parse(c.input.held()[:size], c.server.fields())
		}
		seen = next
		if err := c.input.more(c.server.headerBytes() + 1); err != nil {
			return 0, c.lateHead(err)
		}
	}
}

// lateHead is what a head that does not come in time is, when some of it came.
func (c *conn) lateHead(err error) error {
	var late net.Error
	if c.input.used && errors.As(err, &late) && late.Timeout() {
		return errSlow
	}
	return err
}

// await waits for the first byte of a request. Meanwhile the connection counts as idle, and holds no buffer if it can do without.
func (c *conn) await(first bool) error {
	if len(c.input.held()) > 0 {
		return nil
	}
	c.head.forget()
	c.body, c.watch = nil, nil
	c.input.release()
	if first {
		c.setReadDeadline(c.server.HeaderTimeout)
		c.fresh.Store(true)
		defer c.fresh.Store(false)
	} else {
		c.setReadDeadline(c.server.IdleTimeout)
		c.idle.Store(true)
		defer c.idle.Store(false)
		if c.server.draining() {
			return io.EOF
		}
	}
	return c.input.first()
}

func (c *conn) setReadDeadline(d time.Duration) {
	var at time.Time
	if d > 0 {
		at = time.Now().Add(d)
	}
	_ = c.input.conn.SetReadDeadline(at) // a connection that cannot is closed, and reading tells
}

// one serves one request; false ends the connection.
func (c *conn) one(ctx context.Context, size int) (more bool) {
	ctx, c.cancel = context.WithCancel(ctx)
	defer c.cancel()
	r, err := c.head.request(ctx, c.remote, c.tls)
	if err != nil {
		c.refuse(err)
		return false
	}
	c.input.r += size
	out := c.server.writers.get(timedWriter{c.input.conn, c.server.WriteTimeout})
	w := &response{conn: c, minor: c.head.Minor, isHead: r.Method == http.MethodHead, last: c.head.Close, out: out, header: http.Header{}}
	c.takeBody(r, w)
	c.watch = newWatch(c)
	finished := c.handle(w, r)
	if w.hijacked {
		return false
	}
	c.watch.stop()
	more = finished && w.finish() && c.leftOver()
	c.body.shut()
	c.server.writers.put(out)
	switch {
	case !finished && w.untilClose():
		c.reset() // half a response must not look whole
	case finished && !more && w.err == nil:
		c.linger()
	}
	if w.err == nil {
		w.err = errOver // who writes now would write into another response
	}
	return more
}

// reset breaks the connection off, so that nobody takes its end for the end of a response. TLS is not told: its own farewell
// would say that all was sent.
func (c *conn) reset() {
	conn := c.input.conn
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	if wired, ok := conn.(*net.TCPConn); ok {
		_ = wired.SetLinger(0)
	}
	_ = conn.Close()
}

// takeBody gives the request its body.
func (c *conn) takeBody(r *http.Request, w *response) {
	c.body = nil
	if c.head.Length == 0 {
		return
	}
	c.body = &body{in: &c.input, left: max(c.head.Length, 0), chunked: c.head.Length < 0, gone: c.gone}
	c.body.trailers = func(name, value string) {
		switch name {
		case "Transfer-Encoding", "Content-Length", "Trailer", "Host":
			return
		}
		if r.Trailer == nil {
			r.Trailer = http.Header{}
		}
		r.Trailer[name] = append(r.Trailer[name], value)
	}
	if c.head.Expect {
		w.goOn = &goOn{write: func() error {
			_, err := timedWriter{c.input.conn, c.server.WriteTimeout}.Write([]byte("HTTP/1.1 100 Continue\r\n\r\n"))
			return err
		}}
		c.body.goOn = w.goOn
	}
	r.Body = c.body
}

// handle runs the handler; false when it gave up in the middle.
func (c *conn) handle(w *response, r *http.Request) (finished bool) {
	defer func() {
		why := recover()
		if why == nil {
			return
		}
		finished = false
		if why != http.ErrAbortHandler {
			c.server.panicked(why, debug.Stack())
		}
	}()
	c.server.Handler.ServeHTTP(w, r)
	return true
}

// leftOver reads what the handler left of the body; false when that is too much.
func (c *conn) leftOver() bool {
	if c.body == nil || c.body.done() {
		return true
	}
	c.setReadDeadline(drainTime)
	return c.body.drain(drainBytes)
}

// refuse answers a request that no handler sees.
func (c *conn) refuse(err error) {
	var m *Malformed
	if !errors.As(err, &m) {
		return // it ended, or nothing came: nobody waits for an answer
	}
	c.server.refused(c.remote, m)
	text := http.StatusText(m.Status)
	var b bytes.Buffer
	b.WriteString("HTTP/1.1 ")
	b.WriteString(itoa(m.Status) + " " + text + "\r\nContent-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\nConnection: close\r\nContent-Length: ")
	b.WriteString(itoa(len(text)+len(m.Reason)+3) + "\r\n\r\n" + text + ": " + m.Reason + "\n")
	if _, err := (timedWriter{c.input.conn, lingerTime}).Write(b.Bytes()); err == nil {
		c.linger()
	}
}

// linger reads on for a while after the last response.
func (c *conn) linger() {
	half, ok := c.input.conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	c.setReadDeadline(lingerTime)
	_, _ = io.CopyN(io.Discard, c.input.conn, lingerBytes)
}

// hijack hands the connection over.
func (c *conn) hijack() (net.Conn, *bufio.ReadWriter, error) {
	c.watch.stop()
	c.handed = true
	c.server.forget(c)
	held := bytes.Clone(c.input.held())
	c.input.r = c.input.w
	c.setReadDeadline(0)
	in := bufio.NewReaderSize(io.MultiReader(bytes.NewReader(held), c.input.conn), max(len(held), bufferSize))
	if _, err := in.Peek(len(held)); err != nil {
		return nil, nil, err
	}
	return c.input.conn, bufio.NewReadWriter(in, bufio.NewWriter(c.input.conn)), nil
}

// gone says that the client left: the request ends.
func (c *conn) gone() { c.cancel() }

// timedWriter bounds each write: a client that does not read holds nothing up for ever.
type timedWriter struct {
	conn net.Conn
	most time.Duration // 0: without end
}

// Write writes to the connection.
func (w timedWriter) Write(p []byte) (int, error) {
	if w.most > 0 {
		if err := w.conn.SetWriteDeadline(time.Now().Add(w.most)); err != nil {
			return 0, err
		}
	}
	return w.conn.Write(p)
}
