package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"picket/node/config"
	"picket/node/proxy/http1"
	"picket/node/proxy/http2"
)

// speakers serve the connections of one listener: HTTP/1.1 is spoken by package http1, HTTP/2 by package http2, whichever TLS
// agreed on or, without TLS, whichever the client begins with. HTTP/3 has a socket of its own (quic).
type speakers struct {
	listener *listener
	tls      *tls.Config // nil: the listener does not speak it
	http1    *http1.Server
	http2    *http2.Server

	arriving arriving
}

// acceptAgain is how long accepting rests when the system has no more file descriptors.
const acceptAgain = 50 * time.Millisecond

func newSpeakers(l *listener, c config.Listener) *speakers {
	d := l.door
	s := &speakers{listener: l}
	s.http1 = &http1.Server{
		Handler: l.serveOwn, HeaderBytes: c.HeaderBytes, Fields: c.Headers, HeaderTimeout: c.HeaderTimeout, IdleTimeout: c.IdleTimeout,
		WriteTimeout: c.IdleTimeout, Refused: d.malformed, Panicked: d.panicked,
	}
	s.http2 = http2.NewServer(http2.Options{
		Handler: l.serveOwn, HeaderBytes: c.HeaderBytes, Fields: c.Headers, Streams: c.Streams, HeaderTimeout: c.HeaderTimeout,
		IdleTimeout: c.IdleTimeout, WriteTimeout: c.IdleTimeout, Refused: d.malformed, Calmed: d.calmed, Panicked: d.panicked,
	})
	if c.TLS() {
		s.tls = l.tlsConfig()
	}
	return s
}

// serve serves what a socket accepts, until Shutdown closes it.
func (s *speakers) serve(socket net.Listener) error {
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
		if why := s.listener.gate.Enter(); why != "" {
			s.listener.notLetIn(conn.RemoteAddr(), why)
			_ = conn.Close()
			continue
		}
		go s.take(conn)
	}
}

// shutdown lets what is under way come to its end until ctx does, then cuts it.
func (s *speakers) shutdown(ctx context.Context) error {
	s.arriving.drain(ctx)
	var one, two error
	var both sync.WaitGroup
	both.Go(func() { one = s.http1.Shutdown(ctx) })
	both.Go(func() { two = s.http2.Shutdown(ctx) })
	both.Wait()
	if err := errors.Join(one, two); err != nil {
		s.http1.Close()
		s.http2.Close()
		return err
	}
	return nil
}

// calmed notes a client that was cut off because it made work for nothing.
func (d *Door) calmed(remote, why string) {
	d.metrics.notLetIn("calmed")
	d.log.Warn().Str("client", remote).Str("why", why).Msg("a client was cut off: it made work for nothing")
}

// malformed notes a request that could not be read. There is no telling what of it is true, so nothing of it is logged.
func (d *Door) malformed(remote string, m *http1.Malformed) {
	d.metrics.served(nil, m.Status, 0)
	client, _, _ := net.SplitHostPort(remote)
	d.log.Info().Int("status", m.Status).Str("decision", "malformed").Str("error", m.Reason).Str("client", client).Str("node", d.node).Msg("request")
}

// panicked notes a bug of ours that a request has found; the connection is closed.
func (d *Door) panicked(why any, stack []byte) {
	d.log.Error().Str("error", fmt.Sprint(why)).Bytes("stack", stack).Msg("a request was not answered: this is a bug")
}
