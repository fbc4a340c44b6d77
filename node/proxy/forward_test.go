package proxy

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"picket/examples/ports"
	"picket/node/config"
)

func TestAStreamIsFlushedAtOnce(t *testing.T) {
	next := make(chan struct{})
	w := newWorld(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 3 {
			_, _ = fmt.Fprintf(w, "data: %d\n", i)
			w.(http.Flusher).Flush()
			<-next
		}
	}))
	conn := w.dial()
	_, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: open.test\r\n\r\n")
	w.must(err)
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	w.must(err)
	events := bufio.NewReader(res.Body)
	for i := range 3 {
		line, err := events.ReadString('\n')
		if want := fmt.Sprintf("data: %d\n", i); err != nil || line != want {
			t.Fatalf("got %q, %v; want %q", line, err, want)
		}
		next <- struct{}{}
	}
}

func TestAStreamEndsWithItsSession(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/stream" {
			_, _ = io.WriteString(w, "data\n")
			w.(http.Flusher).Flush()
		}
		<-r.Context().Done()
	}))
	cookie := w.signIn("alice", origin("wiki.test"), "wiki")
	stream, wait := w.dial(), w.dial()
	for conn, path := range map[net.Conn]string{stream: "/stream", wait: "/wait"} {
		_, err := io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: wiki.test\r\nCookie: "+cookie+"\r\n\r\n")
		w.must(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(stream), nil)
	w.must(err)
	w.until("both are under way", func() bool { return w.gauge("picket_open_streams") == 2 })
	w.must(w.authn.Revoke(w.ctx, w.session()))
	if _, err := io.ReadAll(res.Body); err == nil {
		t.Error("the stream ended as if it were whole")
	}
	if got := w.read(wait); got.StatusCode != http.StatusUnauthorized {
		t.Errorf("what had no answer yet: %s", got.Status)
	}
	w.until("none is open, and two are counted as cut", func() bool {
		return w.gauge("picket_open_streams") == 0 && w.gauge("picket_cut_streams_total") == 2
	})
}

// gauge is the value of a metric without labels.
func (w *world) gauge(name string) float64 {
	w.t.Helper()
	families, err := w.registry.Gather()
	w.must(err)
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue() + f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	return 0
}

func TestAnApplicationThatIsDownIsSaidSo(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), func(c *config.Config) {
		c.Routes[1].To = []string{"http://" + ports.One(t)}
		c.Routes[1].WebSocket = true
	})
	for name, request := range map[string]string{
		"a request":   "GET / HTTP/1.1\nHost: open.test\n\n",
		"a body":      "POST / HTTP/1.1\nHost: open.test\nContent-Length: 1\n\na",
		"a WebSocket": "GET / HTTP/1.1\nHost: open.test\n" + upgrade + "\n",
	} {
		res := w.ask(request)
		if f := refusal(t, res); res.StatusCode != http.StatusBadGateway || f.Code != "upstream_down" || f.Route != "open" {
			t.Errorf("%s: %s, %+v", name, res.Status, f)
		}
	}
}

func TestAnApplicationThatBreaksOffIsDown(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	if res := w.ask("POST / HTTP/1.1\nHost: open.test\nContent-Length: 1\n\na"); res.StatusCode != http.StatusBadGateway {
		t.Errorf("got %s", res.Status)
	}
}

func TestAnApplicationThatTakesTooLongIsSaidSo(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }), func(c *config.Config) {
		c.Routes[1].Timeout = 100 * time.Millisecond
		c.Routes[2].Timeout, c.Routes[2].IdleTimeout, c.Routes[2].Access = 0, 100*time.Millisecond, config.Public
	})
	for name, request := range map[string]string{
		"by its timeout":   "GET / HTTP/1.1\nHost: open.test\n\n",
		"by its idle time": "GET /app HTTP/1.1\nHost: a.any.test\n\n",
	} {
		if res := w.ask(request); res.StatusCode != http.StatusGatewayTimeout {
			t.Errorf("%s: %s", name, res.Status)
		}
	}
}

func TestAClientThatLeavesTakesItsRequestAlong(t *testing.T) {
	begun, gone := make(chan struct{}), make(chan struct{})
	w := newWorld(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(begun)
		<-r.Context().Done()
		close(gone)
	}))
	conn := w.dial()
	_, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: open.test\r\n\r\n")
	w.must(err)
	<-begun
	w.must(conn.Close())
	<-gone
	w.until("the line is written", func() bool { return len(w.log.access(t)) == 1 })
	if got := w.log.access(t)[0]; got["status"] != 499.0 || got["decision"] != "client_gone" {
		t.Errorf("the line: %v", got)
	}
}

