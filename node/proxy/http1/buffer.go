package http1

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync"
)

// bufferSize is what a connection reads into while it has something to do; a head that is longer gets more, up to the limit.
const bufferSize = 4 << 10

// buffers lends room of bufferSize, room for records of TLS, and pipes.
type buffers struct {
	pool    sync.Pool
	records records
	pipes   pipes
}

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
	from    io.Reader // what is read: the socket, or the connection
	socket  *socket   // nil: it is none that can be waited for without a buffer
	below   *Below    // of TLS that can; nil: it is a socket
	buffers *buffers
	buf     []byte // nil: nothing is held
	r, w    int    // buf[r:w] is unused
	used    bool   // something was ever read

	ready  func(socket uintptr) bool // tries to read; made once
	looked bool                      // by ready, whether there is something
	ended  error                     // what ready found

	question []byte                    // what asking is to send; nil: it was sent
	asked    []byte                    // all of it: its buffer is the input's when it was sent
	asking   func(socket uintptr) bool // sends, then tries to read; made once
	stale    bool                      // what asking found: something had come before, or it was closed
}

func newInput(conn net.Conn, buffers *buffers) input {
	in := input{conn: conn, from: conn, buffers: buffers}
	if secure, ok := conn.(*tls.Conn); ok {
		if below, ok := secure.NetConn().(*Below); ok {
			in.socket, in.below = below.socket, below
		}
		return in
	}
	if in.socket = socketOf(conn); in.socket != nil {
		in.from = in.socket
	}
	return in
}

// writer is what writes to the connection that is read.
func (in *input) writer() io.Writer {
	if in.socket != nil && in.below == nil {
		return in.socket
	}
	return in.conn
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

// lend gives the buffer to who writes while nothing is read, when nothing is in it; nil: there is none to be had.
func (in *input) lend() []byte {
	if in.r < in.w || cap(in.buf) != bufferSize {
		return nil
	}
	lent := in.buf
	in.buf, in.r, in.w = nil, 0, 0
	return lent
}

// take is for a buffer that nobody needs any more: what comes next is read into it, or it goes back.
func (in *input) take(b []byte) {
	if in.buf == nil && cap(b) == bufferSize {
		in.buf = b[:bufferSize]
		return
	}
	in.buffers.put(b)
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
	n, err := in.from.Read(in.buf[in.w:])
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

// first reads what comes first after a while in which nothing does, while nothing is held. A socket waits without a buffer.
func (in *input) first() error {
	if in.socket == nil || len(in.buf) > bufferSize {
		in.release()
	}
	if in.socket == nil {
		return in.more(bufferSize)
	}
	if in.ready == nil {
		in.ready = func(socket uintptr) (done bool) {
			if !in.looked && in.below == nil { // mostly nothing has come: looking costs less than reading
				if in.looked = true; silentNow(int(socket)) {
					in.release()
					return false
				}
			}
			done, in.ended = in.try(int(socket))
			return done
		}
	}
	in.looked = false
	if err := in.socket.raw.Read(in.ready); err != nil {
		return err
	}
	return in.ended
}

// ahead reads what comes next, whatever is held. It holds no more than a buffer for that.
func (in *input) ahead() error {
	if len(in.held()) == 0 {
		return in.first()
	}
	return in.more(bufferSize)
}

// awaitEnd reads nothing, and waits for the end of what comes: io.EOF. Any other error is that of waiting.
func (in *input) awaitEnd() error {
	if in.socket == nil {
		return os.ErrDeadlineExceeded // it cannot be told
	}
	if err := in.socket.raw.Read(hungUp); err != nil {
		return err
	}
	return io.EOF
}

// silent tells whether the connection is open, and nothing has come.
func (in *input) silent() bool {
	if in.socket == nil || in.below != nil {
		return true
	}
	silent := false
	err := in.socket.raw.Read(func(socket uintptr) bool {
		silent = silentNow(int(socket))
		return true
	})
	return err == nil && silent
}

// errStale says that a connection was closed, or something had come unasked, before a question was sent on it.
var errStale = errors.New("http1: the connection was not silent")

// ask sends a question and reads what comes first of the answer, which is all that may come: errStale if something has come before,
// and then nothing was sent. It looks, sends and waits in one go: what comes meanwhile is not missed, and need not be looked for
// before it is waited for. sent is less than the question when there was no room for it: then nothing was read. When all was sent the
// question's buffer is the input's.
func (in *input) ask(question []byte) (sent int, err error) {
	if in.asking == nil {
		in.asking = func(socket uintptr) (done bool) {
			if in.question != nil {
				return !in.send(int(socket))
			}
			done, in.ended = in.try(int(socket))
			return done
		}
	}
	in.question, in.asked, in.stale, in.ended = question, question, false, nil
	err = in.socket.raw.Read(in.asking)
	sent = len(question) - len(in.question)
	in.question, in.asked = nil, nil
	switch {
	case in.stale:
		return 0, errStale
	case err == nil:
		err = in.ended
	}
	return sent, err
}

// send sends the question; false: not all of it.
func (in *input) send(socket int) bool {
	if !silentNow(socket) {
		in.stale = true
		return false
	}
	n, err := writeNow(socket, in.question)
	if err == errNothingYet {
		err = nil
	}
	if in.question, in.ended = in.question[n:], err; len(in.question) > 0 || err != nil {
		return false
	}
	in.question = nil
	in.take(in.asked)
	return true
}

// try reads what is there; it is done unless there is nothing.
func (in *input) try(socket int) (done bool, err error) {
	if in.buf == nil {
		in.buf = in.buffers.get()
	}
	in.r = 0
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
	return in.from.Read(p)
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
