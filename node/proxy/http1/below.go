package http1

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
)

// Below is the socket beneath TLS of a server, so that an idle connection needs no buffer: TLS is asked for what it has each time
// that something came, and does not wait itself.
type Below struct {
	wired
	raw    syscall.RawConn
	socket int // while TLS may not wait: what to read from; else noSocket. It belongs to whoever reads
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
	socket, ok := conn.(wired)
	if !ok {
		return conn
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return conn
	}
	return &Below{wired: socket, raw: raw, socket: noSocket}
}

// Read reads; when it may not wait, and nothing is there, the error is errNothingYet.
func (b *Below) Read(p []byte) (int, error) {
	if b.socket == noSocket {
		return b.wired.Read(p)
	}
	return readNow(b.socket, p)
}

// through reads what TLS has, without waiting.
func (b *Below) through(secure io.Reader, socket int, p []byte) (int, error) {
	b.socket = socket
	n, err := secure.Read(p)
	b.socket = noSocket
	return n, err
}

// readNow reads what is there. errNothingYet: nothing is.
func readNow(socket int, p []byte) (int, error) {
	for {
		n, err := syscall.Read(socket, p)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EAGAIN):
			return 0, errNothingYet
		case err != nil:
			return 0, os.NewSyscallError("read", err)
		case n == 0:
			return 0, io.EOF
		}
		return n, nil
	}
}

// errNothingYet says that there is nothing to read. crypto/tls goes on after an error that is temporary.
var errNothingYet net.Error = nothingYet{}

type nothingYet struct{}

func (nothingYet) Error() string   { return "nothing has come yet" }
func (nothingYet) Timeout() bool   { return true }
func (nothingYet) Temporary() bool { return true }
