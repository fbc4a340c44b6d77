package authn

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"picket/broker"
	"picket/node/config"
)

// member is one more node of a world, with a broker of its own.
type member struct {
	*Authn
	broker *broker.Broker
}

// newCluster is a world of n1 and more nodes, whose brokers meet at a NATS server that outlives them all.
func newCluster(t *testing.T, names ...string) (w *world, others []member) {
	t.Helper()
	nats, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	nats.Start()
	t.Cleanup(func() { nats.Shutdown(); nats.WaitForShutdown() })
	if !nats.ReadyForConnections(testPatience) {
		t.Fatal("the NATS server is not ready")
	}
	at := func(name string) broker.Options {
		return broker.Options{Node: name, URLs: []string{nats.ClientURL()}, Replicas: 1}
	}
	w = newWorldOn(t, at("n1"))
	for _, name := range names {
		b := startBroker(t, w.ctx, at(name))
		others = append(others, member{w.nodeOn(b), b})
	}
	return w, others
}

// signedIn is somebody of a world whose tokens were given so long ago.
func signedIn(t *testing.T, w *world, ago time.Duration) (b *browser, id string) {
	t.Helper()
	b = w.browser("alice")
	b.visit(wikiHost, "wiki", "/")
	id = sessionOf(t, w, b, wikiHost)
	w.clock.pass(ago)
	return b, id
}

func TestRequestsOnTokensThatHaveRunOutWaitForOneRefresh(t *testing.T) {
	for what, slow := range map[string]time.Duration{"quick": 0, "slow": time.Second, "very slow": patientTime / 4} {
		t.Run(what, func(t *testing.T) {
			w, others := newCluster(t, "n2", "n3")
			nodes := []*Authn{w.Authn, others[0].Authn, others[1].Authn}
			b, id := signedIn(t, w, 2*time.Hour)
			w.idp.set(func() {
				w.idp.people["alice"]["groups"] = []string{"new"}
				w.idp.before = func() { time.Sleep(slow) } // the slow provider
			})
			var all sync.WaitGroup
			for i := range 200 {
				all.Go(func() {
					c, answer := nodes[i%3].Identify(w.ctx, wikiHost, b.session(wikiHost), &w.config.Routes[0])
					if answer != Found || c.Session.lapsed(w.clock.Now()) {
						t.Errorf("node %d: got %v", i%3, answer)
					}
				})
			}
			all.Wait()
			if most, shown := w.idp.mostRedemptions(); most != 1 || shown != 2 { // the code, and one refresh token
				t.Errorf("%d were redeemed, one of them %d times", shown, most)
			}
			if _, k := stored(t, w, id); k.Generation != 1 {
				t.Errorf("generation %d", k.Generation)
			}
			for i, n := range nodes {
				w.until("the groups are new", func() bool {
					c, answer := n.Identify(w.ctx, wikiHost, b.session(wikiHost), nil)
					return answer == Found && c.Groups.Names[0] == "new"
				})
				if len(n.waiting) != 0 {
					t.Errorf("node %d: %d are waited for", i, len(n.waiting))
				}
			}
		})
	}
}

func TestAnOutageOfTheProviderSignsNobodyOutAndLetsNobodyIn(t *testing.T) {
	for what, token := range spendsNothing() {
		t.Run(what, func(t *testing.T) {
			w, b, id := lapsed(t)
			w.idp.set(func() { w.idp.token = token })
			for range 20 {
				if c, answer := b.who(wikiHost); answer != Unknown || c != (Caller{Doubt: ProviderSilent}) {
					t.Fatalf("got %+v, %s", c, answer)
				}
				w.clock.pass(3 * time.Second)
			}
			w.until("nobody has a claim", func() bool { _, k := stored(t, w, id); return k.Claimed == nil }) // the last try may go on
			if s, k := stored(t, w, id); k.Generation != 0 || s.ID != id {
				t.Errorf("tokens are %+v", k)
			}
			w.idp.set(func() { w.idp.token = nil })
			w.until("it goes on", func() bool {
				w.clock.pass(time.Second)
				_, answer := b.who(wikiHost)
				return answer == Found
			})
		})
	}
}

func TestAnInvalidGrantAfterAnOutageEndsTheSession(t *testing.T) {
	w, b, _ := lapsed(t)
	w.idp.set(func() { w.idp.down = true })
	b.is(wikiHost, Unknown)
	w.idp.set(func() { w.idp.down = false; clear(w.idp.refreshes) })
	w.until("the session is absent", func() bool {
		w.clock.pass(time.Second)
		_, answer := b.who(wikiHost)
		return answer == Absent
	})
}

func TestARequestKnowsAtOnceThatThereIsNothingToWaitFor(t *testing.T) {
	w, b, _ := lapsed(t)
	w.idp.server.Close()
	begun := time.Now()
	for range 100 {
		b.is(wikiHost, Unknown)
	}
	if took := time.Since(begun); took > waitTime/2 {
		t.Errorf("took %s", took)
	}
}

