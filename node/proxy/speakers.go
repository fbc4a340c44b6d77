package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"picket/node/config"
	"picket/node/proxy/http1"
)

// speakers serve the connections of one listener: HTTP/1.1 is spoken by package http1, HTTP/2 by net/http, whichever TLS agreed on.
type speakers struct {
	listener *listener
	tls      *tls.Config // nil: the listener does not speak it
	http1    *http1.Server
	http2    *http.Server
	agreed   *agreed

	conns sync.WaitGroup // those of which a goroutine of ours has care
}

// acceptAgain is how long accepting rests when the system has no more file descriptors.
const acceptAgain = 50 * time.Millisecond

func newSpeakers(l *listener, c config.Listener) *speakers {
	d := l.door
	s := &speakers{listener: l, agreed: newAgreed()}
	s.http1 = &http1.Server{
		Handler: l.serve1, HeaderBytes: c.HeaderBytes, Fields: maxFields, HeaderTimeout: c.HeaderTimeout, IdleTimeout: c.IdleTimeout,
		WriteTimeout: c.IdleTimeout, Refused: d.malformed, Panicked: d.panicked,
	}
	s.http2 = &http.Server{
		Handler: l, IdleTimeout: c.IdleTimeout, MaxHeaderBytes: c.HeaderBytes, ErrorLog: d.plainLog,
		HTTP2: &http.HTTP2Config{MaxConcurrentStreams: maxStreams, WriteByteTimeout: c.IdleTimeout}, DisableGeneralOptionsHandler: true,
	}
	if c.TLS() {
		s.tls = l.tlsConfig()
		s.http2.TLSConfig = s.tls
	}
	return s
}

// serve serves what a socket accepts, until Shutdown closes it.
func (s *speakers) serve(socket net.Listener) error {
	var ended sync.WaitGroup
	ended.Go(func() { _ = s.http2.Serve(s.agreed) }) // http.ErrServerClosed, when it is shut
	defer ended.Wait()
	for {
		conn, err := socket.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case err != nil:
			s.listener.door.log.Warn().Err(err).Str("listen", s.listener.Name).Msg("a connection was not accepted")
			time.Sleep(acceptAgain)
			continue
		}
		s.conns.Go(func() { s.take(conn) })
	}
}

// take serves one connection in the protocol that TLS agrees on.
func (s *speakers) take(conn net.Conn) {
	ctx := context.Background() // requests end by their own, or with their connection
	if s.tls == nil {
		s.http1.ServeConn(ctx, conn, nil)
		return
	}
	secure := tls.Server(conn, s.tls)
	if err := s.shakeHands(secure); err != nil {
		s.listener.door.noTLS(conn, err)
		tellPlain(err)
		_ = conn.Close()
		return
	}
	state := secure.ConnectionState()
	switch state.NegotiatedProtocol {
	case "h2":
		s.agreed.give(secure)
		return
	case acmeALPN: // the handshake was all that was wanted (RFC 8737, section 3)
		_ = secure.Close()
		return
	}
	s.http1.ServeConn(ctx, secure, &state)
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

// shutdown lets what is under way come to its end until ctx does, then cuts it.
func (s *speakers) shutdown(ctx context.Context) error {
	s.agreed.end()
	var one, two error
	var both sync.WaitGroup
	both.Go(func() { one = s.http1.Shutdown(ctx) })
	both.Go(func() { two = s.http2.Shutdown(ctx) })
	both.Wait()
	if err := errors.Join(one, two); err != nil {
		s.http1.Close()
		return errors.Join(err, s.http2.Close())
	}
	return nil
}

// agreed are the connections on which TLS agreed on HTTP/2: a net.Listener for net/http.
type agreed struct {
	conns chan net.Conn
	ended chan struct{}
	once  sync.Once
}

func newAgreed() *agreed {
	return &agreed{conns: make(chan net.Conn), ended: make(chan struct{})}
}

// give hands a connection over; one that comes too late is closed.
func (a *agreed) give(c net.Conn) {
	select {
	case a.conns <- c:
	case <-a.ended:
		_ = c.Close()
	}
}

func (a *agreed) end() { a.once.Do(func() { close(a.ended) }) }

// Accept gives the next connection; net.ErrClosed after the end.
func (a *agreed) Accept() (net.Conn, error) {
	select {
	case c := <-a.conns:
		return c, nil
	case <-a.ended:
		return nil, net.ErrClosed
	}
}

// Close lets no more come.
func (a *agreed) Close() error {
	a.end()
	return nil
}

// Addr is of no interest to anybody.
func (a *agreed) Addr() net.Addr { return &net.TCPAddr{} }

// malformed notes a request that could not be read. There is no telling what of it is true, so nothing of it is logged.
func (d *Door) malformed(remote string, m *http1.Malformed) {
	d.metrics.served("", m.Status, 0)
	client, _, _ := net.SplitHostPort(remote)
	d.log.Info().Int("status", m.Status).Str("decision", "malformed").Str("error", m.Reason).Str("client", client).Str("node", d.node).Msg("request")
}

// panicked notes a bug of ours that a request has found; the connection is closed.
func (d *Door) panicked(why any, stack []byte) {
	d.log.Error().Str("error", fmt.Sprint(why)).Bytes("stack", stack).Msg("a request was not answered: this is a bug")
}
