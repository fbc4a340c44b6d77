package http1

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"syscall"
)

const (
	spliceMove     = 0x1  // SPLICE_F_MOVE
	spliceNonblock = 0x2  // SPLICE_F_NONBLOCK, of the pipe: the sockets do not block anyway
	setPipeSize    = 1031 // F_SETPIPE_SZ
	getPipeSize    = 1032 // F_GETPIPE_SZ
)

// openPipe makes a pipe. Where it may not be as long as is wanted it may be shorter.
func openPipe() (ends, error) {
	var fds [2]int
	if err := syscall.Pipe2(fds[:], syscall.O_CLOEXEC|syscall.O_NONBLOCK); err != nil {
		return ends{}, err
	}
	made := ends{out: fds[0], in: fds[1]}
	_, _, _ = syscall.Syscall(syscall.SYS_FCNTL, uintptr(made.in), setPipeSize, pipeBytes) // the next call tells
	if size, _, _ := syscall.Syscall(syscall.SYS_FCNTL, uintptr(made.in), getPipeSize, 0); size < shortPipe {
		made.close()
		return ends{}, errNoSplice
	}
	return made, nil
}

func (e ends) close() {
	_ = syscall.Close(e.in) // what is in it is nobody's
	_ = syscall.Close(e.out)
}

// read reads what is in the pipe.
func (e ends) read(p []byte) (int, error) {
	for {
		n, err := syscall.Read(e.out, p)
		switch {
		case err == nil && n > 0:
			return n, nil
		case !errors.Is(err, syscall.EINTR):
			return 0, fmt.Errorf("reading from a pipe: %w", cmp.Or(err, io.ErrUnexpectedEOF))
		}
	}
}

// splice moves at most so many bytes from one descriptor to another, of which one is a pipe. errNothingYet: now it can move none;
// errNoSplice: it never can; 0 bytes without an error: the first has ended.
func splice(from, to int, most int64) (int64, error) {
	for {
		n, err := syscall.Splice(from, nil, to, nil, int(min(most, pipeBytes)), spliceMove|spliceNonblock)
		switch {
		case err == nil:
			return n, nil
		case !errors.Is(err, syscall.EINTR):
			return 0, spliceError(err)
		}
	}
}

// spliceError says what an error of splice(2) means. That it is not permitted is the word of whoever confines the process by a list of
// system calls: it may copy.
func spliceError(err error) error {
	switch {
	case errors.Is(err, syscall.EAGAIN):
		return errNothingYet
	case errors.Is(err, syscall.EINVAL), errors.Is(err, syscall.ENOSYS), errors.Is(err, syscall.EPERM), errors.Is(err, syscall.EACCES):
		return errNoSplice
	}
	return err
}
