package http2

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"golang.org/x/net/http/httpguts"
	"golang.org/x/net/http2"

	"picket/node/proxy/http1"
)

var (
	// errShort says that less was written than was promised.
	errShort = errors.New("http2: the body is shorter than its length")
	// errStalled says that the client made no room for more in time.
	errStalled = errors.New("http2: the client takes nothing")
)

// tail is where a frame with a piece of a body stands that waits to be written.
type tail struct {
	known bool
	turn  uint64 // of the output
	at    int    // in it
}

// Inform sends an informational response.
func (s *Stream) Inform(status int, fields http1.Fields) error {
	if status == http.StatusSwitchingProtocols {
		return nil // HTTP/2 has none (RFC 9113, section 8.6)
	}
	block := appendFields(appendStatus(nil, status), fields)
	c := s.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case s.err != nil || s.status != 0:
		return s.err
	case status == http.StatusContinue:
		s.sayGoOn()
		return nil
	}
	c.sendBlock(s.id, block, false)
	c.kick()
	return nil
}

// Begin decides the response.
func (s *Stream) Begin(r http1.Reply) {
	head := s.headRoom
	if s.headRoom = nil; head == nil {
		head = make([]byte, 0, 512)
	}
	head = appendFields(appendStatus(head, r.Status), r.Fields)
	if r.Length >= 0 && r.Status != http.StatusNoContent { // which may not even say one (RFC 9110, section 8.6)
		var room [20]byte
		text := strconv.AppendInt(room[:0], r.Length, 10)
		head = append(appendLength(append(head, notIndexed|15, contentLength-15), len(text)), text...)
	}
	if !hasDate(r.Fields) {
		head = appendField(head, &http1.Field{Name: "date", Value: s.conn.server.dateNow()})
	}
	over := s.request.Life.Err() != nil
	c := s.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.status != 0 || s.err != nil {
		return
	}
	s.status, s.length, s.head, s.used = r.Status, r.Length, head, head[:0]
	s.bodiless = http1.Bodiless(s.asked, r.Status)
	s.free = s.free || over
	if r.Last {
		c.beginToLeave()
	}
}

// appendFields writes what of a response's fields is not said by HTTP/2 itself (RFC 9113, section 8.2.2).
func appendFields(b []byte, fields http1.Fields) []byte {
	for i := range fields {
		switch fields[i].Known() {
		case http1.ContentLength, http1.TransferEncoding, http1.Connection, http1.KeepAlive, http1.ProxyConnection, http1.Upgrade:
		default:
			b = appendField(b, &fields[i])
		}
	}
	return b
}

func hasDate(fields http1.Fields) bool {
	for i := range fields {
		if fields[i].Known() == http1.Date {
			return true
		}
	}
	return false
}

// sendHead sends the header, if it was not yet. c.mu is held.
func (s *Stream) sendHead(end bool) {
	if s.head != nil {
		s.conn.sendBlock(s.id, s.head, end)
		s.head = nil
		s.conn.controls.earn(controlEarned)
	}
}

// Write writes to the body. It waits for the client to make room, and while too much waits to be written.
func (s *Stream) Write(p []byte) (int, error) {
	c := s.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := s.mayWrite(p); err != nil || len(p) == 0 {
		s.lacks = s.lacks || s.writing.passed
		return 0, err
	}
	s.written += int64(len(p))
	if s.bodiless {
		return len(p), nil // of HEAD
	}
	s.sendHead(false)
	for n := 0; ; {
		n += s.put(p[n:])
		if n == len(p) {
			return n, nil
		}
		if err := s.awaitRoom(); err != nil {
			s.lacks = s.lacks || s.writing.passed || err == errStalled
			return n, err
		}
	}
}

// mayWrite is why something may not be written. c.mu is held.
func (s *Stream) mayWrite(p []byte) error {
	switch {
	case s.err != nil:
		return s.err
	case s.status == 0 || s.finished:
		return errOver
	case s.writing.passed:
		return s.await(&s.writing, false)
	case !s.free && s.request.Life.Err() != nil: // nothing of a response that was cut goes to the client any more
		return context.Canceled
	case s.bodiless && s.asked != http.MethodHead && len(p) > 0:
		return http.ErrBodyNotAllowed
	case s.length >= 0 && s.written+int64(len(p)) > s.length && !s.bodiless:
		return http.ErrContentLength
	}
	return nil
}

