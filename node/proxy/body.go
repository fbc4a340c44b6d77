package proxy

import (
	"errors"
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

func newIdle(limit time.Duration, life *http1.Life) *idle {
	if limit <= 0 {
		return &idle{}
	}
	return &idle{limit: limit, timer: time.AfterFunc(limit, func() { life.End(errIdle) })}
}

// alive counts a read as a sign of life.
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

// buffers are lent to copy bodies.
type buffers struct{ pool sync.Pool }

func newBuffers() *buffers {
	return &buffers{pool: sync.Pool{New: func() any { return new([32 << 10]byte) }}}
}

// Get lends a buffer.
func (b *buffers) Get() []byte { return b.pool.Get().(*[32 << 10]byte)[:] }

// Put takes it back.
func (b *buffers) Put(p []byte) { b.pool.Put((*[32 << 10]byte)(p)) }

// sending is the body of a request on its way. It notes what is wrong with a body that cannot be read: that is the client's
// fault, and not the application's.
type sending struct {
	http1.Body
	untaken
	exchange *exchange
	limit    int64                           // of its bytes; 0: none
	pace     bodyPace                        // at which it comes
	wrong    atomic.Pointer[http1.Malformed] // nil: nothing, as far as it was read
}

func (s *sending) Read(p []byte) (int, error) {
	s.taken.Store(true)
	s.pace.waiting.Store(true)
	n, err := s.Body.Read(p)
	s.pace.waiting.Store(false)
	s.read(err)
	s.exchange.alive()
	if count := s.pace.count.Add(int64(n)); s.limit > 0 && count > s.limit {
		m := &http1.Malformed{Status: http.StatusRequestEntityTooLarge, Reason: "its body is longer than its route allows"}
		s.wrong.Store(m)
		return 0, m
	}
	var m *http1.Malformed
	if err != nil && errors.As(err, &m) {
		s.wrong.Store(m)
	}
	return n, err
}
