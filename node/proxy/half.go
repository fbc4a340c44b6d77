package proxy

import (
	"crypto/tls"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"picket/node/proxy/http1"
	"picket/node/proxy/http2"
)

// half is one of the two ends that a tunnel joins: a connection of its own (side), or a stream of one (shared, quicHalf).
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

// shared is a stream of HTTP/2 or HTTP/3. Where its writing half cannot end but with the whole stream, as with net/http, the client's
// half is over too when the upstream has ended.
type shared struct {
	carrier
	ended atomic.Bool // by CloseWrite: nothing more is read either
}

// carrier is a stream of one version or the other, which carries something else than the response to its request.
type carrier interface {
	io.ReadWriter
	Flush() error
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
}

// streamOf begins the answer of a request and takes the stream that it came by; ok is false when it has a connection of its own
// instead, and then nothing was done.
func streamOf(a *ask, answer http1.Reply) (s half, ok bool) {
	switch c := a.w.Client.(type) {
	case *http2.Stream:
		a.w.Begin(answer)
		c.Carry() // whoever joins the two ends sees to their end
		return &shared{carrier: c}, true
	case *netClient:
		if a.r.Major < 2 {
			return nil, false
		}
		a.w.Begin(answer)
		c.leave()
		if by, ok := c.w.(overQUIC); ok {
			if stream, err := by.HTTPStream(); err == nil {
				return &quicHalf{Stream: stream, outlive: c.outlive}, true
			}
		}
		return &shared{carrier: netStream{c.r.Body, c.w, c.control}}, true
	}
	return nil, false
}

// netStream is a stream as net/http has it.
type netStream struct {
	io.Reader
	io.Writer
	*http.ResponseController
}

// Read gives what the client sends.
func (s *shared) Read(p []byte) (int, error) {
	n, err := s.carrier.Read(p)
	if err != nil && s.ended.Load() {
		err = io.EOF
	}
	return n, err
}

// Write sends at once.
func (s *shared) Write(p []byte) (int, error) {
	n, err := s.carrier.Write(p)
	if err != nil {
		return n, err
	}
	return n, s.Flush()
}

// CloseWrite ends what the client is sent (RFC 9113, section 8.5). Where that cannot be it ends what is read from it; the stream ends
// when the handler returns.
func (s *shared) CloseWrite() error {
	if half, ok := s.carrier.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	s.ended.Store(true)
	return s.SetReadDeadline(time.Now())
}

// Close leaves the rest to whoever serves the connection.
func (s *shared) Close() error { return nil }

// abort makes reading and writing fail, whatever they wait for.
func (s *shared) abort() {
	_ = s.SetReadDeadline(time.Now())
	_ = s.SetWriteDeadline(time.Now())
}

// quicHalf is a stream of HTTP/3, each half of which ends by itself.
type quicHalf struct {
	*http3.Stream
	outlive func() bool // has the request go on when the half to the client has ended: quic-go takes that for its end
	ended   atomic.Bool // by CloseWrite
}

// CloseWrite ends what the client is sent.
func (q *quicHalf) CloseWrite() error {
	q.outlive()
	q.ended.Store(true)
	return q.Stream.Close()
}

// Close ends both halves; the one to the client looks whole only when it was ended before.
func (q *quicHalf) Close() error {
	q.CancelRead(quic.StreamErrorCode(http3.ErrCodeNoError))
	if !q.ended.Load() {
		q.CancelWrite(quic.StreamErrorCode(http3.ErrCodeRequestCanceled))
	}
	return nil
}

// abort resets both.
func (q *quicHalf) abort() {
	q.CancelRead(quic.StreamErrorCode(http3.ErrCodeRequestCanceled))
	q.CancelWrite(quic.StreamErrorCode(http3.ErrCodeRequestCanceled))
}