func TestTargetsTakeTurnsAndOneThatIsDownIsPassedOver(t *testing.T) {
	counts := make([]int, 2)
	var to []string
	for i := range counts {
		s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { counts[i]++ }))
		t.Cleanup(s.Close)
		to = append(to, s.URL)
	}
	w := newWorld(t, http.HandlerFunc(mirror), func(c *config.Config) { c.Routes[1].To = append(to, "http://"+ports.One(t)) })
	for range 12 {
		if res := w.ask("GET / HTTP/1.1\nHost: open.test\n\n"); res.StatusCode != http.StatusOK {
			t.Errorf("got %s", res.Status)
		}
	}
	if counts[0]+counts[1] != 12 || counts[1] < 4 || counts[0] < 4 {
		t.Errorf("turns: %v", counts)
	}
}

func TestTheHostThatIsSentIsTheRoutesChoice(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), func(c *config.Config) {
		c.Routes[0].Access, c.Routes[0].Host = config.Public, "wiki.internal"
		c.Routes[2].Access = config.Public
	})
	target := strings.TrimPrefix(w.config.Routes[1].To[0], "http://")
	for asked, want := range map[string]string{"wiki.test": "wiki.internal", "open.test": target, "b.any.test": "b.any.test"} {
		if got := mirrored(t, w.ask("GET /app HTTP/1.1\nHost: "+asked+"\n\n")); got.Host != want || got.Header.Get("X-Forwarded-Host") != asked {
			t.Errorf("%s is sent as %s", asked, got.Host)
		}
	}
}

func TestAResponseIsMadeFitForTheClient(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Link", "</a.css>; rel=preload")
		h.Set("Set-Cookie", "picket=evil")
		w.WriteHeader(http.StatusEarlyHints)
		h["Set-Cookie"] = []string{"a=1", "__Host-picket=evil", "picket=evil; Path=/"}
		h.Set("X-Request-Id", "theirs")
		h.Set("Connection", "X-Hop")
		h.Set("X-Hop", "1")
		h.Set("Alt-Svc", `h3=":443"`)
		h.Set("Trailer", "X-Sum")
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, "body")
		h.Set("X-Sum", "7")
	}))
	conn := w.dial()
	_, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: open.test\r\n\r\n")
	w.must(err)
	wire := bufio.NewReader(conn)
	early, err := http.ReadResponse(wire, nil)
	w.must(err)
	if early.StatusCode != http.StatusEarlyHints || early.Header.Get("Link") == "" || early.Header.Get("Set-Cookie") != "" {
		t.Errorf("early: %s %v", early.Status, early.Header)
	}
	res, err := http.ReadResponse(wire, nil)
	w.must(err)
	body, err := io.ReadAll(res.Body)
	w.must(err)
	if res.StatusCode != http.StatusAccepted || string(body) != "body" || res.Trailer.Get("X-Sum") != "7" {
		t.Errorf("%s %q %v", res.Status, body, res.Trailer)
	}
	if c := res.Header["Set-Cookie"]; len(c) != 1 || c[0] != "a=1" {
		t.Errorf("cookies: %q", c)
	}
	if res.Header.Get("X-Hop") != "" || res.Header.Get("Alt-Svc") != "" || len(res.Header["X-Request-Id"]) != 1 || len(res.Header.Get("X-Request-Id")) != 32 {
		t.Errorf("headers: %v", res.Header)
	}
}

func TestAProtocolThatWasNotAskedForIsNotSwitchedTo(t *testing.T) {
	for _, header := range []string{"Upgrade: websocket\r\nConnection: Upgrade\r\n", ""} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() }) // after what runs beside others
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = http.ReadRequest(bufio.NewReader(conn))
				_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\n"+header+"\r\n")
			}
		}()
		t.Run(header, func(t *testing.T) {
			w := newWorld(t, http.HandlerFunc(mirror), func(c *config.Config) {
				c.Routes[1].To, c.Routes[1].WebSocket = []string{"http://" + l.Addr().String()}, true
			})
			for _, asked := range []string{"", upgrade} {
				if res := w.ask("GET / HTTP/1.1\nHost: open.test\n" + asked + "\n"); res.StatusCode != http.StatusBadGateway {
					t.Errorf("got %s", res.Status)
				}
			}
		})
	}
}

func TestALargeBodyGoesBothWays(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).EnableFullDuplex()
		_, _ = io.Copy(w, r.Body)
	}))
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", w.address)
	}}}
	defer client.CloseIdleConnections()
	for name, body := range map[string]io.Reader{
		"with a length": strings.NewReader(strings.Repeat("x", 3<<20)), "in chunks": io.MultiReader(strings.NewReader(strings.Repeat("x", 3<<20))),
	} {
		res, err := client.Post("http://open.test/", "text/plain", body)
		w.must(err)
		n, err := io.Copy(io.Discard, res.Body)
		if n != 3<<20 || err != nil {
			t.Errorf("%s: %d bytes came back, %v", name, n, err)
		}
		w.must(res.Body.Close())
	}
}
