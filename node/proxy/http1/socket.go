package http1

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
)

// socket reads and writes a TCP or Unix socket. These do not block: a system call returns at once, so telling the scheduler of
// each, as package net has to of what may be a file, costs more than it can gain. Where nothing is there to read, or no room to
// write, it waits as package net does; deadlines and Close of the connection hold.
type socket struct {
	raw     syscall.RawConn
	in, out way
	once    func(uintptr) // out.try; made once
}

// way is one direction.
type way struct {
	mu  sync.Mutex
	p   []byte             // guarded by mu: what is to be read into, or is to be written
	n   int                // guarded by mu: how much of it was
	err error              // guarded by mu
	try func(uintptr) bool // goes as far as is possible now; made once
}

// Unbuffered is a connection that is no more than its socket: nothing is held above it, to be read before what it has.
type Unbuffered interface {
	syscall.Conn
	Unbuffered()
}

// socketOf is the socket of a connection, and nil when there is more to it.
func socketOf(conn net.Conn) *socket {
	switch c := conn.(type) {
	case *net.TCPConn:
		return newSocket(c)
	case *net.UnixConn:
		return newSocket(c)
	case Unbuffered:
		return newSocket(c)
	}
	return nil
}

func newSocket(of syscall.Conn) *socket {
	raw, err := of.SyscallConn()
	if err != nil {
		return nil
	}
	s := &socket{raw: raw}
	s.in.try = func(fd uintptr) bool {
		s.in.n, s.in.err = readNow(int(fd), s.in.p)
		return s.in.err != errNothingYet
	}
	s.out.try = func(fd uintptr) bool {
		for s.out.n < len(s.out.p) {
			n, err := writeNow(int(fd), s.out.p[s.out.n:])
			if err == errNothingYet {
				return false
			}
			if s.out.n, s.out.err = s.out.n+n, err; err != nil {
				return true
			}
		}
		return true
	}
	s.once = func(fd uintptr) { s.out.try(fd) }
	return s
}

// Read reads what comes next.
func (s *socket) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	return s.in.do(p, s.raw.Read)
}

// Write writes all of p.
func (s *socket) Write(p []byte) (int, error) { return s.out.do(p, s.raw.Write) }

// writeNow writes as much of p as there is room for. Who does not wait needs nothing of the network poller.
func (s *socket) writeNow(p []byte) (int, error) {
	return s.out.do(p, func(func(uintptr) bool) error { return s.raw.Control(s.once) })
}

func (w *way) do(p []byte, when func(func(uintptr) bool) error) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.p, w.n, w.err = p, 0, nil
	err := when(w.try)
	w.p = nil
	if err == nil {
		err = w.err
	}
	return w.n, err
}

// errNothingYet says that there is nothing to read, or no room to write. crypto/tls goes on after an error that is temporary.
var errNothingYet error = nothingYet{}

// nothingYet is a net.Error.
type nothingYet struct{}

func (nothingYet) Error() string   { return "nothing has come yet" }
func (nothingYet) Timeout() bool   { return true }
func (nothingYet) Temporary() bool { return true }

// readNow reads what is there. errNothingYet: nothing is; io.EOF: nothing will be.
func readNow(socket int, p []byte) (int, error) {
	for {
		switch n, errno := systemRead(socket, p); errno {
		case 0:
			if n == 0 {
				return 0, io.EOF
			}
			return n, nil
		case syscall.EAGAIN:
			return 0, errNothingYet
		case syscall.EINTR:
		default:
			return 0, os.NewSyscallError("read", errno)
		}
	}
}

// writeNow writes what there is room for. errNothingYet: there is none.
func writeNow(socket int, p []byte) (int, error) {
	for {
		switch n, errno := systemWrite(socket, p); errno {
		case 0:
			return n, nil
		case syscall.EAGAIN:
			return 0, errNothingYet
		case syscall.EINTR:
		default:
			return 0, os.NewSyscallError("write", errno)
		}
	}
}
