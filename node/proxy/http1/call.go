//go:build race || !linux || !(amd64 || arm64)

package http1

// Package syscall tells the race detector that who reads from a socket knows of what was written to it.

import "syscall"

// systemRead is read(2).
func systemRead(socket int, p []byte) (int, error) { return syscall.Read(socket, p) }

// systemWrite is write(2).
func systemWrite(socket int, p []byte) (int, error) { return syscall.Write(socket, p) }

// systemPeek is recv(2) that leaves what it reads where it is.
func systemPeek(socket int, p []byte) (int, error) {
	n, _, err := syscall.Recvfrom(socket, p, syscall.MSG_PEEK)
	return n, err
}
