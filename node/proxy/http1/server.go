package http1

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// Server serves connections that others accept. Its fields are set before the first; the zero of each is said.
type Server struct {
	Handler Handler // runs in the connection's own goroutine

	HeaderBytes   int           // of a request's line and header; 0: 64 KiB
	Fields        int           // of a header; 0: 200
	HeaderTimeout time.Duration // for a head, from its first byte on; 0: without end
	IdleTimeout   time.Duration // between two requests; 0: without end
	WriteTimeout  time.Duration // for the client to take what is written at once; 0: without end

	// Refused is told of each request that no handler saw. Nil: nobody is.
	Refused func(remote string, m *Malformed)
	// Panicked is told of each panic of a handler but http.ErrAbortHandler. Nil: nobody is.
	Panicked func(why any, stack []byte)

	buffers buffers
	spares  sync.Pool // of *exchange
	clock   clock
	date    atomic.Pointer[date]
	closing atomic.Bool

	mu    sync.Mutex
	conns map[*conn]struct{} // guarded by mu
	empty chan struct{}      // guarded by mu: closed when the last connection has ended; nil: nobody waits
}

// ServeConn serves one connection until it ends or is hijacked, and closes it unless it was. state is what TLS was agreed
// on; nil: there is none. ctx is what each request's context is made of. then is what a handler left to be done (Leave), which
// whoever called is to do, best on another stack; nil: nothing.
func (s *Server) ServeConn(ctx context.Context, nc net.Conn, state *tls.ConnectionState) (then func()) {
	c := s.newConn(nc, state)
	defer c.leave()
	if s.remember(c) {
		c.serve(ctx)
	}
	return c.then
}

// newConn is apart from ServeConn, like whatever is not needed while a connection is idle: what its goroutine has on the stack
// then decides on how much memory that takes.
func (s *Server) newConn(nc net.Conn, state *tls.ConnectionState) *conn {
	c := &conn{server: s, remote: nc.RemoteAddr().String(), tls: state}
	c.peer = PeerOf(c.remote)
	c.input, c.watch.conn = newInput(nc, &s.buffers), c
	c.bounds = s.clock.add(nc, c.input.writer(), ticks(s.HeaderTimeout, s.IdleTimeout, s.WriteTimeout))
	c.out = output{bounds: c.bounds, buffers: &s.buffers, most: s.WriteTimeout}
	return c
}

// leave is deferred. A bug here ends one connection, and not the process.
func (c *conn) leave() {
	if why := recover(); why != nil {
		c.server.panicked(why, debug.Stack())
		c.then = nil
	}
	if !c.handed {
		_ = c.input.conn.Close()
		c.server.forget(c)
	}
	c.bounds.drop()
}

func (s *Server) remember(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing.Load() {
		return false
	}
	if s.conns == nil {
		s.conns = map[*conn]struct{}{}
	}
	s.conns[c] = struct{}{}
	return true
}

func (s *Server) forget(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	if len(s.conns) == 0 && s.empty != nil {
		close(s.empty)
		s.empty = nil
	}
}

// Conns is how many connections are open, hijacked ones not among them.
func (s *Server) Conns() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// mostSpareFields is how many fields an exchange may have had that is used again.
const mostSpareFields = 64

// exchange gives an exchange of which nothing is known.
func (s *Server) exchange() *exchange {
	if x, ok := s.spares.Get().(*exchange); ok {
		return x
	}
	return &exchange{}
}

// spare takes an exchange back that is over, unless somebody may hold it.
func (s *Server) spare(x *exchange) {
	if x.Body != nil || cap(x.Fields) > mostSpareFields || x.Life.Kept() {
		return
	}
	fields := x.Fields
	clear(fields) // behind them is nothing: who drops some clears their places
	*x = exchange{}
	x.Fields = fields[:0]
	s.spares.Put(x)
}

func (s *Server) draining() bool { return s.closing.Load() }

// freshTime is how long a connection on which nothing has come yet, or half a head, is spared by Shutdown.
const freshTime = time.Second

// Shutdown closes connections that are idle, and lets the others end with the response that is under way; it waits for that
// until ctx ends. Connections that come later are closed.
func (s *Server) Shutdown(ctx context.Context) error {
	s.closing.Store(true)
	for began := time.Now(); ; {
		empty := s.closeIdle(time.Since(began) > freshTime)
		if empty == nil {
			return nil
		}
		select {
		case <-empty:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond): // one may have become idle just as it was looked at
		}
	}
}

// closeIdle closes what may be closed, and gives what is closed when nothing is left; nil: nothing is.
func (s *Server) closeIdle(freshToo bool) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.conns) == 0 {
		return nil
	}
	for c := range s.conns {
		if is := c.state.Load(); is == isIdle || freshToo && is == isFresh {
			c.hangUp()
		}
	}
	if s.empty == nil {
		s.empty = make(chan struct{})
	}
	return s.empty
}

// Close closes all connections at once.
func (s *Server) Close() {
	s.closing.Store(true)
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.hangUp()
	}
}

// hangUp closes a connection from outside, and waits for nothing: with TLS that says farewell first, which a client that does not
// read holds up for seconds, and for ever where it holds up a write of TLS itself (KeyUpdate).
func (c *conn) hangUp() {
	_ = c.input.conn.SetWriteDeadline(long())
	go func() { _ = c.input.conn.Close() }()
}

func (s *Server) headerBytes() int {
	if s.HeaderBytes > 0 {
		return s.HeaderBytes
	}
	return 64 << 10
}

func (s *Server) fields() int {
	if s.Fields > 0 {
		return s.Fields
	}
	return 200
}

func (s *Server) refused(remote string, m *Malformed) {
	if s.Refused != nil {
		s.Refused(remote, m)
	}
}

func (s *Server) panicked(why any, stack []byte) {
	if s.Panicked != nil {
		s.Panicked(why, stack)
	}
}

// date is the line of a Date field, made once a second.
type date struct {
	second int64 // Unix
	line   string
}

// dateLine is the line of now, by the clock: it may be a tick behind.
func (s *Server) dateLine() string {
	second := s.clock.now.Load() / int64(time.Second)
	d := s.date.Load()
	if d == nil || d.second != second {
		d = &date{second, "Date: " + time.Unix(second, 0).UTC().Format(http.TimeFormat) + "\r\n"}
		s.date.Store(d)
	}
	return d.line
}
