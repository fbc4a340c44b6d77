package authn

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"picket/broker"
)

// token is the access token of the person in a browser.
func (w *world) token(b *browser) string {
	w.t.Helper()
	c, answer := b.who(wikiHost)
	if answer != Found {
		w.t.Fatalf("got %v, want found", answer)
	}
	token, err := w.AccessToken(w.ctx, c)
	if err != nil {
		w.t.Fatal(err)
	}
	return token
}

func TestTheAccessTokenIsReadOnceForEachGeneration(t *testing.T) {
	r := prometheus.NewRegistry()
	w := newWorldOn(t, broker.Options{Registry: r})
	b := w.browser("alice")
	b.visit(wikiHost, "wiki", "/")
	id := sessionOf(t, w, b, wikiHost)
	before := reads(t, r, "tokens")
	var all sync.WaitGroup
	c, _ := b.who(wikiHost)
	_, k := stored(t, w, id) // which reads them once
	for range 50 {
		all.Go(func() {
			if got, err := w.AccessToken(w.ctx, c); err != nil || got != k.Access || got == "" {
				t.Errorf("got %q, %v; want %q", got, err, k.Access)
			}
		})
	}
	all.Wait()
	if after := reads(t, r, "tokens"); after-before != 2 {
		t.Errorf("%v reads of the store, with the test's own", after-before)
	}
	w.clock.pass(50 * time.Minute)
	b.is(wikiHost, Found)
	w.until("the tokens are refreshed", func() bool { s, _ := stored(t, w, id); return s.Generation == 1 })
	_, k = stored(t, w, id)
	w.until("the new token is passed on", func() bool { return w.token(b) == k.Access })
}

func TestATokenThatRanOutIsNone(t *testing.T) {
	w := newWorld(t)
	b := w.browser("alice")
	b.visit(wikiHost, "wiki", "/")
	id := sessionOf(t, w, b, wikiHost)
	c, _ := b.who(wikiHost)
	_, k := stored(t, w, id)
	if got := w.token(b); got != k.Access {
		t.Fatalf("got %q, want %q", got, k.Access)
	}
	w.clock.pass(2 * time.Hour)
	if got, err := w.AccessToken(w.ctx, c); got != "" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if got, err := w.AccessToken(w.ctx, Caller{}); got != "" || err != nil {
		t.Errorf("nobody has the token %q, %v", got, err)
	}
}

func TestATokenThatCannotBeReadIsNotNone(t *testing.T) {
	w := newWorld(t)
	b := w.browser("alice")
	b.visit(wikiHost, "wiki", "/")
	c, _ := b.who(wikiHost)
	w.unreadable("tokens", sessionOf(t, w, b, wikiHost))
	if got, err := w.AccessToken(w.ctx, c); err == nil || errors.Is(err, broker.ErrNotFound) {
		t.Errorf("got %q, %v", got, err)
	}
}
