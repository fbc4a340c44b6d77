package http2

import "golang.org/x/net/http2"

// initialWindow is what may be sent before anybody says otherwise (RFC 9113, section 6.9.2), in bytes, and mostWindow what a window
// may be.
const (
	initialWindow = 65535
	mostWindow    = 1<<31 - 1
)

// inflow is what the client may still send, of a stream or of all.
type inflow struct {
	left int64 // that it may
	read int64 // that was read and not yet given back
	most int64 // what it may send that nobody has read
}

// take counts what came; false: more than it was allowed.
func (f *inflow) take(n int64) bool {
	f.left -= n
	return f.left >= 0
}

// give counts what was read, and gives how much of it the client is to be told of: 0 while that is little.
func (f *inflow) give(n int64) (more int64) {
	f.read += n
	if f.read < f.most/4 {
		return 0
	}
	more, f.read = f.read, 0
	f.left += more
	return more
}

// What a client may send that nobody has read, in bytes. Each stream has a window of its own, so that one whose body nobody reads
// holds no other up: what comes on a connection is given back to it at once. A stream whose body is read gets more, as long as there
// is some left of what the streams of its connection share; so a connection holds no more than a firstWindow for each request that it
// may have under way, and that.
const (
	firstWindow = initialWindow
	laterWindow = 256 << 10
	sharedBytes = 1 << 20
	connWindow  = 1 << 30
)

// giveBack tells the client that it may send more on the connection. c.mu is held.
func (c *conn) giveBack(n int64) {
	if more := c.inflow.give(n); more > 0 {
		c.moreRoom(0, more)
	}
}

// giveBack tells the client that it may send more on the stream, since something was read. c.mu is held.
func (s *Stream) giveBack(n int) {
	if n == 0 || !s.mayStillSend() {
		return
	}
	more := s.inflow.give(int64(n))
	if more == 0 {
		return
	}
	s.conn.moreRoom(s.id, more+s.widen())
}

// widen makes the window larger of a stream whose body is long and is read, and tells by how much. c.mu is held.
func (s *Stream) widen() int64 {
	by := laterWindow - s.inflow.most
	if s.shut || by > s.conn.shared {
		return 0
	}
	s.conn.shared -= by
	s.inflow.most += by
	s.inflow.left += by
	return by
}

// narrow takes back what widen gave. c.mu is held.
func (s *Stream) narrow() {
	s.conn.shared += s.inflow.most - firstWindow
	s.inflow.most = firstWindow
}

// moreRoom tells the client that it may send so many bytes more. c.mu is held.
func (c *conn) moreRoom(stream uint32, more int64) {
	if c.err == nil {
		c.out.buf = appendNumber(c.out.room(), http2.FrameWindowUpdate, stream, uint32(more))
		c.kick()
	}
}

// takeWindow makes room for more to be sent. c.mu is held.
func (c *conn) takeWindow(f *http2.WindowUpdateFrame) error {
	more := int64(f.Increment)
	if f.StreamID == 0 {
		shut := c.window <= 0
		if c.window += more; c.window > mostWindow {
			return wrong(http2.ErrCodeFlowControl, "the window is too large")
		}
		if shut {
			c.wakeWriters()
		}
		return nil
	}
	s := c.streams[f.StreamID]
	if s == nil {
		return c.notIdle(f.StreamID)
	}
	if s.window += more; s.window > mostWindow {
		return http2.StreamError{StreamID: s.id, Code: http2.ErrCodeFlowControl}
	}
	s.changed.Broadcast()
	return nil
}

// takeInitialWindow changes what may be sent of each stream (RFC 9113, section 6.9.2). c.mu is held.
func (c *conn) takeInitialWindow(to int64) error {
	by := to - c.initial
	c.initial = to
	for _, s := range c.streams {
		if s.window += by; s.window > mostWindow {
			return wrong(http2.ErrCodeFlowControl, "a window is too large")
		}
		s.changed.Broadcast()
	}
	return nil
}

// notIdle is an error where the client speaks of a stream that it never opened (RFC 9113, section 5.1). c.mu is held.
func (c *conn) notIdle(stream uint32) error {
	if stream > c.opened || stream%2 == 0 {
		return wrong(http2.ErrCodeProtocol, "a frame of a stream that was not opened")
	}
	return nil
}
