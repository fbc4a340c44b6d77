package proxy

import (
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"picket/node/proxy/http1"
)

// idle ends a tunnel when no byte was read from either side for the time that its route sets.
type idle struct {
	door   *Door
	stream *stream
	limit  time.Duration
	timer  *time.Timer // nil: no limit
}

func newIdle(d *Door, a *ask) *idle {
	i := &idle{door: d, stream: &a.stream, limit: a.route.IdleTimeout}
	if life := &a.r.Life; i.limit > 0 {
		i.timer = time.AfterFunc(i.limit, func() { life.End(errIdle) })
	}
	return i
}

// alive counts a read as a sign of life.
func (i *idle) alive() {
	i.stream.alive.Store(i.door.coarse.Load())
	if i.timer != nil {
		i.timer.Reset(i.limit)
	}
}

func (i *idle) stop() {
	if i.timer != nil {
		i.timer.Stop()
	}
}

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

// Read reads what comes next.
func (s *sending) Read(p []byte) (int, error) {
	n, err := s.Past(func() (int64, error) {
		n, err := s.Body.Read(p)
		return int64(n), err
	})
	return int(n), err
}

// Inner is the body as the client sends it.
func (s *sending) Inner() http1.Body { return s.Body }

// Past takes down what is read from the client, or why no more is, and tells what ends the body.
func (s *sending) Past(read func() (int64, error)) (int64, error) {
	s.taken.Store(true)
	s.pace.waiting.Store(true)
	n, err := read()
	s.pace.waiting.Store(false)
	s.read(err)
	s.exchange.alive()
	count := s.pace.count.Add(n)
	if err == io.EOF || count == s.exchange.r.Length {
		s.exchange.stream.unasked.Store(false)
	}
	if s.limit > 0 && count > s.limit {
		n, err = 0, &http1.Malformed{Status: http.StatusRequestEntityTooLarge, Reason: "its body is longer than its route allows"}
	}
	var m *http1.Malformed
	if err != nil && errors.As(err, &m) {
		s.wrong.Store(m)
	}
	return n, err
}

// Taken takes down that the application took some of it.
func (s *sending) Taken() { s.exchange.alive() }

// Held is how much of it is there already.
func (s *sending) Held() int {
	if h, ok := s.Body.(http1.Holding); ok {
		return h.Held()
	}
	return 0
}
