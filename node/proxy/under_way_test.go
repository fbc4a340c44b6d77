package proxy

import (
	"bufio"
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"picket/node/config"
)

// ticks is an application whose answer has no end.
func ticks(w http.ResponseWriter, r *http.Request) {
	_, _ = io.WriteString(w, "tick")
	w.(http.Flusher).Flush()
	<-r.Context().Done()
}

func TestAnAnswerEndsWhenItsRouteLeadsToNoApplicationAnyMore(t *testing.T) {
	for name, change := range map[string]func(*config.Route){
		"respond":  func(r *config.Route) { r.Respond = &config.Response{Status: 410} },
		"redirect": func(r *config.Route) { r.Redirect = &config.Redirect{Host: "elsewhere.test", Code: 302} },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, http.HandlerFunc(ticks))
			stream := w.endless("open.test", "")
			w.use(func(c *config.Config) { change(&c.Routes[1]); c.Routes[1].To = nil })
			w.breaks(stream)
		})
	}
}

// switched is a connection on which something else than HTTP is spoken.
func switched(t *testing.T) (w *world, conn io.ReadWriter) {
	w = newWorld(t, http.HandlerFunc(shell), func(c *config.Config) { c.Routes[1].Upgrade = []string{"spdy/3.1"} })
	w.door.drain = time.Hour
	wire := w.dial()
	w.must(second(io.WriteString(wire, "POST /exec HTTP/1.1\r\nHost: open.test\r\nConnection: Upgrade\r\nUpgrade: spdy/3.1\r\n\r\n")))
	if res := w.read(wire); res.StatusCode != http.StatusSwitchingProtocols {
		t.Fatal(res.Status)
	}
	w.says(wire, wire, "ls")
	return w, wire
}

func TestWhatARequestSwitchedToHoldsNoDrain(t *testing.T) {
	t.Run("of the node", func(t *testing.T) {
		w, conn := switched(t)
		w.stop()
		w.breaks(conn)
	})
	t.Run("of an address", func(t *testing.T) {
		w, conn := switched(t)
		w.use(func(c *config.Config) { c.Listeners[0].Address = "127.0.0.2:0" })
		w.breaks(conn)
		w.stop()
	})
}

func TestAnAnswerForNobodyEndsWithTheCertificateThatItWasGivenFor(t *testing.T) {
	ours := newAuthority(t, "Ours")
	w := newWorld(t, http.HandlerFunc(ticks), mutual(t, func(c *config.Config) {
		c.Listeners[0].Client = ours.wants(config.Requested)
		routeOf(c, "wiki").Client.Ask = config.Required
	}))
	node, at := w.at()
	shown := newCaller(tls.VersionTLS13, "wiki.test", ours.issue())
	conn, err := tls.Dial("tcp", node.address, shown.config)
	w.must(err)
	defer conn.Close()
	w.must(conn.SetDeadline(time.Now().Add(testPatience)))
	w.must(second(io.WriteString(conn, "GET / HTTP/1.1\r\nHost: wiki.test\r\n\r\n")))
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	w.must(err)
	if res.StatusCode != http.StatusOK {
		t.Fatal(res.Status)
	}
	at.add(101 * time.Hour)
	w.breaks(res.Body)
}

func TestABodyLimitHoldsInEveryVersion(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), overHTTP3(t), func(c *config.Config) { c.Routes[1].BodyLimit = 10 })
	for name, by := range w.versions() {
		for _, c := range []struct {
			length, told int64
			want         int
		}{
			{10, 10, http.StatusOK}, {10, -1, http.StatusOK}, {11, 11, http.StatusRequestEntityTooLarge}, {11, -1, http.StatusRequestEntityTooLarge},
		} {
			r, err := http.NewRequestWithContext(w.ctx, "POST", "https://"+w.address+"/", io.NopCloser(strings.NewReader(strings.Repeat("a", int(c.length)))))
			w.must(err)
			r.Host, r.ContentLength = "open.test", c.told
			res, err := by.RoundTrip(r)
			w.must(err)
			if said := text(t, res); res.StatusCode != c.want {
				t.Errorf("%s, %d bytes, told %d: %s %s", name, c.length, c.told, res.Status, said)
			}
		}
	}
}

func TestAWebSocketOverAStreamIsAskedForByGET(t *testing.T) {
	for name, ask := range extendedBy {
		for method, want := range map[string]string{"GET": "200", "POST": "405", "CONNECT": "405"} {
			t.Run(name+", a route for "+method, func(t *testing.T) {
				w := newWorld(t, http.HandlerFunc(echo), overHTTP3(t), func(c *config.Config) { c.Routes[0].Methods = []string{method} })
				cookie := w.signIn("alice", origin("wiki.test"), "wiki")
				if status, _, _ := ask(w, "wiki.test", "/", "websocket", "sec-websocket-version", "13", "cookie", cookie); status != want {
					t.Errorf("%s, want %s", status, want)
				}
			})
		}
	}
}
