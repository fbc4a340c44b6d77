package proxy

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/coder/websocket"

	"picket/examples/ports"
	"picket/node/config"
	"picket/policy"
)

// changed is the configuration of a world after a change, with slices of its own.
func (w *world) changed(change func(*config.Config)) *config.Config {
	c := *w.config
	c.Routes, c.Listeners, c.Identities = slices.Clone(c.Routes), slices.Clone(c.Listeners), slices.Clone(c.Identities)
	change(&c)
	return &c
}

// prepare makes a configuration ready.
func (w *world) prepare(c *config.Config) *Prepared {
	w.t.Helper()
	parts := w.parts(c)
	var err error
	parts.Authn, err = w.authn.With(c)
	w.must(err)
	p, err := w.door.Prepare(w.ctx, parts)
	w.must(err)
	return p
}

func (w *world) use(change func(*config.Config)) {
	w.t.Helper()
	w.prepare(w.changed(change)).Use()
}

// named is an application that says which it is, and how the proxy calls it.
func named(t *testing.T, name string) (address string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, name+" "+r.Header.Get("X-App"))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// leadsTo has a route lead to an application, and tell it who it is.
func leadsTo(t *testing.T, c *config.Config, address, name string) {
	t.Helper()
	c.Routes[0].To = []string{address}
	c.Routes[0].IdentityHeaders = []config.HeaderValue{{Name: "X-App", Value: template(t, `"`+name+`"`)}}
}

func TestARequestMeetsOneConfigurationFromBeginningToEnd(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror))
	one, two := named(t, "one"), named(t, "two")
	cookie := w.signIn("alice", origin("wiki.test"), "wiki")
	next := w.prepare(w.changed(func(c *config.Config) { leadsTo(t, c, two, "two") }))
	// The first configuration is replaced while a request is being decided by it.
	var once sync.Once
	parts := w.parts(w.changed(func(c *config.Config) { leadsTo(t, c, one, "one") }))
	parts.Data = func() *policy.Data { once.Do(next.Use); return nil }
	first, err := w.door.Prepare(w.ctx, parts)
	w.must(err)
	first.Use()
	for _, want := range []string{"one one", "two two"} {
		if got := text(t, w.ask("GET / HTTP/1.1\nHost: wiki.test\nCookie: "+cookie+"\n\n")); got != want {
			t.Errorf("got %q; want %q", got, want)
		}
	}
}

func TestWhatBeganBeforeIsAskedAboutByWhatIsInForce(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror))
	cookie := w.signIn("alice", origin("wiki.test"), "wiki")
	next := w.prepare(w.changed(func(c *config.Config) { c.Routes[0].Policies = []string{"strong"} }))
	var once sync.Once
	parts := w.parts(w.config)
	parts.Data = func() *policy.Data { once.Do(next.Use); return nil }
	first, err := w.door.Prepare(w.ctx, parts)
	w.must(err)
	first.Use()
	res := w.ask("GET / HTTP/1.1\nHost: wiki.test\nCookie: " + cookie + "\n\n")
	if res.StatusCode != http.StatusUnauthorized {
		t.Errorf("admitted by rules that are no longer in force: %s", res.Status)
	}
}

func TestOneConfigurationARequestUnderLoad(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror))
	cookie := w.signIn("alice", origin("wiki.test"), "wiki")
	apps := []string{named(t, "one"), named(t, "two")}
	w.use(func(c *config.Config) { leadsTo(t, c, apps[0], "one") })
	var asked atomic.Int64
	var clients sync.WaitGroup
	ctx, stop := context.WithCancel(w.ctx)
	defer stop()
	for range 4 {
		clients.Go(func() {
			conn, err := net.Dial("tcp", w.address)
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = conn.Close() }()
			wire := bufio.NewReader(conn) // one connection for all: no reload closes it
			for ctx.Err() == nil {
				_, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: wiki.test\r\nCookie: "+cookie+"\r\n\r\n")
				if err != nil {
					t.Errorf("sending: %v", err)
					return
				}
				res, err := http.ReadResponse(wire, nil)
				if err != nil {
					t.Errorf("receiving: %v", err)
					return
				}
				body, err := io.ReadAll(res.Body)
				if got := string(body); err != nil || got != "one one" && got != "two two" {
					t.Errorf("%s: %q, %v", res.Status, got, err)
					return
				}
				asked.Add(1)
			}
		})
	}
	for i := range 40 {
		already := asked.Load()
		w.use(func(c *config.Config) { leadsTo(t, c, apps[i%2], []string{"one", "two"}[i%2]) })
		w.until("some were asked", func() bool { return asked.Load() > already+8 || t.Failed() })
	}
	stop()
	clients.Wait()
}

