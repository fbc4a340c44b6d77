package http1

import (
	"io"
	"net"
	"syscall"
)

// Below is the socket beneath TLS of a server, so that an idle connection needs no buffer: TLS is asked for what it has each time
// that something came, and does not wait itself.
type Below struct {
	wired
	socket *socket
	fd     int // while TLS may not wait: what to read from; else noSocket. It belongs to whoever reads
}

// wired is a TCP connection, or one that was told of another client.
type wired interface {
	net.Conn
	syscall.Conn
	SetLinger(seconds int) error
	CloseWrite() error
}

const noSocket = -1

// Beneath is the same connection, for tls.Server. One that is no socket is given back as it is.
func Beneath(conn net.Conn) net.Conn {
	of, ok := conn.(wired)
	if !ok {
		return conn
	}
	below := &Below{wired: of, socket: newSocket(of), fd: noSocket}
	if below.socket == nil {
		return conn
	}
	return below
}

// Read reads; when it may not wait, and nothing is there, the error is errNothingYet.
func (b *Below) Read(p []byte) (int, error) {
	if b.fd == noSocket {
		return b.socket.Read(p)
	}
	return readNow(b.fd, p)
}

// Write writes.
func (b *Below) Write(p []byte) (int, error) { return b.socket.Write(p) }

// through reads what TLS has, without waiting.
func (b *Below) through(secure io.Reader, socket int, p []byte) (int, error) {
	b.fd = socket
	n, err := secure.Read(p)
	b.fd = noSocket
	return n, err
}
