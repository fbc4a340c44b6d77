package proxy

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// half is one of the two ends that a tunnel joins: a connection of its own (side), or a stream.
type half interface {
	io.ReadWriteCloser
	CloseWrite() error // nothing more is written to it; it may go on sending
	abort()            // ends it at once, so that nobody takes that for an end
}

// abort resets the connection. TLS is not told: its own farewell would say that all was sent.
func (s side) abort() {
	conn := s.Conn
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	if wired, ok := conn.(*net.TCPConn); ok {
		_ = wired.SetLinger(0)
	}
	_ = conn.Close()
}

// stream2 is a stream of HTTP/2. net/http ends its writing half only with the whole stream, so that when the upstream has
// ended, the client's half is over too.
type stream2 struct {
	body    io.ReadCloser
	w       http.ResponseWriter
	control *http.ResponseController
	ended   atomic.Bool // by CloseWrite
}

// Read gives what the client sends.
func (s *stream2) Read(p []byte) (int, error) {
	n, err := s.body.Read(p)
	if err != nil && s.ended.Load() {
		err = io.EOF
	}
	return n, err
}

// Write sends at once.
func (s *stream2) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	if err != nil {
		return n, err
	}
	return n, s.control.Flush()
}

// CloseWrite ends what is read from it; the stream ends when the handler returns.
func (s *stream2) CloseWrite() error {
	s.ended.Store(true)
	return s.control.SetReadDeadline(time.Now())
}

// Close leaves the rest to net/http.
func (s *stream2) Close() error { return s.body.Close() }

// abort makes reading and writing fail, whatever they wait for.
func (s *stream2) abort() {
	_ = s.control.SetReadDeadline(time.Now())
	_ = s.control.SetWriteDeadline(time.Now())
}