func TestWhoIsNobodyIsCutWhereTheRouteIsNoLongerForEveryone(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(echo), func(c *config.Config) { c.Routes[1].WebSocket = true })
	open := func() *websocket.Conn {
		t.Helper()
		c, _, err := w.socket("open.test", "/", http.Header{"Origin": {"https://open.test"}})
		w.must(err)
		t.Cleanup(func() { _ = c.CloseNow() })
		_, _, err = c.Read(w.ctx)
		w.must(err)
		return c
	}
	c := open()
	w.use(func(c *config.Config) { c.Routes[0].Policies = []string{"strong"} }) // another route
	w.must(c.Write(w.ctx, websocket.MessageText, []byte("still here")))
	if _, got, err := c.Read(w.ctx); err != nil || string(got) != "still here" {
		t.Fatalf("it was cut by a change of another route: %v", err)
	}
	for what, change := range map[string]func(*config.Route){
		"for users":            func(r *config.Route) { r.Access = config.AnyUser },
		"by policy":            func(r *config.Route) { r.Access, r.Policies = config.ByPolicy, []string{"staff"} },
		"by a lax policy":      func(r *config.Route) { r.Access, r.Policies = config.ByPolicy, []string{"anybody"} },
		"without WebSockets":   func(r *config.Route) { r.WebSocket = false },
		"on another host":      func(r *config.Route) { r.From = origin("other.test") },
		"on another port":      func(r *config.Route) { r.From.Port = "8443" },
		"below another prefix": func(r *config.Route) { r.Prefix = "/other" },
	} {
		w.use(func(*config.Config) {})
		w.use(func(c *config.Config) { c.Routes[1].WebSocket = true })
		c := open()
		w.use(func(c *config.Config) { c.Routes[1].WebSocket = true; change(&c.Routes[1]) })
		if code, reason := ends(w.ctx, c); code != websocket.StatusPolicyViolation {
			t.Errorf("%s: closed with %d %q", what, code, reason)
		}
	}
}

func TestAPathThatLeadsToAnotherRouteIsCut(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(echo))
	c := w.wikiSocket(w.signIn("alice", origin("wiki.test"), "wiki"))
	w.use(func(c *config.Config) {
		live := c.Routes[0]
		live.Name, live.Prefix = "live", "/live"
		c.Routes = append(c.Routes, live)
	})
	if code, _ := ends(w.ctx, c); code != websocket.StatusPolicyViolation {
		t.Errorf("closed with %d", code)
	}
}

func TestAStricterSessionCuts(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(echo))
	c := w.wikiSocket(w.signIn("alice", origin("wiki.test"), "wiki"))
	w.use(func(c *config.Config) { c.Routes[0].Session.Lifetime = 1 })
	if code, _ := ends(w.ctx, c); code != websocket.StatusPolicyViolation {
		t.Errorf("closed with %d", code)
	}
}

func TestConnectionsToApplicationsStay(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror))
	var open, made atomic.Int64
	app := httptest.NewUnstartedServer(http.HandlerFunc(mirror))
	app.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		switch s {
		case http.StateNew:
			made.Add(1)
			open.Add(1)
		case http.StateClosed:
			open.Add(-1)
		}
	}
	app.Start()
	t.Cleanup(app.Close)
	leads := func(to ...string) {
		t.Helper()
		w.use(func(c *config.Config) { c.Routes[1].To = to })
	}
	for range 3 {
		leads(app.URL)
		if got := w.ask("GET / HTTP/1.1\nHost: open.test\n\n"); got.StatusCode != http.StatusOK {
			t.Fatal(got.Status)
		}
		w.until("it is idle", func() bool { return w.gauge("picket_open_streams") == 0 })
	}
	if made.Load() != 1 {
		t.Errorf("%d connections were made for one", made.Load())
	}
	leads(named(t, "other"))
	w.until("the connection to what no route leads to is closed", func() bool { return open.Load() == 0 })
}

