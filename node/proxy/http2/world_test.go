package http2

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"picket/node/proxy/http1"
)

// patience is how long anything that is waited for may take.
const patience = 60 * time.Second

// world is a server at an address.
type world struct {
	t       *testing.T
	server  *Server
	address string
	calmed  chan string // why clients were cut off
}

// newWorld serves until the test ends; secure: over TLS.
func newWorld(t *testing.T, secure bool, handler http.HandlerFunc, change ...func(*Options)) *world {
	t.Helper()
	t.Parallel()
	w := &world{t: t, calmed: make(chan string, 16)}
	o := Options{
		Handler: adapted(handler), HeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute, WriteTimeout: 10 * time.Second,
		Calmed: func(_, why string) { w.calmed <- why },
	}
	for _, f := range change {
		f(&o)
	}
	w.server = NewServer(o)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	w.must(err)
	w.address = l.Addr().String()
	var certificate *tls.Certificate
	if secure {
		certificate = selfSigned(t)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { w.serve(conn, certificate) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		w.server.Close()
		serving.Wait()
	})
	return w
}

// serve serves a connection, over TLS when there is a certificate.
func (w *world) serve(conn net.Conn, certificate *tls.Certificate) {
	if certificate == nil {
		w.server.ServeConn(conn, nil)
		return
	}
	secure := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{*certificate}, NextProtos: []string{"h2"}})
	if err := secure.Handshake(); err != nil {
		_ = conn.Close()
		return
	}
	state := secure.ConnectionState()
	w.server.ServeConn(secure, &state)
}

func selfSigned(t *testing.T) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotAfter: time.Now().Add(time.Hour)}
	chain, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{chain}, PrivateKey: key}
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// peer is a client that sends frames as the test likes.
type peer struct {
	*http2.Framer
	w       *world
	conn    net.Conn
	encoder *hpack.Encoder
	block   bytes.Buffer
}

// dials connects, and says nothing.
func (w *world) dials() *peer {
	w.t.Helper()
	conn, err := net.Dial("tcp", w.address)
	w.must(err)
	w.t.Cleanup(func() { _ = conn.Close() })
	return w.framed(conn)
}

// framed is a client upon a connection.
func (w *world) framed(conn net.Conn) *peer {
	w.t.Helper()
	w.must(conn.SetDeadline(time.Now().Add(patience)))
	p := &peer{Framer: http2.NewFramer(conn, conn), w: w, conn: conn}
	p.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	p.encoder = hpack.NewEncoder(&p.block)
	return p
}

// peer connects, and says what a client says first.
func (w *world) peer(settings ...http2.Setting) *peer {
	w.t.Helper()
	return w.dials().greets(settings...)
}

// greets says what a client says first.
func (p *peer) greets(settings ...http2.Setting) *peer {
	w := p.w
	w.t.Helper()
	_, err := io.WriteString(p.conn, http2.ClientPreface)
	w.must(err)
	w.must(p.WriteSettings(settings...))
	w.must(p.WriteSettingsAck()) // whatever the server says first
	return p
}

// header encodes fields, each a name and a value.
func (p *peer) header(fields ...string) []byte {
	p.block.Reset()
	for i := 0; i < len(fields); i += 2 {
		p.w.must(p.encoder.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]}))
	}
	return bytes.Clone(p.block.Bytes())
}

// asks is the header of a request.
func (p *peer) asks() []byte {
	return p.header(":method", "GET", ":scheme", "http", ":authority", "localhost", ":path", "/")
}

// hears reads frames until one is right, and gives the error that the connection ended with instead.
func (p *peer) hears(right func(http2.Frame) bool) (http2.Frame, error) {
	for {
		f, err := p.ReadFrame()
		if err != nil || right(f) {
			return f, err
		}
	}
}

// isCalmed wants the server to end the connection with ENHANCE_YOUR_CALM.
func (p *peer) isCalmed() {
	p.w.t.Helper()
	f, err := p.hears(func(f http2.Frame) bool { _, away := f.(*http2.GoAwayFrame); return away })
	if err != nil {
		p.w.t.Fatalf("the connection ended with %v, and no GOAWAY", err)
	}
	if away := f.(*http2.GoAwayFrame); away.ErrCode != http2.ErrCodeEnhanceYourCalm {
		p.w.t.Errorf("GOAWAY says %s", away.ErrCode)
	}
	if _, err := p.ReadFrame(); !errors.Is(err, io.EOF) {
		p.w.t.Errorf("after GOAWAY: %v", err)
	}
}

// floods writes without end, until the server no longer takes it.
func (p *peer) floods(write func(n int) error) {
	go func() {
		for n := 0; write(n) == nil; n++ {
		}
	}()
}

// adapted serves requests by a handler of net/http.
func adapted(h http.Handler) http1.Handler {
	return func(r *http1.Request, c http1.Client) {
		made, err := r.HTTP()
		if err != nil {
			c.Begin(http1.Reply{Status: http.StatusBadRequest})
			_ = c.Finish(nil)
			return
		}
		_ = http1.Serve(h, made, c) // what is not finished is broken off
	}
}
