package proxy

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"picket/examples/pace"
	"picket/node/config"
)

const upgrade = "Connection: keep-alive, Upgrade\nUpgrade: websocket\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\nSec-WebSocket-Version: 13\n"

// echo is an application that sends back what comes over a WebSocket; first it says whose it is.
func echo(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Upgrade") == "" || r.URL.Path == "/not" {
		w.Header().Set("Set-Cookie", "picket=evil")
		http.Error(w, "no WebSocket", http.StatusTeapot)
		return
	}
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return
	}
	defer func() { _ = c.CloseNow() }()
	c.SetReadLimit(1 << 20)
	ctx := r.Context()
	_ = c.Write(ctx, websocket.MessageText, []byte(r.RequestURI+" "+r.Header.Get("Remote-User")+" "+r.Header.Get("Cookie")))
	for {
		kind, data, err := c.Read(ctx)
		if err != nil {
			return
		}
		if err := c.Write(ctx, kind, data); err != nil {
			return
		}
	}
}

// open opens a WebSocket to a host through the door.
func (w *world) socket(host, path string, headers http.Header) (*websocket.Conn, *http.Response, error) {
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", w.address)
	}}}
	return websocket.Dial(w.ctx, "ws://"+host+path, &websocket.DialOptions{HTTPClient: client, HTTPHeader: headers})
}

// wiki opens a WebSocket to the wiki and reads the first message.
func (w *world) wikiSocket(cookie string) *websocket.Conn {
	w.t.Helper()
	c, _, err := w.socket("wiki.test", "/live?x=%zz", http.Header{"Cookie": {cookie + "; a=1"}, "Origin": {"https://wiki.test"}, "Remote-User": {"root"}})
	w.must(err)
	w.t.Cleanup(func() { _ = c.CloseNow() })
	_, first, err := c.Read(w.ctx)
	w.must(err)
	if string(first) != "/live?x=%zz alice a=1" {
		w.t.Fatalf("the application was told %q", first)
	}
	return c
}

func TestAWebSocketPasses(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(echo))
	c := w.wikiSocket(w.signIn("alice", origin("wiki.test"), "wiki"))
	c.SetReadLimit(1 << 20)
	for _, size := range []int{0, 1, 125, 126, 70_000} {
		sent := strings.Repeat("x", size)
		w.must(c.Write(w.ctx, websocket.MessageText, []byte(sent)))
		_, got, err := c.Read(w.ctx)
		w.must(err)
		if string(got) != sent {
			t.Errorf("of %d came back %d", len(sent), len(got))
		}
	}
	if err := c.Close(websocket.StatusNormalClosure, "done"); err != nil {
		t.Errorf("closing: %v", err)
	}
	w.until("the line is written", func() bool { return len(w.log.access(t)) == 1 })
	if got := w.log.access(t)[0]; got["status"] != 101.0 || got["bytes"].(float64) < 70_000 || got["ended"] != nil {
		t.Errorf("the line: %v", got)
	}
}

func TestAWebSocketOfAnotherSiteIsRefused(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(echo))
	cookie := w.signIn("alice", origin("wiki.test"), "wiki")
	for _, from := range []string{"https://evil.test", "null", "http://wiki.test", "https://wiki.test.evil.test", "https://wiki.test:8443"} {
		res := w.ask("GET / HTTP/1.1\nHost: wiki.test\nCookie: " + cookie + "\nOrigin: " + from + "\n" + upgrade + "\n")
		if f := refusal(t, res); res.StatusCode != http.StatusForbidden || f.Code != "foreign_origin" {
			t.Errorf("from %s: %s", from, res.Status)
		}
	}
	res := w.ask("GET / HTTP/1.1\nHost: wiki.test\nCookie: " + cookie + "\nOrigin: https://wiki.test\nOrigin: https://evil.test\n" + upgrade + "\n")
	if res.StatusCode != http.StatusForbidden {
		t.Errorf("from two: %s", res.Status)
	}
}

func TestARouteThatAllowsNoWebSocketHasNone(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(echo))
	if f := refusal(t, w.ask("GET / HTTP/1.1\nHost: open.test\n"+upgrade+"\n")); f.Code != "websocket_off" {
		t.Errorf("got %+v", f)
	}
}

func TestAnAnswerThatIsNoWebSocketIsPassedOn(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(echo))
	cookie := w.signIn("alice", origin("wiki.test"), "wiki")
	res := w.ask("GET /not HTTP/1.1\nHost: wiki.test\nCookie: " + cookie + "\n" + upgrade + "\n")
	if res.StatusCode != http.StatusTeapot || strings.TrimSpace(text(t, res)) != "no WebSocket" || res.Header.Get("Set-Cookie") != "" {
		t.Errorf("%s: %v", res.Status, res.Header)
	}
}

// ends reads until the WebSocket is closed, and gives the status of the close frame.
func ends(ctx context.Context, c *websocket.Conn) (code websocket.StatusCode, reason string) {
	for {
		if _, _, err := c.Read(ctx); err != nil {
			var closed websocket.CloseError
			if errors.As(err, &closed) {
				return closed.Code, closed.Reason
			}
			return -1, err.Error()
		}
	}
}

