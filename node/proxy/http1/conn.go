package http1

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync/atomic"
	"time"
)

const (
	// drainBytes is how much of a body that the handler did not want is read to save the connection.
	drainBytes = 256 << 10
	drainTime  = 5 * time.Second
)

// conn is one connection, and the goroutine that owns it.
type conn struct {
	server *Server
	input  input
	out    output
	bounds *limits
	remote string
	peer   Peer
	tls    *tls.ConnectionState // nil: none
	state  atomic.Int32         // isBusy, isFresh or isIdle
	watch  watch
	handed bool   // hijacked
	then   func() // what is left to be done of it then; nil: nothing
}

// States of a connection.
const (
	isBusy  int32 = iota // a request is under way
	isFresh              // nothing has come yet, or half a head: a request may be on its way
	isIdle               // no request is under way: it may be closed
)

// exchange is one request and its response. It is made anew for each, unless nobody can hold anything of the one before when that is
// over: it had no body, and its life was nobody's context. Memory that is used again is still in the processor's caches.
type exchange struct {
	Request
	response response
	body     body
}

// serve takes one request after the other.
func (c *conn) serve(ctx context.Context) {
	defer c.input.release()
	defer c.out.release()
	for first := true; c.await(first) == nil; first = false { // else it ended, or nothing came: nobody waits for an answer
		x, err := c.next()
		if err != nil {
			c.refuse(err)
			return
		}
		if !c.one(ctx, x) {
			return
		}
		c.server.spare(x)
	}
}

// next reads the next head.
func (c *conn) next() (*exchange, error) {
	c.input.used = len(c.input.held()) > 0
	size := len(c.input.held())
	if !bytes.HasSuffix(c.input.held(), []byte("\r\n\r\n")) { // else a head ends there, or before
		var err error
		if size, err = c.nextEnd(); err != nil {
			return nil, err
		}
	}
	c.bounds.reading(0)
	return c.read(size)
}

// nextEnd reads on until the next head is there, and gives its size.
func (c *conn) nextEnd() (int, error) {
	size, seen, err := end(c.input.held(), 0)
	if err == nil && size == 0 {
		size, err = c.nextPieces(seen)
	}
	return size, err
}

// nextPieces reads a head that does not come at once, of which so many bytes were looked at, and gives its size.
func (c *conn) nextPieces(seen int) (size int, err error) {
	c.bounds.reading(c.server.HeaderTimeout)
	c.state.Store(isFresh)
	defer c.state.Store(isBusy)
	for size == 0 && err == nil {
		if err = c.input.more(c.server.headerBytes() + 1); err != nil {
			return 0, c.lateHead(err)
		}
		size, seen, err = end(c.input.held(), seen)
	}
	return size, err
}

// read makes a request of a head, which is whole in so many bytes.
func (c *conn) read(size int) (*exchange, error) {
	x := c.server.exchange()
	size, err := x.parse(string(c.input.held()[:size]), c.server.fields())
	switch {
	case err != nil:
		return nil, err
	case size > c.server.headerBytes():
		return nil, errTooLong
	}
	c.input.r += size
	x.Remote, x.Peer, x.TLS = c.remote, c.peer, c.tls
	x.response = response{conn: c, life: &x.Life, minor: x.Minor, asked: x.Method, last: x.Close}
	if x.Length != 0 {
		c.takeBody(x)
	}
	return x, nil
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
	if !c.rest(first) {
		return io.EOF
	}
	err := c.input.first()
	c.state.Store(isBusy)
	return err
}

// rest lets the connection count as one that waits; false: it is not to wait.
func (c *conn) rest(first bool) bool {
	if first {
		c.bounds.reading(c.server.HeaderTimeout)
		c.state.Store(isFresh)
		return true
	}
	c.bounds.reading(c.server.IdleTimeout)
	c.state.Store(isIdle)
	return !c.server.draining()
}