func TestAnAddressThatIsClosedFinishesWhatItHas(t *testing.T) {
	begun, end := make(chan struct{}), make(chan struct{})
	w := newWorld(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" {
			echo(w, r)
			return
		}
		_, _ = io.WriteString(w, "first ")
		w.(http.Flusher).Flush()
		close(begun)
		<-end
		_, _ = io.WriteString(w, "last")
	}))
	cookie := w.signIn("alice", origin("wiki.test"), "wiki")
	c := w.wikiSocket(cookie)
	conn := w.dial()
	_, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: open.test\r\n\r\n")
	w.must(err)
	<-begun
	free := ports.One(t)
	old := w.address
	w.use(func(c *config.Config) { c.Listeners[0].Address = free })
	if code, reason := ends(w.ctx, c); code != websocket.StatusGoingAway {
		t.Errorf("the WebSocket is closed with %d %q", code, reason)
	}
	w.until("the old address answers no more", func() bool { // another test may be given it
		again, err := net.Dial("tcp", old)
		if err == nil {
			_ = again.Close()
		}
		return err != nil
	})
	w.address = free
	if got := w.ask("GET /.picket/ HTTP/1.1\nHost: open.test\n\n"); got.StatusCode != http.StatusOK {
		t.Errorf("the new address: %s", got.Status)
	}
	close(end)
	if got := text(t, w.read(conn)); got != "first last" {
		t.Errorf("what was under way ended as %q", got)
	}
}

func TestWhatCannotBeMadeReadyLeavesNothing(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror))
	free := ports.One(t)
	for what, change := range map[string]func(*config.Config){
		"an address in use": func(c *config.Config) {
			c.Listeners = append(c.Listeners, config.Listener{Name: "free", Address: free}, config.Listener{Name: "taken", Address: w.address})
		},
		"a route that leads nowhere": func(c *config.Config) { c.Routes[0].To = nil },
		"two routes for one address": func(c *config.Config) { c.Routes = append(c.Routes, c.Routes[0]) },
		"a certificate that is none": func(c *config.Config) {
			c.Listeners = append(c.Listeners, config.Listener{Name: "tls", Address: free, Certificates: []config.Certificate{{}}})
		},
	} {
		before := w.door.inForce.Load()
		if _, err := w.door.Prepare(w.ctx, w.parts(w.changed(change))); err == nil {
			t.Errorf("%s: made ready", what)
		}
		if w.door.inForce.Load() != before {
			t.Errorf("%s: in force", what)
		}
		again, err := net.Listen("tcp", free)
		if err != nil {
			t.Fatalf("%s: an address stays open: %v", what, err)
		}
		w.must(again.Close())
	}
	if got := w.ask("GET / HTTP/1.1\nHost: open.test\n\n"); got.StatusCode != http.StatusOK {
		t.Error(got.Status)
	}
}

// TestARequestOnAConnectionWhoseAddressIsGone asks, as somebody does whose request is read while its address is closed.
func TestARequestOnAConnectionWhoseAddressIsGone(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), func(c *config.Config) { c.Listeners[0].Redirect = "https" })
	plain := w.door.listening()[0]
	w.use(func(c *config.Config) { c.Listeners[0].Address = "localhost:0" })
	got := httptest.NewRecorder()
	plain.ServeHTTP(got, httptest.NewRequest(http.MethodGet, "http://open.test/", nil))
	if got.Code != http.StatusServiceUnavailable || got.Header().Get("Connection") != "close" {
		t.Errorf("answered with %d %s", got.Code, fmt.Sprint(got.Header()))
	}
}
