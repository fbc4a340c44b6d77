package proxy

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"testing"
	"time"

	"picket/node/config"
)

// at gives a node of the cluster at a time that the test sets, beginning with the real one.
func (w *world) at() (*world, *clock) {
	at := &clock{}
	at.add(time.Duration(time.Now().UnixNano()))
	return w.another(at.read, "s"), at
}

// visit tells how a request was answered, and whether its session was resumed.
type visit struct {
	status  int
	resumed bool
}

func (c *caller) visit(w *world) visit {
	w.t.Helper()
	status, state, err := c.get(w, c.config.ServerName)
	if err != nil {
		return visit{}
	}
	return visit{status, state.DidResume}
}

// change puts another configuration in force on one node.
func (w *world) change(change func(*config.Config)) {
	w.t.Helper()
	prepared, err := w.door.Prepare(w.ctx, w.parts(w.changed(change)))
	w.must(err)
	prepared.Use()
}

func TestACertificateIsJudgedAgainWhenASessionIsResumed(t *testing.T) {
	for name, required := range map[string]bool{"by the route": false, "by the listener": true} {
		t.Run(name, func(t *testing.T) {
			ours, others := newAuthority(t, "Ours"), newAuthority(t, "Others")
			ask := func(c *config.Config, by *authority) {
				c.Listeners[0].Client = by.wants(config.NotAsked)
				if required {
					c.Listeners[0].Client.Ask = config.Required
				}
			}
			w := newWorld(t, http.HandlerFunc(mirror), mutual(t, func(c *config.Config) {
				ask(c, ours)
				routeOf(c, "wiki").Client.Ask = config.Required
			}))
			refused := visit{403, false}
			if required {
				refused = visit{}
			}
			for _, version := range versions {
				one, two := w.another(nil, "s"), w.another(nil, "s")
				shown := ours.issue()
				caller := newCaller(version, "wiki.test", shown)
				for i, node := range []*world{one, two, one} {
					if got := caller.visit(node); got != (visit{200, i > 0}) {
						t.Errorf("TLS %x, visit %d: %+v", version, i, got)
					}
				}
				asked := caller.asked
				two.change(func(c *config.Config) { c.Listeners[0].Client.Revoked = ours.revokes(shown) })
				if got := caller.visit(two); got.status != refused.status {
					t.Errorf("TLS %x, revoked: %+v", version, got)
				}
				if got := caller.visit(two); got != refused {
					t.Errorf("TLS %x, revoked, once more: %+v", version, got)
				}
				if caller.asked == asked {
					t.Errorf("TLS %x: it was not asked for another certificate", version)
				}
				// Another authority is another question: what was answered before counts no more.
				caller = newCaller(version, "wiki.test", shown)
				caller.visit(one)
				one.change(func(c *config.Config) { ask(c, others) })
				if got := caller.visit(one); got != refused {
					t.Errorf("TLS %x, of another authority: %+v", version, got)
				}
			}
		})
	}
}

func TestOverHTTP3ASessionIsResumedAndItsCertificateJudgedAgain(t *testing.T) {
	ours := newAuthority(t, "Ours")
	w := newWorld(t, http.HandlerFunc(mirror), mutual(t, func(c *config.Config) {
		c.Listeners[0].Client = ours.wants(config.NotAsked)
		routeOf(c, "wiki").Client.Ask = config.Required
	}))
	one, two := w.another(nil, "s"), w.another(nil, "s")
	shown := ours.issue()
	caller := newCaller(0, "wiki.test", shown)
	again := func(w *world) visit {
		t.Helper()
		req, err := http.NewRequestWithContext(w.ctx, http.MethodGet, "https://"+w.address+"/x", nil)
		w.must(err)
		req.Host = "wiki.test"
		res, err := caller.asks(w, "h3").RoundTrip(req)
		w.must(err)
		_ = text(t, res) // the ticket has come by now
		return visit{res.StatusCode, res.TLS.DidResume}
	}
	for i, node := range []*world{one, two, one} {
		if got := again(node); got != (visit{200, i > 0}) {
			t.Errorf("visit %d: %+v", i, got)
		}
	}
	two.change(func(c *config.Config) { c.Listeners[0].Client.Revoked = ours.revokes(shown) })
	if got := again(two); got.status != 403 || got.resumed {
		t.Errorf("revoked: %+v", got)
	}
}

