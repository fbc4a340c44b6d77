package http1

import (
	"io"
	"time"
)

// After a last response it is read on, so that closing does not take the response with it: data that was not read makes TCP answer
// with a reset, and many a client looks for a response only when all of its body was taken. lingerStep has to come within lingerTime,
// and each further one within lingerMore, up to so many steps, or so much time.
const (
	lingerStep  = 128 << 10
	lingerTime  = 500 * time.Millisecond
	lingerMore  = 5 * time.Second
	lingerSteps = 512
	lingerMost  = 15 * time.Second
)

// linger reads on for a while after the last response.
func (c *conn) linger() {
	half, ok := c.input.conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	c.bounds.reading(0)
	began, wait := time.Now(), lingerTime
	for step := 0; step == 0 || step < lingerSteps && time.Since(began) < lingerMost && !c.server.draining(); step++ {
		_ = c.input.conn.SetReadDeadline(time.Now().Add(wait)) // of a connection that is closed, reading tells
		if _, err := io.CopyN(io.Discard, c.input.conn, lingerStep); err != nil {
			return
		}
		wait = lingerMore
		c.state.Store(isIdle) // a server that closes waits for this no longer
	}
}