func TestARevokedSessionEndsItsWebSockets(t *testing.T) {
	for name, revoke := range map[string]func(*world) error{
		"the session": func(w *world) error { return w.authn.Revoke(w.ctx, w.session()) },
		"the user":    func(w *world) error { _, err := w.authn.RevokeUser(w.ctx, "alice@example.com"); return err },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, http.HandlerFunc(echo))
			cookie := w.signIn("alice", origin("wiki.test"), "wiki")
			sockets := []*websocket.Conn{w.wikiSocket(cookie), w.wikiSocket(cookie)}
			w.must(revoke(w))
			revoked, p := time.Now(), pace.Start(t)
			for _, c := range sockets {
				if code, reason := ends(w.ctx, c); code != websocket.StatusPolicyViolation || reason != errSessionOver.Error() {
					t.Errorf("closed with %d %q", code, reason)
				}
			}
			if took := time.Since(revoked); took > p.Within(time.Second) {
				t.Errorf("after %v", took)
			}
			w.until("the lines are written", func() bool { return len(w.log.access(t)) == 2 })
			if got := w.log.access(t)[0]["ended"]; got != errSessionOver.Error() {
				t.Errorf("the line says %v", got)
			}
		})
	}
}

func TestAWebSocketEndsWithItsSession(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(echo), func(c *config.Config) { c.Routes[0].Session.Lifetime = 20 * time.Second })
	c := w.wikiSocket(w.signIn("alice", origin("wiki.test"), "wiki"))
	if code, reason := ends(w.ctx, c); code != websocket.StatusPolicyViolation || reason != errSessionOver.Error() {
		t.Errorf("closed with %d %q", code, reason)
	}
}

func TestAWebSocketEndsWhenTheNodeLosesTouch(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(echo), func(c *config.Config) { c.Cluster.MaxStaleness = 15 * time.Second })
	c := w.wikiSocket(w.signIn("alice", origin("wiki.test"), "wiki"))
	w.must(w.broker.Close(w.ctx))
	if code, reason := ends(w.ctx, c); code != websocket.StatusPolicyViolation || reason != errUnproved.Error() {
		t.Errorf("closed with %d %q", code, reason)
	}
}

func TestWebSocketsAreToldThatTheNodeGoesAway(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(echo))
	c := w.wikiSocket(w.signIn("alice", origin("wiki.test"), "wiki"))
	go w.stop()
	if code, _ := ends(w.ctx, c); code != websocket.StatusGoingAway {
		t.Errorf("closed with %d", code)
	}
	w.stop()
}

func TestASilentWebSocketEndsAfterItsIdleTime(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(echo), func(c *config.Config) { c.Routes[0].IdleTimeout = 10 * time.Second })
	c := w.wikiSocket(w.signIn("alice", origin("wiki.test"), "wiki"))
	if code, reason := ends(w.ctx, c); code != websocket.StatusGoingAway || reason != errIdle.Error() {
		t.Errorf("closed with %d %q", code, reason)
	}
}

func TestAClientThatDoesNotReadHoldsNoCutUp(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(flood))
	cookie := w.signIn("alice", origin("wiki.test"), "wiki")
	conn := w.dial()
	_, err := conn.Write([]byte(strings.ReplaceAll("GET / HTTP/1.1\nHost: wiki.test\nCookie: "+cookie+"\n"+upgrade+"\n", "\n", "\r\n")))
	w.must(err)
	var head [12]byte
	_, err = conn.Read(head[:])
	w.must(err)
	w.must(w.authn.Revoke(w.ctx, w.session()))
	w.until("the line is written", func() bool { return len(w.log.access(t)) == 1 })
}

// flood is an application that sends without end.
func flood(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return
	}
	defer func() { _ = c.CloseNow() }()
	for c.Write(r.Context(), websocket.MessageBinary, make([]byte, 1<<20)) == nil {
	}
}

func TestAnEndlessAnswerInPlaceOfAWebSocketEndsWithItsSession(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := rw.Write(make([]byte, 1024)); err != nil {
				return
			}
		}
	}))
	cookie := w.signIn("alice", origin("wiki.test"), "wiki")
	conn := w.dial()
	_, err := conn.Write([]byte(strings.ReplaceAll("GET / HTTP/1.1\nHost: wiki.test\nCookie: "+cookie+"\n"+upgrade+"\n", "\n", "\r\n")))
	w.must(err)
	buffer := make([]byte, 64<<10)
	_, err = conn.Read(buffer)
	w.must(err)
	w.must(w.authn.Revoke(w.ctx, w.session()))
	w.must(conn.SetReadDeadline(time.Now().Add(testPatience)))
	for err == nil {
		_, err = conn.Read(buffer)
	}
	var late net.Error
	if errors.As(err, &late) && late.Timeout() {
		t.Error("it goes on")
	}
}
