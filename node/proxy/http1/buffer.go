package http1

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"sync"
	"syscall"
)

// bufferSize is what a connection reads into while it has something to do; a head that is longer gets more, up to the limit.
const bufferSize = 4 << 10

// buffers lends room of bufferSize.
type buffers struct{ pool sync.Pool }

func (p *buffers) get() []byte {
	if b, ok := p.pool.Get().(*[bufferSize]byte); ok {
		return b[:]
	}
	return make([]byte, bufferSize)
}

// put takes room back; of another size it is nobody's.
func (p *buffers) put(b []byte) {
	if cap(b) == bufferSize {
		p.pool.Put((*[bufferSize]byte)(b[:bufferSize]))
	}
}

// input is what was read from a connection and not yet used.
type input struct {
	conn    net.Conn
	raw     syscall.RawConn // of a socket; nil: it is none that can be waited for without a buffer
	below   *Below          // of TLS that can; nil: it is a socket
	buffers *buffers
	buf     []byte // nil: nothing is held
	r, w    int    // buf[r:w] is unused
	used    bool   // something was ever read

	ready func(socket uintptr) bool // tries to read, for raw; made once
	probe func(socket uintptr) bool // the same without waiting
	ended error                     // what ready found
	mute  bool                      // what probe found: nothing
}

func newInput(conn net.Conn, buffers *buffers) input {
	in := input{conn: conn, buffers: buffers}
	var socket syscall.Conn
	switch c := conn.(type) { // not whatever has SyscallConn: bytes may be held above the socket
	case *net.TCPConn:
		socket = c
	case *net.UnixConn:
		socket = c
	case *tls.Conn:
		if below, ok := c.NetConn().(*Below); ok {
			in.raw, in.below = below.raw, below
		}
		return in
	default:
		return in
	}
	if raw, err := socket.SyscallConn(); err == nil {
		in.raw = raw
	}
	return in
}

// held is what was read and not yet used.
func (in *input) held() []byte { return in.buf[in.r:in.w] }

// release gives the buffer back when nothing is in it.
func (in *input) release() {
	if in.r == in.w && in.buf != nil {
		in.buffers.put(in.buf)
		in.buf, in.r, in.w = nil, 0, 0
	}
}

// more reads what comes next, at least a byte, into a buffer of at most so many bytes. errTooLong when it is full.
func (in *input) more(most int) error {
	if in.buf == nil {
		in.buf = in.buffers.get()
	}
	if in.w == len(in.buf) {
		if err := in.makeRoom(most); err != nil {
			return err
		}
	}
	n, err := in.conn.Read(in.buf[in.w:])
	in.w += n
	if n > 0 {
		in.used = true
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// first reads what comes first after a while in which nothing does. A socket waits without a buffer.
func (in *input) first() error {
	if in.raw == nil {
		return in.more(bufferSize)
	}
	if in.ready == nil {
		in.ready = func(socket uintptr) (done bool) {
			done, in.ended = in.try(int(socket))
			return done
		}
	}
	if err := in.raw.Read(in.ready); err != nil {
		return err
	}
	return in.ended
}

// silent tells whether the connection is open, and nothing has come.
func (in *input) silent() bool {
	if in.raw == nil {
		return true
	}
	if in.probe == nil {
		in.probe = func(socket uintptr) bool {
			done, _ := in.try(int(socket))
			in.mute = !done
			return true
		}
	}
	return in.raw.Read(in.probe) == nil && in.mute
}

// try reads what is there; it is done unless there is nothing.
func (in *input) try(socket int) (done bool, err error) {
	in.buf = in.buffers.get()
	if in.below == nil {
		in.w, err = readNow(socket, in.buf)
	} else {
		in.w, err = in.below.through(in.conn, socket, in.buf)
	}
	in.used = in.used || in.w > 0
	switch {
	case in.w > 0:
		return true, nil // what else there is to say will be said again
	case err == errNothingYet:
		in.release()
		return false, nil
	case err == nil:
		err = io.ErrNoProgress
	}
	return true, err
}

func (in *input) makeRoom(most int) error {
	switch size := in.w - in.r; {
	case in.r > 0:
		copy(in.buf, in.buf[in.r:in.w])
		in.r, in.w = 0, size
	case size >= most:
		return errTooLong
	default:
		bigger := make([]byte, min(2*len(in.buf), max(most, bufferSize)))
		copy(bigger, in.buf[:size])
		in.buffers.put(in.buf)
		in.buf = bigger
	}
	return nil
}

// Read gives body bytes: what is held first, then from the connection, past the buffer.
func (in *input) Read(p []byte) (int, error) {
	if in.r < in.w {
		n := copy(p, in.held())
		in.r += n
		return n, nil
	}
	return in.conn.Read(p)
}

// line reads a line that ends in CR LF, without these, of at most so many bytes.
func (in *input) line(most int, tooLong error) ([]byte, error) {
	for seen := 0; ; {
		if i := bytes.IndexByte(in.held()[seen:], '\n'); i >= 0 {
			i += seen
			if i > most+1 {
				return nil, tooLong
			}
			line := in.held()[:i]
			if i == 0 || line[i-1] != '\r' {
				return nil, errBareLF
			}
			in.r += i + 1
			return line[:i-1], nil
		}
		if seen = in.w - in.r; seen > most {
			return nil, tooLong
		}
		if err := in.more(2 * bufferSize); err != nil {
			return nil, unexpected(err)
		}
	}
}

// unexpected makes of the end of a connection the end before the end of a message.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
