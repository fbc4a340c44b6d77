//go:build bench

package bench

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/coder/websocket"
)

// openSockets is how many WebSockets are held open.
const openSockets = 1000

// sockets measures what a WebSocket costs that is open, and on which nothing is said.
func (s *door) sockets(t *testing.T, application nginx) {
	if !s.takes("sockets", false) {
		return
	}
	speaks := httptest.NewServer(http.HandlerFunc(echo))
	t.Cleanup(speaks.Close)
	for _, keys := range []*keys{nil, s.keys} {
		one := s.newCluster(t, 1, application, keys)
		one.Sockets = speaks.URL
		one.configure()
		one.start()
		cookie, err := one.signIn(t.Context(), person(0))
		if err != nil {
			t.Fatalf("signing in: %v", err)
		}
		d := doorway{processes: []*process{one.nodes[0].process}, node: one.nodes[0]}
		one.openSockets(t, cookie, 32) // what the first ones bring with them
		s.say("sockets: opening %d", openSockets)
		before, usedBefore := s.memory(t, d)
		one.openSockets(t, cookie, openSockets)
		after, usedAfter := s.memory(t, d)
		what := fmt.Sprintf("memory per open WebSocket, mean of %d", openSockets)
		if keys != nil {
			what = fmt.Sprintf("memory per open WebSocket with TLS, mean of %d", openSockets)
		}
		s.add(row{what: what + " (in use)", measured: (usedAfter - usedBefore) / openSockets, unit: size},
			row{what: what, measured: (after - before) / openSockets, unit: size})
	}
}

// openSockets opens WebSockets, has each say something, and leaves them open until the test ends.
func (c *cluster) openSockets(t *testing.T, cookie string, count int) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: c.TLS.trust(), DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", c.nodes[0].http)
	}}}
	headers := http.Header{"Cookie": {c.cookieName() + "=" + cookie}, "Origin": {c.URL("app")}}
	for range count {
		conn, _, err := websocket.Dial(t.Context(), c.URL("app")+"/sockets/", &websocket.DialOptions{HTTPClient: client, HTTPHeader: headers})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.CloseNow() })
		if err := conn.Write(t.Context(), websocket.MessageText, []byte("hello")); err != nil {
			t.Fatal(err)
		}
		if _, said, err := conn.Read(t.Context()); err != nil || string(said) != "hello" {
			t.Fatalf("%q %v", said, err)
		}
	}
}

// echo is an application that sends back what comes over a WebSocket.
func echo(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return
	}
	defer func() { _ = conn.CloseNow() }()
	for {
		kind, data, err := conn.Read(r.Context())
		if err != nil || conn.Write(r.Context(), kind, data) != nil {
			return
		}
	}
}