func TestAPublicRouteDoesNotWaitForLong(t *testing.T) {
	w, b, _ := lapsed(t)
	w.config.Routes[0].Access = config.Public
	release := make(chan struct{})
	defer close(release)
	w.idp.set(func() { w.idp.before = func() { <-release } })
	begun := time.Now()
	if _, answer := w.Identify(w.ctx, wikiHost, b.session(wikiHost), &w.config.Routes[0]); answer != Unknown {
		t.Errorf("got %v", answer)
	}
	if took := time.Since(begun); took > waitTime/2 {
		t.Errorf("took %s", took)
	}
}

func TestARequestUnderWayDoesNotWaitAndIsRefreshedFor(t *testing.T) {
	w, b, id := lapsed(t)
	recheck := func() Answer {
		_, answer := w.Recheck(w.ctx, wikiHost, b.session(wikiHost), nil)
		return answer
	}
	if got := recheck(); got != Unknown {
		t.Errorf("got %v", got)
	}
	w.until("the tokens are refreshed", func() bool { return recheck() == Found })
	if _, k := stored(t, w, id); k.Generation != 1 {
		t.Errorf("generation %d", k.Generation)
	}
}

func TestASessionWhoseTokensCannotBeRefreshedLastsItsLifetime(t *testing.T) {
	for what, drop := range map[string]string{"no refresh token": "refresh_token", "no expiry": "expires_in"} {
		t.Run(what, func(t *testing.T) {
			w := newWorld(t)
			w.idp.set(func() { w.idp.answers = func(m map[string]any) { delete(m, drop) } })
			b, _ := signedIn(t, w, 12*time.Hour)
			b.is(wikiHost, Found)
			w.clock.pass(2 * time.Hour)
			b.is(wikiHost, Absent)
		})
	}
}

func TestAProviderThatDoesNotRotateIsRefreshedAgainAndAgain(t *testing.T) {
	for what, change := range map[string]func(w *world, m map[string]any, sent string){
		"the same": func(w *world, m map[string]any, sent string) { m["refresh_token"] = sent },
		"none":     func(_ *world, m map[string]any, _ string) { delete(m, "refresh_token") },
	} {
		t.Run(what, func(t *testing.T) {
			w := newWorld(t)
			b, id := signedIn(t, w, 0)
			_, first := stored(t, w, id)
			w.idp.set(func() {
				w.idp.answers = func(m map[string]any) {
					change(w, m, first.Refresh)
					w.idp.refreshes[first.Refresh] = "alice"
				}
			})
			for generation := range uint64(3) {
				w.clock.pass(2 * time.Hour)
				b.is(wikiHost, Found)
				if _, k := stored(t, w, id); k.Generation != generation+1 || k.Refresh != first.Refresh || k.Claimed != nil {
					t.Errorf("after %d: %+v", generation+1, k)
				}
			}
		})
	}
}

func TestTokensThatRunOutWhileTheirRefreshEndsAreRefreshedAnew(t *testing.T) {
	w := newWorld(t)
	w.idp.set(func() { w.idp.accessLife = time.Minute })
	b, id := signedIn(t, w, 0)
	for range 50 {
		w.clock.pass(2 * time.Minute)
		// It is answered as soon as the session has the new tokens, and the refresh has not quite ended.
		if _, answer := b.who(wikiHost); answer != Found {
			t.Fatalf("got %s", answer)
		}
	}
	if _, k := stored(t, w, id); k.Generation != 50 {
		t.Errorf("generation %d", k.Generation)
	}
}

func TestARefreshTokenIsNeverShownAgainByAnyNode(t *testing.T) {
	w, others := newCluster(t, "n2", "n3")
	b, id := signedIn(t, w, 0)
	shown := map[string]int{}
	w.idp.set(func() {
		w.idp.seen = func(r *http.Request) { shown[r.PostFormValue("refresh_token")]++ }
	})
	for i := range 9 {
		w.clock.pass(70 * time.Minute)
		node := []*Authn{w.Authn, others[0].Authn, others[1].Authn}[i%3]
		if _, answer := node.Identify(w.ctx, wikiHost, b.session(wikiHost), nil); answer != Found {
			t.Fatalf("after %d: got %v", i, answer)
		}
	}
	if _, k := stored(t, w, id); k.Generation != 9 {
		t.Errorf("generation %d", k.Generation)
	}
	for token, n := range shown {
		if n != 1 {
			t.Errorf("%s was shown %d times", token, n)
		}
	}
}

func TestAProgramsBearerWaitsAsACookieDoes(t *testing.T) {
	w, _, id := lapsed(t)
	bearer := w.bearer(wikiHost, id)
	w.idp.set(func() { w.idp.down = true })
	if _, answer := w.IdentifyProgram(w.ctx, wikiHost, bearer, nil); answer != Unknown {
		t.Errorf("while the provider is down: %v", answer)
	}
	if _, answer := w.RecheckProgram(w.ctx, wikiHost, bearer, nil); answer != Unknown {
		t.Errorf("under way, while the provider is down: %v", answer)
	}
	w.idp.set(func() { w.idp.down = false })
	w.until("it goes on", func() bool {
		w.clock.pass(time.Second)
		_, answer := w.IdentifyProgram(w.ctx, wikiHost, bearer, nil)
		return answer == Found
	})
}
