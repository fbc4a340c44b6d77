package proxy

import (
	"crypto/tls"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"picket/node/proxy/http1"
)

// half is one of the two ends that a tunnel joins: a connection of its own (side), or a stream of one (shared).
type half interface {
	io.ReadWriteCloser
	CloseWrite() error // nothing more is written to it; it may go on sending
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
	abort() // ends it at once, so that nobody takes that for an end
}

// abort resets the connection. TLS is not told: its own farewell would say that all was sent.
func (s side) abort() {
	conn := s.Conn
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	if wired, ok := conn.(interface{ SetLinger(seconds int) error }); ok {
		_ = wired.SetLinger(0)
	}
	_ = conn.Close()
}

// shared is a stream of HTTP/2 or HTTP/3. Its writing half ends only with the whole stream, so that when the upstream has ended,
// the client's half is over too.
type shared struct {
	body    io.Reader
	w       io.Writer
	control *http.ResponseController
	ended   atomic.Bool // by CloseWrite
}

// streamOf begins the answer of a request and takes the stream that it came by; ok is false when it has a connection of its own
// instead, and then nothing was done.
func streamOf(a *ask, answer http1.Reply) (s *shared, ok bool) {
	c, ok := a.w.Client.(*netClient)
	if !ok || a.r.Major < 2 {
		return nil, false
	}
	a.w.Begin(answer)
	c.leave() // whoever joins the two ends sees to their end
	return &shared{body: c.r.Body, w: c.w, control: c.control}, true
}

// Read gives what the client sends.
func (s *shared) Read(p []byte) (int, error) {
	n, err := s.body.Read(p)
	if err != nil && s.ended.Load() {
		err = io.EOF
	}
	return n, err
}

// Write sends at once.
func (s *shared) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	if err != nil {
		return n, err
	}
	return n, s.control.Flush()
}

// CloseWrite ends what is read from it; the stream ends when the handler returns.
func (s *shared) CloseWrite() error {
	s.ended.Store(true)
	return s.control.SetReadDeadline(time.Now())
}

// Close leaves the rest to whoever serves the connection.
func (s *shared) Close() error { return nil }

// SetReadDeadline bounds reading.
func (s *shared) SetReadDeadline(until time.Time) error { return s.control.SetReadDeadline(until) }

// SetWriteDeadline bounds writing.
func (s *shared) SetWriteDeadline(until time.Time) error { return s.control.SetWriteDeadline(until) }

// abort makes reading and writing fail, whatever they wait for.
func (s *shared) abort() {
	_ = s.control.SetReadDeadline(time.Now())
	_ = s.control.SetWriteDeadline(time.Now())
}
