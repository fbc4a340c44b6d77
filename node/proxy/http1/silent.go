//go:build race || !linux || !amd64

package http1

import "syscall"

// silentNow tells whether a socket is open, and nothing is there to be read.
func silentNow(socket int) bool {
	var one [1]byte
	_, _, err := syscall.Recvfrom(socket, one[:], syscall.MSG_PEEK)
	return err == syscall.EAGAIN
}
