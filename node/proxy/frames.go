package proxy

import (
	"encoding/binary"
	"errors"
	"io"
	"sync"
	"time"
)

// Status codes of a close frame (RFC 6455, section 7.4.1).
const (
	closeGoingAway uint16 = 1001
	closePolicy    uint16 = 1008
)

// errClosing says that a close frame was sent, and that nothing follows it.
var errClosing = errors.New("the WebSocket is closed")

// frames writes to a client what the application sends on a WebSocket, and knows where one frame ends and the next
// begins, so that a close frame of ours can be put between them.
type frames struct {
	to     io.Writer
	closed chan struct{} // closed when nothing more will be written

	mu      sync.Mutex
	at      frameReader // guarded by mu
	closing []byte      // guarded by mu: the close frame that is due at the end of the present frame; nil: none
	done    bool        // guarded by mu
}

func newFrames(to io.Writer) *frames { return &frames{to: to, closed: make(chan struct{})} }

// Write passes on what the application sent. When a close frame is due, only the rest of the present frame is passed on,
// then the close frame; errClosing follows.
func (f *frames) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.done {
		return 0, errClosing
	}
	if f.closing == nil {
		n, err := f.to.Write(p)
		for rest := p[:n]; len(rest) > 0; {
			rest = rest[f.at.read(rest):]
		}
		return n, err
	}
	n := f.at.read(p)
	if _, err := f.to.Write(p[:n]); err != nil {
		return 0, err
	}
	if !f.at.between() {
		return n, nil
	}
	return n, f.finish()
}

// close sends a close frame as soon as the present frame has ended, and waits for that; after patience it gives up. In
// either case nothing is written afterwards.
func (f *frames) close(code uint16, reason string, patience time.Duration) {
	f.mu.Lock()
	f.closing = closeFrame(code, reason)
	if !f.done && f.at.between() {
		_ = f.finish()
	}
	f.mu.Unlock()
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-f.closed:
	case <-late.C:
		f.mu.Lock()
		f.done = true
		f.mu.Unlock()
	}
}

// finish sends the close frame that is due. f.mu is held.
func (f *frames) finish() error {
	f.done = true
	close(f.closed)
	if _, err := f.to.Write(f.closing); err != nil {
		return err
	}
	return errClosing
}

// closeFrame is a close frame of a server (RFC 6455, sections 5.2 and 5.5.1). reason is cut to what fits.
func closeFrame(code uint16, reason string) []byte {
	reason = reason[:min(len(reason), 123)]
	frame := []byte{0x88, byte(2 + len(reason))}
	frame = binary.BigEndian.AppendUint16(frame, code)
	return append(frame, reason...)
}

// frameReader follows a sequence of frames (RFC 6455, section 5.2) as their bytes come. The zero frameReader stands
// before the first.
type frameReader struct {
	head    [14]byte
	have    int    // bytes of the present header; 0 with left 0: between frames
	left    uint64 // bytes of the payload that are still to come, once the header is whole
	payload bool   // the header is whole
}

// between tells whether one frame has ended and no other has begun.
func (r *frameReader) between() bool { return r.have == 0 }

// read takes bytes of at most one frame and tells how many of p they were, at least one.
func (r *frameReader) read(p []byte) int {
	n := 0
	for !r.payload {
		if n == len(p) {
			return n
		}
		r.head[r.have] = p[n]
		r.have++
		n++
		if r.have == r.headLength() {
			r.payload, r.left = true, r.payloadLength()
		}
	}
	some := int(min(r.left, uint64(len(p)-n)))
	r.left -= uint64(some)
	if r.left == 0 {
		*r = frameReader{}
	}
	return n + some
}

// headLength is how long the present header is, as far as can be told.
func (r *frameReader) headLength() int {
	if r.have < 2 {
		return 2
	}
	n := 2
	switch r.head[1] & 0x7f {
	case 126:
		n += 2
	case 127:
		n += 8
	}
	if r.head[1]&0x80 != 0 {
		n += 4
	}
	return n
}

func (r *frameReader) payloadLength() uint64 {
	switch short := r.head[1] & 0x7f; short {
	case 126:
		return uint64(binary.BigEndian.Uint16(r.head[2:]))
	case 127:
		return binary.BigEndian.Uint64(r.head[2:])
	default:
		return uint64(short)
	}
}
