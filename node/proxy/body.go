package proxy

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"picket/node/proxy/http1"
)

// idle ends a request when no byte was read from either side for a time. The zero idle never does.
type idle struct {
	limit time.Duration
	timer *time.Timer // nil: no limit
}

func newIdle(limit time.Duration, cancel context.CancelCauseFunc) *idle {
	if limit <= 0 {
		return &idle{}
	}
	return &idle{limit: limit, timer: time.AfterFunc(limit, func() { cancel(errIdle) })}
}

// watch counts each read of a body as a sign of life.
func (i *idle) watch(body io.ReadCloser) io.ReadCloser {
	if i.timer == nil {
		return body
	}
	return &watched{ReadCloser: body, idle: i}
}

func (i *idle) alive() {
	if i.timer != nil {
		i.timer.Reset(i.limit)
	}
}

func (i *idle) stop() {
	if i.timer != nil {
		i.timer.Stop()
	}
}

type watched struct {
	io.ReadCloser
	idle *idle
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.ReadCloser.Read(p)
	w.idle.alive()
	return n, err
}

// buffers are lent to copy bodies.
type buffers struct{ pool sync.Pool }

func newBuffers() *buffers {
	return &buffers{pool: sync.Pool{New: func() any { return new([32 << 10]byte) }}}
}

// Get lends a buffer.
func (b *buffers) Get() []byte { return b.pool.Get().(*[32 << 10]byte)[:] }

// Put takes it back.
func (b *buffers) Put(p []byte) { b.pool.Put((*[32 << 10]byte)(p)) }

// trailing is a body that hands on its trailers when it ends.
type trailing struct {
	io.ReadCloser
	from *http.Request
	to   http.Header
}

func (t *trailing) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		for name := range t.to {
			t.to[name] = t.from.Trailer[name]
		}
	}
	return n, err
}

// checked notes what is wrong with a body that cannot be read: that is the client's fault, and not the application's.
type checked struct {
	io.ReadCloser
	wrong *atomic.Pointer[http1.Malformed]
}

func (c *checked) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	var m *http1.Malformed
	if errors.As(err, &m) {
		c.wrong.Store(m)
	}
	return n, err
}
