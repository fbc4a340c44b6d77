package authn

import (
	"context"
	"crypto/tls"
	"net"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"
)

// Whether anything of a request was sent is told by the bytes that its connection took. The hooks of package httptrace
// come before bytes leave their buffer, and an error does not say how many did.

// counted is a connection that knows how many bytes it took, or is being given.
type counted struct {
	net.Conn
	taken atomic.Int64
}

// dialTime bounds making a connection.
const dialTime = 5 * time.Second

func dialCounted(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := (&net.Dialer{Timeout: dialTime}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &counted{Conn: c}, nil
}

// Write implements net.Conn. It counts before it writes: the answer may be read before Write returns.
func (c *counted) Write(p []byte) (int, error) {
	c.taken.Add(int64(len(p)))
	n, err := c.Conn.Write(p)
	c.taken.Add(int64(n - len(p)))
	return n, err
}

// sending watches the connections on which a request goes out: net/http may try another when one turns out to be dead.
// The zero sending has sent nothing.
type sending struct {
	mu    sync.Mutex
	conn  *counted // guarded by mu: the present one; nil: none yet
	taken int64    // guarded by mu: what it took before the request
	maybe bool     // guarded by mu: an earlier one may have taken some of it, or cannot tell
}

func (s *sending) watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: s.got})
}

func (s *sending) got(info httptrace.GotConnInfo) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.maybe = s.some()
	raw := info.Conn
	if secured, ok := raw.(*tls.Conn); ok {
		raw = secured.NetConn()
	}
	c, ok := raw.(*counted)
	if !ok {
		s.maybe = true
		return
	}
	s.conn, s.taken = c, c.taken.Load()
}

// nothing tells that surely not one byte of the request was sent.
func (s *sending) nothing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.some()
}

// some tells whether some of it may have been sent. s.mu is held.
func (s *sending) some() bool {
	return s.maybe || s.conn != nil && s.conn.taken.Load() > s.taken
}
