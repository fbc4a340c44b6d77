package proxy

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"picket/broker"
	"picket/node/authn"
	"picket/node/authz"
	"picket/node/config"
)

// BenchmarkDoor is one request after another over one connection, through the door to an application and back.
func BenchmarkDoor(b *testing.B) {
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 1024)) }))
	defer app.Close()
	state, err := broker.New(broker.Options{Cluster: "t", Node: "n1", Secrets: [][]byte{make([]byte, 32)}, Log: zerolog.Nop()})
	if err != nil {
		b.Fatal(err)
	}
	c := &config.Config{
		Authenticate: config.Authenticate{URL: origin("auth.test")},
		Routes:       []config.Route{{Name: "open", From: origin("open.test"), To: []string{app.URL}, Access: config.Public, Timeout: time.Minute}},
	}
	who, err := authn.New(authn.Options{Config: c, Broker: state, Log: zerolog.Nop()})
	if err != nil {
		b.Fatal(err)
	}
	parts := Parts{Config: c, Authn: who, Authz: authz.New(authz.Options{Log: zerolog.Nop()}), Pages: http.NotFoundHandler(), Refuse: refusePlainly}
	d, err := New(Options{Parts: parts, Log: zerolog.Nop()})
	if err != nil {
		b.Fatal(err)
	}
	server := httptest.NewServer(d)
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	wire := bufio.NewReader(conn)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		if _, err := io.WriteString(conn, "GET /some/page HTTP/1.1\r\nHost: open.test\r\nAccept: */*\r\nUser-Agent: bench\r\n\r\n"); err != nil {
			b.Fatal(err)
		}
		res, err := http.ReadResponse(wire, nil)
		if err != nil || res.StatusCode != http.StatusOK {
			b.Fatal(res, err)
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil {
			b.Fatal(err)
		}
	}
}