// room is how many of so many bytes may be sent now. c.mu is held.
func (s *Stream) room(want int) int {
	if s.conn.out.full() {
		return 0
	}
	return int(max(0, min(int64(want), frameBytes, s.window, s.conn.window)))
}

// put sends as much as there is room for. c.mu is held.
func (s *Stream) put(p []byte) (n int) {
	c := s.conn
	for n < len(p) {
		some := s.room(len(p) - n)
		if some == 0 {
			break
		}
		b := c.out.roomFor(frameHead + some)
		s.tail = tail{known: true, turn: c.out.turn, at: len(b)}
		c.out.buf = append(appendFrame(b, http2.FrameData, 0, s.id, some), p[n:n+some]...)
		n += some
		s.window -= int64(some)
		c.window -= int64(some)
		if some >= earningPiece || n == len(p) { // who makes room for a byte at a time makes work
			c.controls.earn(controlEarned)
		}
	}
	return n
}

// awaitRoom waits until something can be sent. c.mu is held, but not meanwhile.
func (s *Stream) awaitRoom() error {
	c := s.conn
	c.kick()
	late := deadline{}
	s.waiting = true
	defer func() { s.waiting = false; late.stop() }()
	if !s.free {
		defer s.request.Life.AfterFunc(s.wake)()
		if most := c.server.WriteTimeout; most > 0 {
			late.timer = time.AfterFunc(most, func() {
				c.mu.Lock()
				defer c.mu.Unlock()
				late.passed = true
				s.changed.Broadcast()
			})
		}
	}
	for s.room(1) == 0 {
		if late.passed {
			return errStalled
		}
		if err := s.await(&s.writing, !s.free); err != nil {
			return err
		}
	}
	return nil
}

// Flush sends what was written so far.
func (s *Stream) Flush() error {
	c := s.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.err == nil && s.status != 0 {
		s.sendHead(false)
		c.kick()
	}
	return s.err
}

// Finish ends the response. It is sent when the handler returns, at the latest, with what others have written by then.
func (s *Stream) Finish(trailers http1.Fields) error {
	var block []byte
	for i := range trailers {
		if httpguts.ValidTrailerHeader(trailers[i].Name) {
			block = appendFields(block, trailers[i:i+1])
		}
	}
	c := s.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case s.err != nil || s.finished:
		return s.err
	case s.status == 0:
		return errOver
	case s.lacks: // half of what was sent must not look whole
		return os.ErrDeadlineExceeded
	case s.length >= 0 && s.written < s.length && !s.bodiless:
		return errShort
	}
	s.finished = true
	s.endOutput(block)
	s.closeIfOver()
	return nil
}

// CloseWrite ends what is sent to the client of a stream that carries something else than a response; it may go on sending.
func (s *Stream) CloseWrite() error {
	if err := s.Finish(nil); err != nil {
		return err
	}
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	s.conn.kick()
	return nil
}

// endOutput tells the client that nothing follows but these trailers. c.mu is held.
func (s *Stream) endOutput(trailers []byte) {
	o := &s.conn.out
	switch {
	case len(trailers) > 0 && !s.bodiless:
		s.sendHead(false)
		s.conn.sendBlock(s.id, trailers, true)
	case s.head != nil:
		s.sendHead(true)
	case !s.lastPiece():
		o.buf = appendFrame(o.room(), http2.FrameData, http2.FlagDataEndStream, s.id, 0)
	}
}

// Hijack is not for a stream: the connection is shared.
func (s *Stream) Hijack() (net.Conn, []byte, error) { return nil, nil, http.ErrNotSupported }

// Carry has the stream carry something else than a response from now on: that the request ends does not end what is written, nor
// does a client that takes its time.
func (s *Stream) Carry() {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	s.free = true
}
