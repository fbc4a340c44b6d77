package http3

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"picket/node/proxy/http1"
)

// Options are what a server is made of. The zero of each is said.
type Options struct {
	Handler http.Handler
	TLS     *tls.Config // with TLS 1.3 and certificates

	HeaderBytes   int           // of a request's header; 0: 64 KiB
	Streams       int           // that one client may have open; 0: 250
	HeaderTimeout time.Duration // for the handshake, for the headers of each request, and for the body of one that has none to end; 0: 10 s
	IdleTimeout   time.Duration // with no request under way; 0: 5 minutes

	// ResetKey is what a client is told by that a connection is not known here, as after a restart, so that it makes another at once
	// (RFC 9000, section 10.3): those who share it speak for each other. TokenKey is the same of what it shows to prove where it is
	// (section 8.1.3). Zero: one of its own.
	ResetKey, TokenKey [32]byte

	// Enter is asked whether one more connection may come, before anything is done for it; and EnterFrom whether one more of this
	// client may, as soon as it is known to be where it says: at once when it shows a token, else with the handshake. leave is called
	// at the end. Nil: every one may.
	Enter, EnterFrom func(client netip.AddrPort) (leave func(), ok bool)
	// Refused is told of each request that no handler saw, but those that quic-go does not tell of. Nil: nobody is.
	Refused func(remote string, m *http1.Malformed)
	// Calmed is told of each connection that was ended because its client made work for nothing. Nil: nobody is.
	Calmed func(remote, why string)
	// Panicked is told of each panic of a handler but http.ErrAbortHandler. Nil: nobody is.
	Panicked func(why any, stack []byte)

	waste int // bytes that what one connection sends may take beside what it is; 0: mostWaste
}

const (
	// freely is how many clients a second are taken at their word where they are. More have to prove it first (RFC 9000, section
	// 8.1.2), which costs them a round trip, and us nothing.
	freely = 100
	// quiet is how long nothing is heard of a client that is there: then it is not.
	quiet = 30 * time.Second
	// What a client may send that nobody has read, in bytes. A request that nobody reads is to hold no other of its connection up, so there
	// is room for all streams that may be open, evenBytes; windows are small at first, and larger, up to mostStreamWindow, where a body
	// is read as fast as it comes. What those have more is taken from sharedBytes first, which bounds what few of them can hold up.
	evenBytes        = 4 << 20
	sharedBytes      = 2 << 20
	connWindow       = evenBytes + sharedBytes
	mostStreamWindow = 512 << 10
	oneWindow        = 64 << 10 // the largest at first
	// idLength is how long, in bytes, the names of connections are: of those who share a ResetKey no two are alike.
	idLength = 8
	// uniStreams are those that a client opens for itself: control, and two of QPACK; and some that it may use to no effect.
	uniStreams = 8
)

// Server serves one socket.
type Server struct {
	options   Options
	transport *quic.Transport
	listener  *quic.Listener
	newcomers rate

	mu      sync.Mutex
	current *period // guarded by mu: nil: paused
	closed  bool    // guarded by mu
}

// period is the time between two pauses.
type period struct {
	peers peers
	conns sync.WaitGroup
}

// NewServer listens on a socket, which it does not close. It serves nothing before Serve.
func NewServer(o Options, socket net.PacketConn) (*Server, error) {
	o.setDefaults()
	s := &Server{options: o, newcomers: rate{most: freely, each: freely}}
	s.transport = &quic.Transport{
		Conn: socket, ConnectionIDLength: idLength, ConnContext: s.enter,
		VerifySourceAddress: func(net.Addr) bool { return !s.newcomers.take(time.Now(), 1) },
		StatelessResetKey:   (*quic.StatelessResetKey)(&s.options.ResetKey), TokenGeneratorKey: (*quic.TokenGeneratorKey)(&s.options.TokenKey),
	}
	var err error
	s.listener, err = s.transport.Listen(http3.ConfigureTLSConfig(o.TLS), &quic.Config{
		HandshakeIdleTimeout: o.HeaderTimeout, MaxIdleTimeout: quiet,
		InitialStreamReceiveWindow: firstWindow(o.Streams), MaxStreamReceiveWindow: mostStreamWindow,
		InitialConnectionReceiveWindow: connWindow, MaxConnectionReceiveWindow: connWindow,
		MaxIncomingStreams: int64(o.Streams), MaxIncomingUniStreams: uniStreams,
		Allow0RTT: false, EnableDatagrams: true, Tracer: s.options.trace,
	})
	if err != nil {
		return nil, fmt.Errorf("listening to QUIC: %w", err)
	}
	s.current = &period{}
	return s, nil
}

// firstWindow is what a client may send of each of so many streams before anything is read.
func firstWindow(streams int) uint64 { return uint64(min(oneWindow, evenBytes/(streams+uniStreams))) }

func (o *Options) setDefaults() {
	if o.HeaderBytes == 0 {
		o.HeaderBytes = 64 << 10
	}
	if o.Streams == 0 {
		o.Streams = 250
	}
	if o.HeaderTimeout == 0 {
		o.HeaderTimeout = 10 * time.Second
	}
	if o.IdleTimeout == 0 {
		o.IdleTimeout = 5 * time.Minute
	}
	if o.waste == 0 {
		o.waste = mostWaste
	}
	for _, key := range []*[32]byte{&o.ResetKey, &o.TokenKey} {
		if *key == ([32]byte{}) {
			_, _ = rand.Read(key[:]) // never fails: crypto/rand ends the program instead
		}
	}
}

