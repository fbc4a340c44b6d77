package http1

import (
	"crypto/tls"
	"io"
	"net"
)

// Waiter reads from a connection and holds no room while nothing comes: many that are open say nothing for hours. Where that cannot
// be, since the connection is no socket, nor TLS above Beneath, it holds little.
type Waiter struct {
	from   io.Reader
	socket *socket // nil: it has to be read to be waited for
	below  *Below  // of TLS; nil: it is a socket
	rooms  *Rooms

	room []byte
	n    int
	err  error
}

// NewWaiter reads from a connection, of which nothing may be held elsewhere.
func NewWaiter(conn net.Conn, rooms *Rooms) *Waiter {
	w := &Waiter{from: conn, rooms: rooms}
	if secure, ok := conn.(*tls.Conn); ok {
		if below, ok := secure.NetConn().(*Below); ok {
			w.socket, w.below = below.socket, below
		}
		return w
	}
	w.socket = socketOf(conn)
	return w
}

// Copy writes whatever comes to somebody else, until the end. came is called each time that something came.
func (w *Waiter) Copy(to io.Writer, came func()) (written int64, err error) {
	size := int64(smallRoom)
	for try := w.try(&size); ; {
		if err := w.next(try, size); w.n == 0 {
			w.rooms.Put(w.room)
			return written, ended(err)
		}
		came()
		n, err := to.Write(w.room[:w.n])
		if written += int64(n); err != nil {
			return written, err // HTTP/2 may still be about to send what is in the room
		}
		if size = smallRoom; w.n == len(w.room) {
			size = largeRoom // there may be more
		}
		w.rooms.Put(w.room)
		w.room = nil
	}
}

// ended makes nothing of an end that was to come.
func ended(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

// next reads what comes next.
func (w *Waiter) next(try func(uintptr) bool, size int64) error {
	w.n, w.err = 0, nil
	if w.socket == nil {
		w.room = w.rooms.Get(size)
		w.n, w.err = w.from.Read(w.room)
		return w.err
	}
	if err := w.socket.raw.Read(try); err != nil {
		return err
	}
	return w.err
}

// try reads what is there; it is done unless there is nothing.
func (w *Waiter) try(size *int64) func(uintptr) bool {
	return func(fd uintptr) bool {
		w.room = w.rooms.Get(*size)
		if w.below == nil {
			w.n, w.err = readNow(int(fd), w.room)
		} else {
			w.n, w.err = w.below.through(w.from, int(fd), w.room)
		}
		if w.n > 0 || w.err != errNothingYet {
			return true
		}
		w.rooms.Put(w.room)
		w.room = nil
		*size = smallRoom
		return false
	}
}
