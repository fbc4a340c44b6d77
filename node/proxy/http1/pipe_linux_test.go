package http1

import (
	"syscall"
	"testing"
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
