package authn

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"
)

// A node dies at one step of a refresh: from then on it writes nothing. What it did before stands.
func TestANodeThatDiesWhileItRefreshes(t *testing.T) {
	for what, c := range map[string]struct {
		arm        func(w *world, n member, die func()) // has the node die at the step
		generation uint64                               // stored when it is dead
		claimed    bool                                 // then, too
		survives   bool                                 // the session is refreshed by another node, else it ends with its tokens
		shown      int                                  // refresh tokens that the provider saw until all was over
	}{
		"before the claim": {func(_ *world, _ member, die func()) { die() }, 0, false, true, 2},
		"claimed, and nothing sent": {func(_ *world, n member, die func()) {
			n.dialsBy(func(context.Context, string, string) (net.Conn, error) { die(); return nil, errors.New("dead") })
		}, 0, true, false, 0},
		"sent, and not answered": {func(w *world, _ member, die func()) {
			w.idp.before = func() { die(); panic(http.ErrAbortHandler) }
		}, 0, true, false, 1},
		"answered, and not stored": {func(w *world, _ member, die func()) { w.idp.before = die }, 0, true, false, 1},
		"stored, and the session not told": {func(w *world, _ member, die func()) {
			w.idp.userinfo = func(map[string]any) { die() }
		}, 1, false, true, 2},
	} {
		t.Run(what, func(t *testing.T) {
			w, others := newCluster(t, "n2")
			n := others[0]
			b, id := signedIn(t, w, 50*time.Minute)
			shown := atomic.Int64{}
			w.idp.set(func() {
				w.idp.token = func(rw http.ResponseWriter, r *http.Request) { shown.Add(1); w.idp.honest(rw, r) }
				c.arm(w, n, func() { _ = n.broker.Close(context.Background()) })
			})
			ctx, cancel := context.WithTimeout(w.ctx, testPatience)
			defer cancel()
			if outcome, err := n.refreshOnce(ctx, id); err == nil {
				t.Errorf("the dead node is content: %s", outcome)
			}
			w.idp.set(func() { w.idp.before, w.idp.userinfo = nil, nil })
			if _, k := stored(t, w, id); k.Generation != c.generation || (k.Claimed != nil) != c.claimed {
				t.Errorf("tokens are %+v", k)
			}
			b.is(wikiHost, Found) // the tokens are good
			w.until("who is left refreshes what nobody claimed", func() bool { _, k := stored(t, w, id); return c.claimed || k.Generation == 1 })
			w.clock.pass(2 * time.Hour)
			want := Absent
			if c.survives {
				want = Found
			}
			w.until("it is as it should be", func() bool { _, answer := b.who(wikiHost); return answer == want })
			if most, _ := w.idp.mostRedemptions(); most > 1 || int(shown.Load()) != c.shown {
				t.Errorf("%d were shown, one of them redeemed %d times", shown.Load(), most)
			}
		})
	}
}

func TestAStopWaitsForATokenThatIsBeingSpent(t *testing.T) {
	w, _, id := aged(t)
	a, err := New(Options{Config: w.config, Broker: w.broker, Now: w.clock.Now, Log: w.log})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Open(w.ctx); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(w.ctx)
	w.idp.set(func() { w.idp.before = func() { stop(); time.Sleep(time.Second) } })
	a.refreshes <- id
	if err := a.Run(ctx); err != nil {
		t.Fatal(err)
	}
	s, k := stored(t, w, id)
	if k.Generation != 1 || s.Generation != 1 {
		t.Errorf("the node stopped with generation %d, and the session at %d", k.Generation, s.Generation)
	}
}

func TestAnUnsentClaimIsStoredAnewBeforeItsTokenIsShown(t *testing.T) {
	w, _, id := aged(t)
	s, _ := stored(t, w, id)
	c, _, err := w.claim(w.ctx, s)
	if err != nil || c == nil {
		t.Fatalf("claiming: %+v, %v", c, err)
	}
	w.unsent.Add(id, c.tokens.Claimed.ID)
	again, _, err := w.claim(w.ctx, s)
	if err != nil || again == nil || again.revision <= c.revision || again.tokens.Claimed.ID != c.tokens.Claimed.ID {
		t.Errorf("taken up as %+v, %v", again, err)
	}
}
