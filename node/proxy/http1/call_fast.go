//go:build linux && (amd64 || arm64) && !race

package http1

import (
	"syscall"
	"unsafe"
)

// systemRead is recv(2), without a word to the scheduler. The kernel does less for it than for read(2), which is for files, too.
func systemRead(socket int, p []byte) (int, syscall.Errno) {
	return system(syscall.SYS_RECVFROM, socket, p, syscall.MSG_DONTWAIT)
}

// systemWrite is send(2), likewise.
func systemWrite(socket int, p []byte) (int, syscall.Errno) {
	return system(syscall.SYS_SENDTO, socket, p, syscall.MSG_DONTWAIT|syscall.MSG_NOSIGNAL)
}

func system(number uintptr, socket int, p []byte, flags uintptr) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall6(number, uintptr(socket), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), flags, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}
