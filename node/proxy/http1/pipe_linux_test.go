package http1

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

func TestWhoMayNotSpliceCopies(t *testing.T) {
	for is, want := range map[error]error{
		syscall.EAGAIN: errNothingYet, syscall.EINVAL: errNoSplice, syscall.ENOSYS: errNoSplice, syscall.EPERM: errNoSplice,
		syscall.EACCES: errNoSplice, syscall.ECONNRESET: syscall.ECONNRESET,
	} {
		if got := spliceError(is); got != want {
			t.Errorf("%v means %v, want %v", is, got, want)
		}
	}
}

func TestWhatCannotBeMovedOutOfAPipeIsCopied(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	said := bytes.Repeat([]byte("0123456789abcdef"), 6<<10)
	go func() {
		if conn, err := net.Dial("tcp", l.Addr().String()); err == nil {
			_, _ = conn.Write(said)
			_ = conn.Close()
		}
	}()
	from, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	name := filepath.Join(t.TempDir(), "to")
	to, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600) // splice(2) moves nothing to where it would append
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	var life Life
	var times clock
	var lent pipes
	took := 0
	p := &passage{from: socketOf(from), to: newSocket(to), bounds: times.add(from, to, time.Hour), most: time.Minute, life: &life, pipes: &lent, came: func() { took++ }}
	for left := int64(len(said)); left > 0; {
		n, err := p.take(left)
		if err != nil {
			t.Fatal(err)
		}
		left -= n
		if err := p.give(); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(name); err != nil || !bytes.Equal(got, said) || took == 0 {
		t.Errorf("%d of %d bytes came, in %d steps: %v", len(got), len(said), took, err)
	}
}
