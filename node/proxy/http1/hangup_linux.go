package http1

import "golang.org/x/sys/unix"

// hungUp tells whether the peer of a socket sends no more, though what it sent may not have been read yet.
func hungUp(socket uintptr) bool {
	asked := []unix.PollFd{{Fd: int32(socket), Events: unix.POLLRDHUP}} // what went wrong is always told
	n, err := unix.Poll(asked, 0)
	return err == nil && n > 0
}
