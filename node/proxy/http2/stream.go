package http2

import (
	"context"
	"errors"
	"net/http"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/net/http2"

	"picket/node/proxy/http1"
)

// errOver is what using a stream gives after its handler has returned.
var errOver = errors.New("http2: the response is over")

// Stream is one request and its response. It is the http1.Body of the one and the http1.Client of the other; as a whole it carries
// what an extended CONNECT asked for. What somebody may still hold of it when it is over belongs to no other (spare.go).
type Stream struct {
	conn    *conn
	id      uint32
	request http1.Request
	asked   string // the method, as it was asked for

	changed sync.Cond // on conn.mu: of all that follows

	inflow   inflow       // what the client may send
	share    int64        // of that, what it has of what its connection's streams share
	gave     int64        // when the client was last told that it may send more, Unix ns
	upload   bool         // the client may send more that is kept
	body     pieces       // what it sent and nobody has read
	declared int64        // length of the body; -1: none was said
	received int64        // bytes of the body
	ended    bool         // the client has sent all
	whole    bool         // it had when it began
	shut     bool         // nobody reads the body any more
	trailers http1.Fields // behind the body
	goOn     bool         // the client waits for 100 Continue

	window   int64  // what may be sent
	head     []byte // header of the response, not sent yet; nil: there is none, or it was sent
	headRoom []byte // for it; nil: there is none, or it is used
	used     []byte // the room that was, when it is over
	waiting  bool   // somebody waits to write
	tail     tail   // the last piece of body, where it can be told that nothing follows
	free     bool   // it is for the end of the request itself to say, so that it is no reason to send no more

	status   int   // 0: nothing was decided
	length   int64 // of the response's body; -1: it is not known
	written  int64 // bytes of it
	bodiless bool  // it has none, whatever is written
	finished bool
	lacks    bool  // something was not written because a deadline had passed, or nothing more was to be
	err      error // why nothing more can be sent or received; nil: it can

	reading, writing deadline
}

// prepare says what the handler is to see of the request.
func (s *Stream) prepare() {
	r := &s.request
	switch {
	case r.Protocol != "":
		r.Body = s
		if r.Protocol == "websocket" { // over HTTP/1.1 it is asked for by GET, and what comes behind it is no body
			r.Method, r.Length, r.Body = http.MethodGet, 0, nil
		}
	case r.Length != 0: // of a length of 0 the end is not waited for: net/http's client never sends it where it has announced trailers
		r.Body = s
	}
	s.goOn = r.Expect
	if s.ended || s.asked == http.MethodConnect { // what a tunnel carries is no content (RFC 9110, section 9.3.6)
		s.declared = -1
	}
}

// do serves the request.
func (s *Stream) do() {
	s.handle()
	c := s.conn
	c.mu.Lock()
	well := s.end()
	c.handled()
	others := c.running > 0
	flush := !c.out.writing && len(c.out.buf) > 0
	if flush {
		c.out.writing = true
	} else {
		c.left()
	}
	c.mu.Unlock()
	s.request.Life.Over()
	c.server.streams.put(s, well)
	if flush {
		c.settle(others)
	}
}

// handled counts a handler less. c.mu is held.
func (c *conn) handled() {
	if c.running--; c.running == 0 && len(c.streams) == 0 {
		c.idleBy = c.server.clock.by(c.server.IdleTimeout)
	}
}

// handle runs the handler. When that panics the response is not finished.
func (s *Stream) handle() {
	defer func() {
		if why := recover(); why != nil {
			s.conn.mu.Lock()
			s.finished = false
			s.conn.mu.Unlock()
			if why != http.ErrAbortHandler && s.conn.server.Panicked != nil {
				s.conn.server.Panicked(why, debug.Stack())
			}
		}
	}()
	s.conn.server.Handler(&s.request, s)
}

// end ends the stream when its handler has returned: what of it is not whole must not look so. It tells whether nobody has ended it
// before. c.mu is held.
func (s *Stream) end() (well bool) {
	c := s.conn
	if well = s.err == nil; well {
		code := http2.ErrCodeInternal
		switch {
		case s.finished:
			code = http2.ErrCodeNo // what the client still sends is not wanted (RFC 9113, section 8.1)
		case s.asked == http.MethodConnect && s.status == http.StatusOK:
			code = http2.ErrCodeConnect // the tunnel broke (RFC 9113, section 8.5)
		}
		if !s.finished || !s.ended {
			c.out.buf = appendNumber(c.out.room(), http2.FrameRSTStream, s.id, uint32(code))
		}
		if !s.ended {
			c.reset.add(s.id)
		}
		s.fail(errOver)
	}
	c.close(s)
	s.reading.stop()
	s.writing.stop()
	s.head = nil
	return well
}

// close forgets a stream that both sides have ended, or one has reset. c.mu is held.
func (c *conn) close(s *Stream) { delete(c.streams, s.id) }

// closeIfOver closes a stream that both sides have ended. One whose body is still to be read counts until its handler returns: what is
// held of it is its part of what a connection may hold. c.mu is held.
func (s *Stream) closeIfOver() {
	if s.ended && s.finished && s.body.held == 0 {
		s.conn.close(s)
	}
}

// fail lets nothing more be sent or received: whoever waits is told why. c.mu is held.
func (s *Stream) fail(why error) {
	if s.err != nil {
		return
	}
	s.err = why
	s.discard()
	s.changed.Broadcast()
}

// mayStillSend tells whether the client may send more of the body. c.mu is held.
func (s *Stream) mayStillSend() bool { return !s.ended && s.err == nil }

// await waits until something has changed, as long as there is nothing against it: a deadline, or that the request has ended, which
// counts only where ends is true. c.mu is held, but not meanwhile.
func (s *Stream) await(until *deadline, ends bool) error {
	switch {
	case s.err != nil:
		return s.err
	case until.passed:
		return os.ErrDeadlineExceeded
	case ends && s.request.Life.Err() != nil:
		return context.Canceled
	}
	s.changed.Wait()
	return nil
}

// wake wakes whoever waits.
func (s *Stream) wake() {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	s.changed.Broadcast()
}

// deadline is until when somebody waits. The zero deadline is none.
type deadline struct {
	passed bool        // guarded by conn.mu
	timer  *time.Timer // guarded by conn.mu; nil: there is none
}

func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}

// set sets a deadline; the zero time is none.
func (s *Stream) set(d *deadline, until time.Time) {
	c := s.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	d.stop()
	d.passed = false
	if until.IsZero() || s.err != nil {
		return
	}
	left := time.Until(until)
	if d.passed = left <= 0; d.passed {
		s.changed.Broadcast()
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(left, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if d.timer == timer {
			d.passed = true
			s.changed.Broadcast()
		}
	})
	d.timer = timer
}

// SetReadDeadline bounds reading; the zero time is without end.
func (s *Stream) SetReadDeadline(until time.Time) error {
	s.set(&s.reading, until)
	return nil
}

// SetWriteDeadline bounds how long writing waits for the client to make room; the zero time is without end. With a time that has
// passed the stream breaks off: it is not finished well any more.
func (s *Stream) SetWriteDeadline(until time.Time) error {
	s.set(&s.writing, until)
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	s.lacks = s.lacks || s.writing.passed
	return nil
}

// Held is how much of the body has come already.
func (s *Stream) Held() int {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	return max(0, s.readable())
}

// Within bounds how long the rest of the body may take to come.
func (s *Stream) Within(most time.Duration) { s.set(&s.reading, time.Now().Add(most)) }
