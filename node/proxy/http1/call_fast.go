//go:build linux && (amd64 || arm64) && !race

package http1

import (
	"syscall"
	"unsafe"
)

// systemRead is read(2), without a word to the scheduler.
func systemRead(socket int, p []byte) (int, error) { return system(syscall.SYS_READ, socket, p, 0) }

// systemWrite is write(2), likewise.
func systemWrite(socket int, p []byte) (int, error) { return system(syscall.SYS_WRITE, socket, p, 0) }

// systemPeek is recv(2) that leaves what it reads where it is.
func systemPeek(socket int, p []byte) (int, error) {
	return system(syscall.SYS_RECVFROM, socket, p, syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
}

func system(number uintptr, socket int, p []byte, flags uintptr) (int, error) {
	n, _, errno := syscall.RawSyscall6(number, uintptr(socket), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), flags, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}
