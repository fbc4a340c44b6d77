package http3

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/quic-go/quicvarint"
)

// world is a server, and whoever comes to it.
type world struct {
	t      *testing.T
	ctx    context.Context
	server *Server
	at     net.Addr
}

// newWorld serves until the end of the test.
func newWorld(t *testing.T, o Options) *world {
	t.Helper()
	return newWorldAt(t, o, func(socket net.PacketConn) net.PacketConn { return socket })
}

// newWorldAt is the same behind a socket that the test makes of a socket.
func newWorldAt(t *testing.T, o Options, through func(net.PacketConn) net.PacketConn) *world {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	w := &world{t: t, ctx: ctx}
	o.TLS = &tls.Config{Certificates: []tls.Certificate{selfSigned(t)}, MinVersion: tls.VersionTLS13}
	if o.Handler == nil {
		o.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("here")) })
	}
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	w.must(err)
	socket = through(socket)
	w.at = socket.LocalAddr()
	w.server, err = NewServer(o, socket)
	w.must(err)
	ended := make(chan error, 1)
	go func() { ended <- w.server.Serve() }()
	t.Cleanup(func() {
		if err := errors.Join(w.server.Close(), <-ended, socket.Close()); err != nil {
			t.Error(err)
		}
	})
	return w
}

func selfSigned(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"a.test"}}
	der, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// until waits for what has to come.
func (w *world) until(what string, is func() bool) {
	w.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-w.ctx.Done():
			w.t.Fatalf("waited for: %s", what)
		case <-tick.C:
		}
	}
}

var toServer = &tls.Config{InsecureSkipVerify: true, ServerName: "a.test", NextProtos: []string{http3.NextProtoH3}}

// connect makes a connection of a client that says nothing of HTTP/3 yet.
func (w *world) connect() *quic.Conn {
	w.t.Helper()
	conn, err := quic.DialAddr(w.ctx, w.at.String(), toServer, &quic.Config{EnableDatagrams: true})
	w.must(err)
	w.t.Cleanup(func() { _ = conn.CloseWithError(0, "") })
	return conn
}

// client makes a connection of a client as it should be.
func (w *world) client() (*http3.ClientConn, *quic.Conn) {
	w.t.Helper()
	conn := w.connect()
	return (&http3.Transport{EnableDatagrams: true}).NewClientConn(conn), conn
}

// get asks, and gives the status; 0 when there is no answer.
func (w *world) get(by *http3.ClientConn) int {
	w.t.Helper()
	r := (&http.Request{Method: http.MethodGet, Host: "a.test", URL: &url.URL{Scheme: "https", Host: "a.test", Path: "/"}}).WithContext(w.ctx)
	res, err := by.RoundTrip(r)
	if err != nil {
		return 0
	}
	_ = res.Body.Close()
	return res.StatusCode
}

// refused makes a connection that the server ends as soon as it is there, and gives the code that it ended it with. Who dials may be
// told of the end before it is told that it is connected.
func (w *world) refused() http3.ErrCode {
	w.t.Helper()
	conn, err := quic.DialAddr(w.ctx, w.at.String(), toServer, &quic.Config{EnableDatagrams: true})
	if err != nil {
		return w.code(err)
	}
	return w.ends(conn)
}

// ends waits for the end of a connection, and gives the code that the server ended it with.
func (w *world) ends(conn *quic.Conn) http3.ErrCode {
	w.t.Helper()
	select {
	case <-conn.Context().Done():
	case <-w.ctx.Done():
		w.t.Fatal("the connection goes on")
	}
	return w.code(context.Cause(conn.Context()))
}

// code is what the server ended a connection with.
func (w *world) code(why error) http3.ErrCode {
	w.t.Helper()
	var how *quic.ApplicationError
	if !errors.As(why, &how) || !how.Remote {
		w.t.Fatalf("the connection ended so: %v", why)
	}
	return http3.ErrCode(how.ErrorCode)
}

// stream opens a stream and writes to it.
func (w *world) stream(conn *quic.Conn, bytes ...[]byte) *quic.Stream {
	w.t.Helper()
	s, err := conn.OpenStreamSync(w.ctx)
	w.must(err)
	for _, b := range bytes {
		if _, err := s.Write(b); err != nil {
			w.t.Fatal(err)
		}
	}
	return s
}

// frame is a frame of HTTP/3 (RFC 9114, section 7.1), and headers the type of those that hold a field section.
func frame(kind uint64, payload []byte) []byte {
	b := quicvarint.Append(quicvarint.Append(nil, kind), uint64(len(payload)))
	return append(b, payload...)
}

const headers = 1

// section is a field section without a dynamic table (RFC 9204, section 4.5): each name and value as it stands.
func section(fields ...string) []byte {
	b := []byte{0, 0}
	for i := 0; i < len(fields); i += 2 {
		b = append(integer(b, 0x20, 3, len(fields[i])), fields[i]...)
		b = append(integer(b, 0, 7, len(fields[i+1])), fields[i+1]...)
	}
	return b
}

// integer is an integer behind the first bits of a byte (RFC 7541, section 5.1).
func integer(b []byte, first byte, bits, n int) []byte {
	most := 1<<bits - 1
	if n < most {
		return append(b, first|byte(n))
	}
	b = append(b, first|byte(most))
	for n -= most; n >= 128; n >>= 7 {
		b = append(b, byte(n)|128)
	}
	return append(b, byte(n))
}

// asking are the fields of a request, with others behind them.
func asking(more ...string) []byte {
	return section(append([]string{":method", "GET", ":scheme", "https", ":authority", "a.test", ":path", "/"}, more...)...)
}