// newHTTP makes what serves one client.
func (o *Options) newHTTP(q *peer) *http3.Server {
	return &http3.Server{
		Handler: &handler{options: o}, EnableDatagrams: true, MaxHeaderBytes: o.HeaderBytes, Logger: slog.New(slog.DiscardHandler),
		ConnContext: func(ctx context.Context, _ *quic.Conn) context.Context { return context.WithValue(ctx, peerKey{}, q) },
	}
}

// countedKey is where the context of a connection has whether EnterFrom was asked about it.
type countedKey struct{}

// errNotNow is for a client that is not let in.
var errNotNow = errors.New("http3: not now")

// enter is asked by QUIC about each client, before anything is done for it.
func (s *Server) enter(ctx context.Context, info *quic.ClientInfo) (context.Context, error) {
	leave, ok := ask(s.options.Enter, info.RemoteAddr)
	if !ok {
		return nil, errNotNow
	}
	if info.AddrVerified {
		leaveFrom, ok := ask(s.options.EnterFrom, info.RemoteAddr)
		if !ok {
			leave()
			return nil, errNotNow
		}
		context.AfterFunc(ctx, leaveFrom)
	}
	context.AfterFunc(ctx, leave)
	return context.WithValue(ctx, countedKey{}, info.AddrVerified), nil
}

// prove counts a connection as one of its client, whose handshake has just proved where it is, unless that was done before.
func (s *Server) prove(conn *quic.Conn) bool {
	if counted, _ := conn.Context().Value(countedKey{}).(bool); counted {
		return true
	}
	leave, ok := ask(s.options.EnterFrom, conn.RemoteAddr())
	if ok {
		context.AfterFunc(conn.Context(), leave)
	}
	return ok
}

// ask asks whether a connection may come.
func ask(enter func(netip.AddrPort) (func(), bool), client net.Addr) (leave func(), ok bool) {
	if enter == nil {
		return func() {}, true
	}
	from, ok := client.(*net.UDPAddr)
	if !ok {
		return nil, false
	}
	return enter(from.AddrPort())
}

// Serve takes connections until Shutdown or Close, or until the socket fails.
func (s *Server) Serve() error {
	for {
		conn, err := s.listener.Accept(context.Background())
		if errors.Is(err, quic.ErrServerClosed) || errors.Is(err, quic.ErrTransportClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("accepting QUIC: %w", err)
		}
		s.take(conn)
	}
}

func (s *Server) take(conn *quic.Conn) {
	if !s.prove(conn) {
		_ = conn.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeExcessiveLoad), "too many connections")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.current
	if p == nil {
		_ = conn.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeNoError), "")
		return
	}
	q := p.peers.expect(conn, &s.options)
	p.conns.Go(func() {
		defer p.peers.forget(conn)
		_ = q.http.ServeQUICConn(conn)    // what a client did wrong is between it and quic-go
		q.close(http3.ErrCodeNoError, "") // when the end came before it was begun
	})
}

// Pause lets no more connections come from now on. end, which is to be called, lets those that are there come to their end until
// ctx does; then they are cut.
func (s *Server) Pause() (end func(ctx context.Context) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.current
	s.current = nil
	if p == nil {
		return func(context.Context) error { return nil }
	}
	return p.end
}

// Resume ends a pause.
func (s *Server) Resume() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil && !s.closed {
		s.current = &period{}
	}
}

// Shutdown is a pause for ever. The socket can be closed then.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	err := s.Pause()(ctx)
	return errors.Join(err, s.listener.Close(), s.transport.Close())
}

// Close cuts everything at once.
func (s *Server) Close() error {
	now, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Shutdown(now); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// Conns is how many connections are open.
func (s *Server) Conns() int {
	s.mu.Lock()
	p := s.current
	s.mu.Unlock()
	if p == nil {
		return 0
	}
	return p.peers.count()
}

// endEvery is how often connections are looked at that are to come to their end.
const endEvery = 50 * time.Millisecond

// end tells all clients to ask for nothing more, and closes each connection when nothing is under way on it, or when nobody is there.
func (p *period) end(ctx context.Context) error {
	p.peers.every(func(q *peer) { p.conns.Go(func() { q.farewell(ctx) }) })
	ended := make(chan struct{})
	go func() { p.conns.Wait(); close(ended) }()
	tick := time.NewTicker(endEvery)
	defer tick.Stop()
	for began := time.Now(); ; {
		select {
		case <-ended:
			return nil
		case <-ctx.Done():
			p.peers.every(func(q *peer) { q.close(http3.ErrCodeNoError, "closing") })
			<-ended
			return ctx.Err()
		case now := <-tick.C:
			p.peers.every(func(q *peer) {
				if q.isDone(now, began) || q.isGone(now, began) {
					q.close(http3.ErrCodeNoError, "closing")
				}
			})
		}
	}
}
