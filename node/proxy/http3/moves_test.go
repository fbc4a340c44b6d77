package http3

import (
	"io"
	"net"
	"net/http"
	"net/url"
	"testing"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

// from is a socket of a client, at an address. Its connections have names, as those need that move.
func (w *world) from(address string) *quic.Transport {
	w.t.Helper()
	socket, err := net.ListenPacket("udp", address)
	w.must(err)
	transport := &quic.Transport{Conn: socket}
	w.t.Cleanup(func() { _, _ = transport.Close(), socket.Close() })
	return transport
}

// moves has the client of a connection go on from another address.
func (w *world) moves(conn *quic.Conn, to string) {
	w.t.Helper()
	path, err := conn.AddPath(w.from(to))
	w.must(err)
	w.must(path.Probe(w.ctx))
	w.must(path.Switch())
}

// asked asks, and gives the address that the server takes it to be of; "": there is no answer.
func (w *world) asked(by *http3.ClientConn) string {
	w.t.Helper()
	r := (&http.Request{Method: http.MethodGet, Host: "a.test", URL: &url.URL{Scheme: "https", Host: "a.test", Path: "/"}}).WithContext(w.ctx)
	res, err := by.RoundTrip(r)
	if err != nil {
		return ""
	}
	defer res.Body.Close()
	all, _ := io.ReadAll(res.Body) // what has come tells
	host, _, _ := net.SplitHostPort(string(all))
	return host
}

// TestAClientThatMovesComesAnew: what is decided of an address holds for what comes from there, also where a client may go on from
// another by the same connection. A router that gives it another port disturbs nobody.
func TestAClientThatMovesComesAnew(t *testing.T) {
	ended := make(chan struct{})
	w := newWorld(t, Options{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut { // and stays
			w.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
			close(ended)
			return
		}
		_, _ = io.WriteString(w, r.RemoteAddr)
	})})
	conn, err := w.from("127.0.0.1:0").Dial(w.ctx, w.at, toServer, &quic.Config{})
	w.must(err)
	by := (&http3.Transport{}).NewClientConn(conn)
	w.stream(conn, frame(headers, section(":method", "PUT", ":scheme", "https", ":authority", "a.test", ":path", "/")))
	if from := w.asked(by); from != "127.0.0.1" {
		t.Fatalf("it comes from %q", from)
	}
	w.moves(conn, "127.0.0.1:0")
	if from := w.asked(by); from != "127.0.0.1" {
		t.Fatalf("from another port it is not heard: %q", from)
	}
	w.moves(conn, "127.0.0.2:0")
	_ = w.asked(by) // with this it moves: QUIC hands on what a packet brings before it takes note of where it came from
	if got := w.ends(conn); got != http3.ErrCodeNoError {
		t.Errorf("the connection ended with %s", got)
	}
	select {
	case <-ended:
	case <-w.ctx.Done():
		t.Error("what was under way goes on")
	}
}
