package http2

import (
	"time"

	"golang.org/x/net/http2"
)

// leaving is how far a connection has come in ending well (RFC 9113, section 6.8): the client is told to open no more streams; when
// it has heard so, or does not say, which was the last that is served; when all have come to their end, the connection ends.
type leaving struct {
	begun bool
	by    int64 // when it is told which was the last, whatever it says; 0: it was
	told  bool
	over  bool // it has been told all
}

// leaveTime is for a client to say that it heard.
const leaveTime = time.Second

// leavePing is the ping that asks whether it did.
var leavePing = [8]byte{'l', 'e', 'a', 'v', 'i', 'n', 'g'}

// goAway asks the client to open no more streams.
func (c *conn) goAway() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.beginToLeave()
}

// beginToLeave is goAway with c.mu held.
func (c *conn) beginToLeave() {
	if c.leaving.begun || c.err != nil {
		return
	}
	c.leaving.begun = true
	c.leaving.by = time.Now().Add(c.server.leaveTime).UnixNano()
	b := appendGoAway(c.out.room(), 1<<31-1, http2.ErrCodeNo, "")
	c.out.buf = append(appendFrame(b, http2.FramePing, 0, 0, 8), leavePing[:]...)
	c.kick()
}

// lastCall tells which stream was the last that is served. c.mu is held.
func (c *conn) lastCall() {
	if c.leaving.told || c.err != nil {
		return
	}
	c.leaving = leaving{begun: true, told: true}
	c.out.buf = appendGoAway(c.out.room(), c.last, http2.ErrCodeNo, "")
	c.kick()
}

// left ends the connection when it is to end, and nothing is left to be said. c.mu is held.
func (c *conn) left() {
	c.quiet.Broadcast()
	if c.running > 0 || c.out.writing || len(c.out.buf) > 0 || !c.leaving.told || c.leaving.over || c.err != nil {
		return
	}
	c.leaving.over = true
	_ = c.net.SetReadDeadline(time.Now().Add(farewellTime)) // who reads is woken, if the client does not close before
	if half, ok := c.net.(interface{ CloseWrite() error }); ok {
		go func() { _ = half.CloseWrite() }() // with TLS it waits for a client that does not read
	}
}
