package http2

import (
	"errors"
	"runtime"
	"sync"

	"golang.org/x/net/http2"
)

const (
	// outBytes is how much may wait to be written before whoever writes a body has to wait, too.
	outBytes = 64 << 10
	// mostOut is how much may wait before nothing is read any more of a client that asks, and does not read.
	mostOut = outBytes + 64<<10
)

// errBroken ends a connection that could not be written to.
var errBroken = errors.New("http2: the connection broke")

// output gathers frames. Who finds that nobody writes, does; meanwhile others add to the next that is written, in one call.
type output struct {
	rooms   *rooms
	buf     []byte // frames that wait; nil: none
	spare   []byte // a buffer for the next; nil: there is none
	turn    uint64 // how often buf was taken to be written
	writing bool   // somebody sees to it that buf is written
	broken  bool   // nothing is written any more
	awaited bool   // who reads waits for less to be written
}

// Lengths of buffers: for answers, and for bodies.
const (
	smallBytes = 8 << 10
	largeBytes = outBytes + frameBytes + 1<<10
)

// rooms lend buffers to the connections of a server. The zero rooms is ready.
type rooms struct{ small, large, pieces sync.Pool }

// get lends a buffer for answers.
func (r *rooms) get() []byte {
	if b, ok := r.small.Get().(*[smallBytes]byte); ok {
		return b[:0]
	}
	return make([]byte, 0, smallBytes)
}

// getLarge lends one for bodies.
func (r *rooms) getLarge() []byte {
	if b, ok := r.large.Get().(*[largeBytes]byte); ok {
		return b[:0]
	}
	return make([]byte, 0, largeBytes)
}

// put takes a buffer back; of another size it is nobody's.
func (r *rooms) put(b []byte) {
	switch cap(b) {
	case smallBytes:
		r.small.Put((*[smallBytes]byte)(b[:smallBytes]))
	case largeBytes:
		r.large.Put((*[largeBytes]byte)(b[:largeBytes]))
	}
}

// room gives the buffer to append frames to.
func (o *output) room() []byte {
	if o.buf == nil {
		o.buf, o.spare = o.spare, nil
	}
	if o.buf == nil {
		o.buf = o.rooms.get()
	}
	return o.buf
}

// roomFor is room for so many bytes at once.
func (o *output) roomFor(n int) []byte {
	small := o.room()
	if cap(small)-len(small) < n && cap(small) < largeBytes {
		o.buf = append(o.rooms.getLarge(), small...)
		o.rooms.put(small)
	}
	return o.buf
}

// release gives buffers back.
func (o *output) release() {
	o.rooms.put(o.buf)
	o.rooms.put(o.spare)
	o.buf, o.spare = nil, nil
}

// full tells whether whoever writes a body has to wait.
func (o *output) full() bool { return len(o.buf) >= outBytes }

// kick has what waits written by another goroutine, unless somebody does so already. c.mu is held.
func (c *conn) kick() {
	if !c.out.writing && len(c.out.buf) > 0 {
		c.out.writing = true
		c.server.workers.give((*writing)(c))
	}
}

// writing is a conn whose output is to be written.
type writing conn

func (w *writing) do() { (*conn)(w).write() }

// settle writes what waits, unless somebody does so already. It is for a worker that has nothing else to do: others who are about to
// answer on the same connection are let do so first, and are written with it.
func (c *conn) settle(others bool) {
	if others {
		runtime.Gosched()
	}
	c.write()
}

// write writes until nothing waits. output.writing is the caller's.
func (c *conn) write() {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := &c.out
	for len(o.buf) > 0 && !o.broken {
		p := o.buf
		o.buf = nil
		o.turn++
		c.roomAgain(len(p))
		if o.awaited {
			c.quiet.Broadcast()
		}
		c.mu.Unlock()
		c.writeBy.Store(c.server.clock.by(c.server.WriteTimeout))
		_, err := c.net.Write(p)
		c.writeBy.Store(0)
		if err != nil {
			_ = c.net.Close() // who reads is told; with TLS it may take seconds, and holds nobody up
		}
		c.mu.Lock()
		o.broken = o.broken || err != nil
		if o.spare == nil {
			o.spare = p[:0]
		} else {
			o.rooms.put(p)
		}
	}
	o.writing = false
	if o.broken {
		o.buf = nil
		o.turn++ // no frame is waiting any more that its stream might still end
	}
	if len(c.streams) == 0 {
		o.release()
	}
	c.left()
}

// roomAgain wakes who waits for room, where there was none. c.mu is held.
func (c *conn) roomAgain(taken int) {
	if taken >= outBytes {
		c.wakeWriters()
	}
}

// wakeWriters wakes all who wait to write. c.mu is held.
func (c *conn) wakeWriters() {
	for _, s := range c.streams {
		if s.waiting {
			s.changed.Broadcast()
		}
	}
}

// awaitOutput waits while much is to be written. It is for who reads: answers without a body, and those to the client's own frames,
// wait for no window, and were without end where a client asks and reads nothing. c.mu is held, but not meanwhile.
func (c *conn) awaitOutput() {
	o := &c.out
	for len(o.buf) > mostOut && !o.broken {
		o.awaited = true
		c.kick()
		c.quiet.Wait()
	}
	o.awaited = false
}

// answer adds frames about the connection itself, in answer to what the client said. c.mu is held.
func (c *conn) answer(add func(b []byte) []byte) error {
	c.awaitOutput()
	if c.out.broken {
		return errBroken
	}
	c.out.buf = add(c.out.room())
	c.kick()
	return nil
}

// appendNumber writes a frame whose payload is a number.
func appendNumber(b []byte, kind http2.FrameType, stream, n uint32) []byte {
	b = appendFrame(b, kind, 0, stream, 4)
	return append(b, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
}

// appendGoAway writes the frame that tells a client that no more streams are served but those up to last (RFC 9113, section 6.8).
func appendGoAway(b []byte, last uint32, code http2.ErrCode, why string) []byte {
	b = appendFrame(b, http2.FrameGoAway, 0, 0, 8+len(why))
	b = append(b, byte(last>>24), byte(last>>16), byte(last>>8), byte(last))
	b = append(b, byte(code>>24), byte(code>>16), byte(code>>8), byte(code))
	return append(b, why...)
}
