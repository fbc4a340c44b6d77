package http1

import "golang.org/x/sys/unix"

// ackedNow is how many bytes the peer of a TCP socket has acknowledged.
func ackedNow(socket uintptr) uint64 {
	info, err := unix.GetsockoptTCPInfo(int(socket), unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		return 0
	}
	return info.Bytes_acked
}
