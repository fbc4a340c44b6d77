package http2

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"picket/node/proxy/http1"
)

// Options are what a server is made of. The zero of each is said.
type Options struct {
	Handler http1.Handler // runs in a goroutine of its own for each request; what it is given as a Client is a *Stream

	HeaderBytes   int           // of a request's header; 0: 64 KiB
	Fields        int           // of a header; 0: 200
	Streams       int           // that one client may have open; 0: 250
	HeaderTimeout time.Duration // for a header block, once it has begun, and for a client's first words; 0: without end
	IdleTimeout   time.Duration // with no stream open; 0: without end
	WriteTimeout  time.Duration // for the client to take what is written at once, and to make room for more; 0: without end

	// Refused is told of each request that no handler saw. Nil: nobody is.
	Refused func(remote string, m *http1.Malformed)
	// Calmed is told of each connection that was ended because its client made work for nothing. Nil: nobody is.
	Calmed func(remote, why string)
	// Panicked is told of each panic of a handler but http.ErrAbortHandler. Nil: nobody is.
	Panicked func(why any, stack []byte)
}

// frameBytes is how long a frame may be: as it is where nobody says otherwise (RFC 9113, section 6.5.2), and of what is sent, too.
const frameBytes = 16 << 10

// Server serves connections.
type Server struct {
	Options
	workers workers
	rooms   rooms
	streams streams
	clock   clock
	date    atomic.Pointer[date]

	leaveTime   time.Duration // for a client to say that it heard that the connection is to end
	firstWindow int64         // what a client may send of each stream before anything is read, in bytes

	mu      sync.Mutex
	conns   map[*conn]struct{} // guarded by mu
	closing bool               // guarded by mu
	empty   chan struct{}      // guarded by mu: closed when the last connection has ended; nil: nobody waits
}

// NewServer makes a server ready.
func NewServer(o Options) *Server {
	if o.HeaderBytes == 0 {
		o.HeaderBytes = 64 << 10
	}
	if o.Fields == 0 {
		o.Fields = 200
	}
	if o.Streams == 0 {
		o.Streams = 250
	}
	s := &Server{Options: o, conns: map[*conn]struct{}{}, leaveTime: leaveTime, firstWindow: firstWindow(o.Streams)}
	s.clock.server = s
	s.clock.every = ticks(o.HeaderTimeout, o.IdleTimeout, o.WriteTimeout)
	return s
}

// ServeConn serves one connection until it ends and all its requests were handled, and closes it. state is what TLS was agreed on;
// nil: there is none.
func (s *Server) ServeConn(nc net.Conn, state *tls.ConnectionState) {
	c := newConn(s, nc, state)
	if !s.remember(c) {
		c.out.release()
		_ = nc.Close()
		return
	}
	defer s.forget(c)
	c.serve()
}

func (s *Server) remember(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	s.conns[c] = struct{}{}
	s.clock.start()
	return true
}

func (s *Server) forget(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	if len(s.conns) > 0 {
		return
	}
	if s.empty != nil {
		close(s.empty)
		s.empty = nil
	}
	if s.closing {
		s.workers.close()
	}
}

// Shutdown tells clients to open no more streams (GOAWAY), and waits until those that are open have come to their end, or
// until ctx ends. Connections that come later are closed.
func (s *Server) Shutdown(ctx context.Context) error {
	empty := s.close(func(c *conn) { c.goAway() })
	select {
	case <-empty:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close closes all connections at once.
func (s *Server) Close() {
	s.close(func(c *conn) {
		c.wakeWriter()                    // else TLS waits for what it writes by itself
		go func() { _ = c.net.Close() }() // with TLS each may take seconds
	})
}

// close lets no more connections come, does something with those that are open, and gives what is closed when the last has ended.
func (s *Server) close(each func(*conn)) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing = true
	if s.empty == nil {
		s.empty = make(chan struct{})
	}
	empty := s.empty
	if len(s.conns) == 0 {
		close(s.empty)
		s.empty = nil
		s.workers.close()
	}
	for c := range s.conns {
		each(c)
	}
	return empty
}

// Conns is how many connections are open.
func (s *Server) Conns() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}