func TestWhoHasShownNoCertificateIsAskedAgain(t *testing.T) {
	ours := newAuthority(t, "Ours")
	w := newWorld(t, http.HandlerFunc(mirror), mutual(t, func(c *config.Config) {
		c.Listeners[0].Client = ours.wants(config.NotAsked)
		routeOf(c, "wiki").Client.Ask = config.Required
		routeOf(c, "twin").Client.Ask = config.Requested
	}))
	for _, version := range versions {
		for name, want := range map[string][2]visit{
			"wiki.test":  {{403, false}, {403, false}}, // it may have one the next time
			"twin.test":  {{200, false}, {200, true}},  // and here it is welcome without
			"plain.test": {{200, false}, {200, true}},
		} {
			caller := newCaller(version, name)
			for i, want := range want {
				if got := caller.visit(w); got != want {
					t.Errorf("TLS %x, %s, visit %d: %+v", version, name, i, got)
				}
			}
		}
		// A session without a question does not spare one.
		caller := newCaller(version, "plain.test", ours.issue())
		if got := caller.visit(w); got != (visit{200, false}) || caller.asked > 0 {
			t.Fatalf("%+v, asked %d times", got, caller.asked)
		}
		node := w.another(nil, "s")
		caller.visit(node)
		node.change(func(c *config.Config) { routeOf(c, "plain").Client.Ask = config.Required })
		if got := caller.visit(node); got != (visit{200, false}) || caller.asked != 1 {
			t.Errorf("TLS %x: %+v, asked %d times", version, got, caller.asked)
		}
	}
}

// TestAKeyIsProvedAgainAfterAWhile: sessions that are resumed one after the other would otherwise never end.
func TestAKeyIsProvedAgainAfterAWhile(t *testing.T) {
	ours := newAuthority(t, "Ours")
	w := newWorld(t, http.HandlerFunc(mirror), mutual(t, func(c *config.Config) {
		c.Listeners[0].Client = ours.wants(config.Required)
	}))
	for _, version := range versions {
		node, at := w.at()
		caller := newCaller(version, "wiki.test", ours.issue())
		for i, want := range []visit{{200, false}, {200, true}, {200, true}, {200, false}, {200, true}} {
			if got := caller.visit(node); got != want {
				t.Errorf("TLS %x, visit %d: %+v", version, i, got)
			}
			at.add(5 * time.Hour)
		}
	}
}

func TestALongConnectionDoesNotOutliveItsCertificate(t *testing.T) {
	ours := newAuthority(t, "Ours")
	w := newWorld(t, http.HandlerFunc(mirror), mutual(t, func(c *config.Config) {
		c.Listeners[0].Client = ours.wants(config.NotAsked)
		routeOf(c, "wiki").Client.Ask = config.Required
	}))
	shown := ours.issue(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(time.Hour) })
	ends := map[string]func(*world, *clock){
		"it expires": func(_ *world, at *clock) { at.add(2 * time.Hour) },
		"it is revoked": func(n *world, _ *clock) {
			n.change(func(c *config.Config) { c.Listeners[0].Client.Revoked = ours.revokes(shown) })
		},
		"the list is too old": func(n *world, at *clock) { at.add(2 * time.Hour) },
		"another authority": func(n *world, _ *clock) {
			n.change(func(c *config.Config) { c.Listeners[0].Client = newAuthority(t, "Others").wants(config.NotAsked) })
		},
		"a name is asked for": func(n *world, _ *clock) {
			n.change(func(c *config.Config) {
				routeOf(c, "wiki").Client.Names = []config.CertificateName{{Kind: config.NameDNS, Text: "x"}}
			})
		},
	}
	for name, end := range ends {
		node, at := w.at()
		conn := tls.Client(node.dial(), newCaller(0, "wiki.test", shown).config)
		ask := func() int {
			_, err := io.WriteString(conn, "GET /x HTTP/1.1\r\nHost: wiki.test\r\n\r\n")
			w.must(err)
			return w.read(conn).StatusCode
		}
		if got := ask(); got != 200 {
			t.Fatal(got)
		}
		end(node, at)
		if got := ask(); got != 403 {
			t.Errorf("%s: %d", name, got)
		}
	}
}

func TestWhatIsUnderWayIsCutWhenTheCertificateIsRevoked(t *testing.T) {
	ours := newAuthority(t, "Ours")
	begun := make(chan struct{})
	w := newWorld(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		begun <- struct{}{}
		<-r.Context().Done()
	}), mutual(t, func(c *config.Config) {
		c.Listeners[0].Client = ours.wants(config.Requested)
		routeOf(c, "wiki").Client.Ask = config.Required
	}))
	shown := ours.issue()
	conn := tls.Client(w.dial(), newCaller(0, "wiki.test", shown).config)
	_, err := io.WriteString(conn, "GET /x HTTP/1.1\r\nHost: wiki.test\r\nConnection: close\r\n\r\n")
	w.must(err)
	<-begun
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil) // else it may be refused, and the connection goes on
	w.must(err)
	w.use(func(c *config.Config) { c.Listeners[0].Client.Revoked = ours.revokes(shown) })
	if _, err := io.ReadAll(answer.Body); err == nil {
		t.Error("it came to its end")
	}
	w.until("it is logged", func() bool { return len(w.log.access(t)) == 1 })
	if ended := w.log.access(t)[0]["ended"]; ended != "the client's certificate is no longer valid: it was revoked: serial number 65 of CN=Ours" {
		t.Errorf("it ended because: %v", ended)
	}
}