// one serves one request; false ends the connection.
func (c *conn) one(ctx context.Context, x *exchange) (more bool) {
	stop := x.follow(ctx)
	w := &x.response
	if x.Body == nil {
		c.out.buf = c.input.lend()[:0]
	}
	c.watch.start(x)
	c.handle(x)
	if w.left != nil {
		c.then = c.server.afterwards(x, stop)
		return false
	}
	if stop != nil {
		defer stop()
	}
	defer x.Life.Over()
	if w.hijacked {
		return false
	}
	c.watch.stop()
	more = w.finished && !w.last && c.leftOver(x)
	if x.Body != nil {
		x.body.shut()
	}
	c.out.spare(&c.input)
	switch {
	case !w.finished && w.untilClose():
		c.reset() // half a response must not look whole
	case w.finished && !more:
		c.linger()
	}
	if w.err == nil {
		w.err = errOver // who writes now would write into another response
	}
	return more
}

// follow ends the exchange when ctx ends. stop prevents that; nil: ctx never does.
func (x *exchange) follow(ctx context.Context) (stop func() bool) {
	if ctx.Done() == nil {
		return nil
	}
	x.Life.Keep()
	return context.AfterFunc(ctx, func() { x.Life.End(context.Cause(ctx)) })
}

// afterwards is what a handler left to be done of an exchange, and the end of that.
func (s *Server) afterwards(x *exchange, stop func() bool) func() {
	return func() {
		defer func() {
			if why := recover(); why != nil {
				s.panicked(why, debug.Stack())
				x.response.conn.reset()
			}
		}()
		if stop != nil {
			defer stop()
		}
		defer x.Life.Over()
		x.response.left()
	}
}

// reset breaks the connection off, so that nobody takes its end for the end of a response. TLS is not told: its own farewell
// would say that all was sent.
func (c *conn) reset() {
	conn := c.input.conn
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	if wired, ok := conn.(interface{ SetLinger(seconds int) error }); ok {
		_ = wired.SetLinger(0)
	}
	_ = conn.Close()
}

// takeBody gives the request its body.
func (c *conn) takeBody(x *exchange) {
	b := &x.body
	b.in, b.left, b.chunked, b.life = &c.input, max(x.Length, 0), x.Length < 0, &x.Life
	if x.Expect {
		x.response.goOn = &goOn{write: func() error {
			_, err := c.bounds.Write([]byte("HTTP/1.1 100 Continue\r\n\r\n"), c.server.WriteTimeout)
			return err
		}}
		b.goOn = x.response.goOn
	}
	x.Body = b
}

// handle runs the handler. When that panics the response is not finished, and a connection that was handed over to nobody else is closed.
func (c *conn) handle(x *exchange) {
	defer func() {
		if why := recover(); why != nil {
			x.response.finished = false
			if x.response.hijacked && x.response.left == nil {
				c.reset()
			}
			if why != http.ErrAbortHandler {
				c.server.panicked(why, debug.Stack())
			}
		}
	}()
	c.server.Handler(&x.Request, &x.response)
}

// leftOver reads what the handler left of the body; false when that is too much.
func (c *conn) leftOver(x *exchange) bool {
	if x.Body == nil || x.body.done() {
		return true
	}
	c.bounds.reading(drainTime)
	return x.body.drain(drainBytes)
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
	b.WriteString(strconv.Itoa(m.Status) + " " + text + "\r\nContent-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\nConnection: close\r\nContent-Length: ")
	b.WriteString(strconv.Itoa(len(text)+len(m.Reason)+3) + "\r\n\r\n" + text + ": " + m.Reason + "\n")
	if _, err := c.bounds.Write(b.Bytes(), lingerTime); err == nil {
		c.linger()
	}
}

// hijack hands the connection over, and gives what was read of it.
func (c *conn) hijack() (held []byte) {
	c.watch.stop()
	c.handed = true
	c.server.forget(c)
	held = bytes.Clone(c.input.held())
	c.input.r = c.input.w
	c.input.release()
	c.out.release()
	c.bounds.reading(0)
	c.bounds.writing(0)
	return held
}
