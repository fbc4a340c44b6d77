package authn

import (
	"net/http"
	"testing"
	"time"
)

func TestAProviderThatFailsTimeAndAgainIsLeftAlone(t *testing.T) {
	w := newWorld(t)
	w.clock.stand() // the circuit rests for a moment only
	var ids []string
	for range 8 {
		b := w.browser("alice")
		b.visit(wikiHost, "wiki", "/")
		ids = append(ids, sessionOf(t, w, b, wikiHost))
	}
	w.clock.pass(50 * time.Minute)
	asked := 0
	w.idp.set(func() {
		w.idp.token = func(rw http.ResponseWriter, _ *http.Request) {
			w.idp.set(func() { asked++ })
			http.Error(rw, "no", http.StatusInternalServerError)
		}
	})
	for _, id := range ids {
		if outcome, _ := w.refreshOnce(w.ctx, id); outcome != refreshPostponed {
			t.Fatalf("got %s", outcome)
		}
	}
	if s := w.Providers()[0]; asked != breakAfter || s.Circuit != "open" || s.Reachable || s.Failures != breakAfter {
		t.Errorf("asked %d times, and is %+v", asked, s)
	}
	w.clock.pass(2 * restLeast)
	for _, id := range ids {
		_, _ = w.refreshOnce(w.ctx, id)
	}
	if asked != breakAfter+1 {
		t.Errorf("half open, asked %d times", asked-breakAfter)
	}
	w.idp.set(func() { w.idp.token = nil })
	w.clock.pass(restMost)
	for _, id := range ids {
		if outcome, err := w.refreshOnce(w.ctx, id); outcome != refreshDone {
			t.Errorf("when it is back: %s, %v", outcome, err)
		}
	}
	if s := w.Providers()[0]; s.Circuit != "closed" || !s.Reachable || s.Failures != 0 {
		t.Errorf("is %+v", s)
	}
}

func TestAProviderThatAsksToBeLeftAloneIs(t *testing.T) {
	w, _, id := aged(t)
	w.clock.stand()
	w.idp.set(func() {
		w.idp.token = func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Retry-After", "90")
			rw.WriteHeader(http.StatusTooManyRequests)
		}
	})
	if outcome, _ := w.refreshOnce(w.ctx, id); outcome != refreshPostponed {
		t.Fatalf("got %s", outcome)
	}
	w.idp.set(func() { w.idp.token = nil })
	w.clock.pass(80 * time.Second)
	if outcome, _ := w.refreshOnce(w.ctx, id); outcome != refreshPostponed {
		t.Errorf("too early: %s", outcome)
	}
	w.clock.pass(15 * time.Second)
	if outcome, err := w.refreshOnce(w.ctx, id); outcome != refreshDone {
		t.Errorf("after: %s, %v", outcome, err)
	}
}

func TestABreaker(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var b breaker
	enter := func() bool { _, ok := b.enter(now); return ok }
	for range breakAfter - 1 {
		b.failed(now, 0)
		if !enter() {
			t.Fatal("open too early")
		}
	}
	b.failed(now, 0)
	b.failed(now, 0) // begun before it opened
	if enter() || b.circuit(now) != Open || b.until.Sub(now) > restLeast {
		t.Errorf("after failures: %+v", b)
	}
	now = now.Add(restLeast)
	probe, ok := b.enter(now)
	if !ok || enter() {
		t.Error("half open, not one may try")
	}
	b.leave(probe) // it came to nothing
	if probe, ok = b.enter(now); !ok {
		t.Error("half open, the next one may not try")
	}
	b.failed(now, 0)
	if rest := b.until.Sub(now); rest <= restLeast || rest > 2*restLeast {
		t.Errorf("rests for %s", rest)
	}
	now = b.until
	b.leave(probe - 1) // of another time
	if _, ok := b.enter(now); !ok {
		t.Error("may not be tried")
	}
	b.succeeded()
	if b.circuit(now) != Closed || !enter() || !enter() {
		t.Errorf("after success: %+v", b)
	}
	for range 100 {
		b.failed(now, time.Hour)
		if rest := b.until.Sub(now); rest != restAsked {
			t.Fatalf("asked to rest for an hour, rests for %s", rest)
		}
	}
	for n := range int64(100) {
		if wait := backOff(n + 1); wait <= 0 || wait > retryAfter {
			t.Fatalf("after %d failures: %s", n+1, wait)
		}
	}
}
