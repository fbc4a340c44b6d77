//lint:file-ignore SA1019 The server of net/http, which is to be used instead, keeps extended CONNECT to itself: see extended.go.

package http2

import (
	"context"
	"crypto/tls"
	"errors"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/net/http2"
)

// Options are what a server is made of. The zero of each is said.
type Options struct {
	Handler http.Handler

	HeaderBytes   int           // of a request's header; 0: 64 KiB
	Streams       int           // that one client may have open; 0: 250
	HeaderTimeout time.Duration // for a header block, once it has begun; 0: without end
	IdleTimeout   time.Duration // with no stream open; 0: without end
	WriteTimeout  time.Duration // for the client to take anything at all of what is written; 0: without end

	Log *log.Logger // what clients did wrong; nil: the log package's

	// Calmed is told of each connection that was ended because its client made work for nothing. Nil: nobody is.
	Calmed func(remote, why string)
}

// What one connection may hold of what nobody has read yet, in bytes: bodies, and one frame.
const (
	streamWindow = 256 << 10
	connWindow   = 1 << 20
	frameBytes   = 16 << 10
)

// Server serves connections.
type Server struct {
	options Options
	http    *http.Server // settings, and a way to tell all connections that the end is near
	http2   *http2.Server

	mu      sync.Mutex
	conns   map[net.Conn]struct{} // guarded by mu
	closing bool                  // guarded by mu
	empty   chan struct{}         // guarded by mu: closed when the last connection has ended; nil: nobody waits
}

// NewServer makes a server ready.
func NewServer(o Options) *Server {
	offerExtendedConnect()
	if o.HeaderBytes == 0 {
		o.HeaderBytes = 64 << 10
	}
	if o.Streams == 0 {
		o.Streams = 250
	}
	s := &Server{options: o, http2: &http2.Server{}, conns: map[net.Conn]struct{}{}}
	s.http = &http.Server{
		Handler: o.Handler, IdleTimeout: o.IdleTimeout, MaxHeaderBytes: o.HeaderBytes, ErrorLog: o.Log,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: o.Streams, WriteByteTimeout: o.WriteTimeout,
			MaxReceiveBufferPerStream: streamWindow, MaxReceiveBufferPerConnection: connWindow, MaxReadFrameSize: frameBytes,
		},
		DisableGeneralOptionsHandler: true,
	}
	_ = http2.ConfigureServer(s.http, s.http2) // fails by what is said of TLS, and nothing is
	return s
}

// ServeConn serves one connection until it ends, and closes it. ctx is what each request's context is made of.
func (s *Server) ServeConn(ctx context.Context, conn net.Conn) {
	if !s.remember(conn) {
		_ = conn.Close()
		return
	}
	defer s.forget(conn)
	g := newGuard(conn, s.options.HeaderTimeout, func(why string) {
		if s.options.Calmed != nil {
			s.options.Calmed(conn.RemoteAddr().String(), why)
		}
	})
	o := &http2.ServeConnOpts{Context: ctx, Handler: s.options.Handler, BaseConfig: s.http}
	secure, ok := conn.(interface{ ConnectionState() tls.ConnectionState })
	if !ok {
		s.http2.ServeConn(g, o)
		return
	}
	state := secure.ConnectionState()
	o.Handler = overTLS{s.options.Handler, &state}
	s.http2.ServeConn(secured{g, secure}, o)
}

// overTLS tells every request of a connection what TLS agreed on, whatever the request says of its scheme.
type overTLS struct {
	http.Handler
	state *tls.ConnectionState
}

// ServeHTTP serves a request.
func (o overTLS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.TLS = o.state
	o.Handler.ServeHTTP(w, r)
}

func (s *Server) remember(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closing {
		s.conns[c] = struct{}{}
	}
	return !s.closing
}

func (s *Server) forget(c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	if len(s.conns) == 0 && s.empty != nil {
		close(s.empty)
		s.empty = nil
	}
}

// shutdownEvery is how often connections are told that the end is near: one may just have begun.
const shutdownEvery = 100 * time.Millisecond

// Shutdown tells clients to open no more streams (GOAWAY), and waits until those that are open have come to their end, or
// until ctx ends. Connections that come later are closed.
func (s *Server) Shutdown(ctx context.Context) error {
	for {
		empty := s.close()
		if empty == nil {
			return nil
		}
		if err := s.http.Shutdown(ctx); err != nil && !errors.Is(err, ctx.Err()) {
			return err
		}
		select {
		case <-empty:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(shutdownEvery):
		}
	}
}

// close lets no more connections come, and gives what is closed when the last has ended; nil: there is none.
func (s *Server) close() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing = true
	if len(s.conns) == 0 {
		return nil
	}
	if s.empty == nil {
		s.empty = make(chan struct{})
	}
	return s.empty
}

// Close closes all connections at once.
func (s *Server) Close() {
	s.close()
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		_ = c.Close()
	}
}

// Conns is how many connections are open.
func (s *Server) Conns() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}
