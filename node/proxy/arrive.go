package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"picket/node/proxy/gate"
	"picket/node/proxy/http1"
)

// take brings one connection, which the gate has let in, to whoever speaks its protocol: who is it of, may so many come from
// there, what does TLS agree on.
func (s *speakers) take(conn net.Conn) {
	l := s.listener
	leave := l.gate.Leave
	defer func() { leave() }()
	if !s.arriving.add(conn) {
		_ = conn.Close()
		return
	}
	known, from, err := l.whose(conn)
	if err != nil {
		s.arriving.remove(conn)
		l.notLetIn(conn.RemoteAddr(), noProxyHeader)
		l.door.log.Info().Err(err).Str("listen", l.Name).Str("from", conn.RemoteAddr().String()).Msg("a connection without its client's address was closed")
		_ = conn.Close()
		return
	}
	if l.bounded(from) {
		if why := l.gate.EnterFrom(from); why != "" {
			s.arriving.remove(conn)
			l.notLetIn(known.RemoteAddr(), why)
			_ = conn.Close()
			return
		}
		leave = func() {
			l.gate.LeaveFrom(from)
			l.gate.Leave()
		}
	}
	switch ready, state, how := s.agree(conn, known); how {
	case "h2":
		s.speak2(ready, state)
	case "http/1.1":
		if then := s.speak1(ready, state); then != nil {
			go goOn(then, leave)
			leave = func() {} // it is not over
		}
	}
}

// goOn does what is left of a connection on a stack of its own, and then leaves: the one on which its request was handled grew, and
// would stay so for as long as the connection is open.
func goOn(then, leave func()) {
	defer leave()
	then()
}

// agree tells which protocol a connection speaks, and what TLS agreed on where that is spoken; "": none, it is closed.
func (s *speakers) agree(conn, known net.Conn) (ready net.Conn, state *tls.ConnectionState, how string) {
	defer s.arriving.remove(conn)
	if s.tls != nil {
		return s.agreeSecurely(known)
	}
	two, err := beginsAsHTTP2(conn, s.listener.HeaderTimeout)
	switch {
	case err != nil:
		_ = conn.Close()
		return nil, nil, ""
	case two:
		return known, nil, "h2"
	}
	return known, nil, "http/1.1"
}

// speak1 serves a connection of HTTP/1.1. Requests end by their own, or with their connection. then is what is left to be done with
// it, in place of HTTP; nil: nothing.
func (s *speakers) speak1(conn net.Conn, agreed *tls.ConnectionState) (then func()) {
	over := s.listener.door.metrics.connected("http1")
	left := s.http1.ServeConn(context.Background(), conn, agreed)
	if left == nil {
		over()
		return nil
	}
	return func() {
		defer over()
		left()
	}
}

// speak2 serves a connection of HTTP/2.
func (s *speakers) speak2(conn net.Conn, agreed *tls.ConnectionState) {
	defer s.listener.door.metrics.connected("http2")()
	s.http2.ServeConn(conn, agreed)
}

// agreeSecurely leaves it to TLS.
func (s *speakers) agreeSecurely(known net.Conn) (*tls.Conn, *tls.ConnectionState, string) {
	secure := tls.Server(http1.Beneath(known), s.tls)
	if err := s.shakeHands(secure); err != nil {
		s.listener.door.noTLS(known, err)
		tellPlain(err)
		_ = known.Close()
		return nil, nil, ""
	}
	state := secure.ConnectionState()
	switch state.NegotiatedProtocol {
	case "h2":
		return secure, &state, "h2"
	case acmeALPN: // the handshake was all that was wanted (RFC 8737, section 3)
		_ = secure.Close()
		return nil, nil, ""
	}
	return secure, &state, "http/1.1"
}

// tellPlain tells a client that spoke HTTP to an address of TLS, as net/http does.
func tellPlain(err error) {
	var not tls.RecordHeaderError
	if !errors.As(err, &not) || not.Conn == nil {
		return
	}
	switch string(not.RecordHeader[:]) {
	case "GET /", "HEAD ", "POST ", "PUT /", "OPTIO":
		_ = not.Conn.SetWriteDeadline(time.Now().Add(farewellTime))
		_, _ = io.WriteString(not.Conn, "HTTP/1.0 400 Bad Request\r\nConnection: close\r\n\r\nThis address speaks HTTPS.\n")
	}
}

func (s *speakers) shakeHands(conn *tls.Conn) error {
	ctx, cancel := context.WithTimeout(context.Background(), s.listener.HeaderTimeout)
	defer cancel()
	return conn.HandshakeContext(ctx)
}

// bounded tells whether connections from an address are counted as those of one client: not those of this machine itself, and
// not those of a proxy, which brings many clients.
func (l *listener) bounded(from netip.Addr) bool {
	if !from.IsValid() || from.IsLoopback() {
		return false
	}
	f := l.inForce()
	return f == nil || !f.trusts(from)
}

// notLetIn counts a connection that was closed before anything was read from it.
func (l *listener) notLetIn(from net.Addr, why gate.Reason) {
	l.door.metrics.notLetIn(string(why))
	l.door.log.Debug().Str("listen", l.Name).Str("from", from.String()).Str("why", string(why)).Msg("a connection was not let in")
}

// arriving are the connections that nobody speaks with yet. The zero arriving is ready.
type arriving struct {
	mu    sync.Mutex
	conns map[net.Conn]struct{} // guarded by mu
	ended bool                  // guarded by mu
}

// add tells whether a connection may still come.
func (a *arriving) add(c net.Conn) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.conns == nil {
		a.conns = map[net.Conn]struct{}{}
	}
	if !a.ended {
		a.conns[c] = struct{}{}
	}
	return !a.ended
}

func (a *arriving) remove(c net.Conn) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.conns, c)
}

// drain waits until all that come have arrived, for a while: a request may be on its way. Then it closes the others.
func (a *arriving) drain(ctx context.Context) {
	defer a.close()
	ctx, cancel := context.WithTimeout(ctx, arriveTime)
	defer cancel()
	tick := time.NewTicker(arriveEvery)
	defer tick.Stop()
	for a.some() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

const (
	arriveTime  = time.Second // for a connection on which nothing has come yet, when no more are taken
	arriveEvery = 10 * time.Millisecond
)

func (a *arriving) some() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.conns) > 0
}

func (a *arriving) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ended = true
	for c := range a.conns {
		_ = c.Close()
	}
}
