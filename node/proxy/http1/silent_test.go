package http1

import (
	"net"
	"testing"
)

// sockets are the two ends of a TCP connection.
func sockets(t *testing.T) (near, far *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	other, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Close() })
	return conn.(*net.TCPConn), other.(*net.TCPConn)
}

func TestASocketIsSilentWhileItIsOpenAndNothingHasCome(t *testing.T) {
	for name, end := range map[string]func(far *net.TCPConn) error{
		"a byte":      func(far *net.TCPConn) error { _, err := far.Write([]byte("x")); return err },
		"its end":     (*net.TCPConn).CloseWrite,
		"closing":     (*net.TCPConn).Close,
		"breaking it": func(far *net.TCPConn) error { _ = far.SetLinger(0); return far.Close() },
	} {
		near, far := sockets(t)
		in := newInput(near, &buffers{})
		if !in.silent() {
			t.Fatalf("before %s it is not silent", name)
		}
		if err := end(far); err != nil {
			t.Fatal(err)
		}
		within(t, "noticing "+name, func() bool { return !in.silent() })
	}
	near, _ := sockets(t)
	in := newInput(near, &buffers{})
	_ = near.Close()
	if in.silent() {
		t.Error("a socket that was closed is silent")
	}
}
