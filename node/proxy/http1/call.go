//go:build race || !linux || !(amd64 || arm64)

package http1

// Package syscall tells the race detector that who reads from a socket knows of what was written to it.

import "syscall"

// systemRead is read(2).
func systemRead(socket int, p []byte) (int, syscall.Errno) {
	n, err := syscall.Read(socket, p)
	return number(n, err)
}

// systemWrite is write(2).
func systemWrite(socket int, p []byte) (int, syscall.Errno) {
	n, err := syscall.Write(socket, p)
	return number(n, err)
}

// number takes the error of a system call for what it is.
func number(n int, err error) (int, syscall.Errno) {
	if err == nil {
		return n, 0
	}
	errno, ok := err.(syscall.Errno)
	if !ok {
		errno = syscall.EIO
	}
	return 0, errno
}
