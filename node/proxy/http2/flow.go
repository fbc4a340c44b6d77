package http2

import (
	"time"

	"golang.org/x/net/http2"
)

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

// take counts what came; false: more than it was allowed. Nothing always is: less than none is left of a window that was made smaller.
func (f *inflow) take(n int64) bool {
	f.left -= n
	return f.left >= 0 || n == 0
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
// holds no other up: what comes on a connection is given back to it at once. Windows are small at first, evenBytes for all streams
// that a client may have open. Those that are read as fast as their bodies come get more, of what the streams of their connection
// share: each as much as the others, once many want it.
const (
	evenBytes   = 4 << 20 // of 250 streams each has room for a frame as long as it may be
	sharedBytes = 1 << 20
	laterWindow = 256 << 10 // the largest of a stream
	connWindow  = 1 << 30
)

// pause is how long it takes at least to read a quarter of a window where more of it would be of no use.
const pause = int64(2 * time.Second)

// firstWindow is what a client may send of each of so many streams before anything is read.
func firstWindow(streams int) int64 { return min(initialWindow, evenBytes/int64(streams)) }

// giveBack tells the client that it may send more on the connection. Before it has heard how small windows are it may fill larger ones,
// and so gets nothing back. c.mu is held.
func (c *conn) giveBack(n int64) {
	if !c.acknowledged {
		return
	}
	if more := c.inflow.give(n); more > 0 {
		c.moreRoom(0, more)
	}
}

// narrowWindows has every window be what the client has been told, now that it says that it knows: also of streams that it had begun
// to fill before (RFC 9113, section 6.9.2). c.mu is held.
func (c *conn) narrowWindows() {
	c.moreRoom(0, connWindow-c.inflow.left)
	c.inflow = inflow{left: connWindow, most: connWindow}
	for _, s := range c.streams {
		s.inflow.left += c.server.firstWindow - s.inflow.most
		s.inflow.most = c.server.firstWindow
		s.giveBack(0)
	}
}

// giveBack tells the client that it may send more on the stream, since something was read. c.mu is held.
func (s *Stream) giveBack(n int) {
	if !s.mayStillSend() {
		return
	}
	more := s.inflow.give(int64(n))
	if more == 0 {
		return
	}
	if more += s.fit(more); more > 0 {
		s.conn.moreRoom(s.id, more)
	}
}

// fit makes the window of a stream as large as it may be, where so much is to be given back, and tells by how much. c.mu is held.
func (s *Stream) fit(more int64) int64 {
	c := s.conn
	if s.shut || !c.acknowledged {
		return 0
	}
	want := c.server.firstWindow
	now := c.server.clock.now.Load()
	if now-s.gave < pause {
		want = min(max(laterWindow, want), want+sharedBytes/int64(c.uploads+1)) // as if one more had come
	}
	s.gave = now
	by := want - s.inflow.most
	if by > 0 {
		by = min(by, c.shared/2) // something is left for the next
	} else {
		by = max(by, -more, -s.share)
	}
	s.share += by
	c.shared -= by
	s.inflow.most += by
	s.inflow.left += by
	return by
}

// uploads lets the client send a body, from now on. c.mu is held.
func (s *Stream) uploads() {
	c := s.conn
	c.uploads++
	s.upload, s.gave = true, c.server.clock.now.Load()
	s.inflow = inflow{left: c.server.firstWindow, most: c.server.firstWindow}
	if !c.acknowledged {
		s.inflow = inflow{left: initialWindow, most: initialWindow}
	}
}

// sent counts it no more: nothing comes any more that is held. c.mu is held.
func (s *Stream) sent() {
	if s.upload {
		s.upload = false
		s.conn.uploads--
	}
	if int64(s.body.held) <= s.conn.server.firstWindow {
		s.conn.shared += s.share
		s.inflow.most -= s.share
		s.share = 0
	}
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
