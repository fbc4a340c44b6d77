package proxy

import (
	"errors"
	"net"
	"strings"
	"syscall"
	"time"

	"golang.org/x/net/http2"
)

// decisive is how many bytes of the preface of HTTP/2 no request of HTTP/1.1 begins with: there is no method PRI, and there will
// be none (RFC 9113, section 3.4).
const decisive = len("PRI")

// beginsAsHTTP2 waits for the first bytes of a connection without TLS, and tells whether they are those of HTTP/2 (prior
// knowledge, RFC 9113, section 3.3). It takes nothing away: the bytes stay in the socket. To a request to upgrade (h2c) nobody
// listens, since a proxy in front may have read it as something else.
func beginsAsHTTP2(conn net.Conn, patience time.Duration) (bool, error) {
	socket, ok := conn.(syscall.Conn)
	if !ok {
		return false, nil
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return false, err
	}
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return false, err
	}
	var first [len(http2.ClientPreface)]byte
	n, peeked := 0, error(nil)
	waited := raw.Read(func(fd uintptr) bool {
		n, _, peeked = syscall.Recvfrom(int(fd), first[:], syscall.MSG_PEEK)
		return !errors.Is(peeked, syscall.EAGAIN)
	})
	if err := errors.Join(waited, peeked, conn.SetReadDeadline(time.Time{})); err != nil {
		return false, err
	}
	return n >= decisive && strings.HasPrefix(http2.ClientPreface, string(first[:n])), nil
}
