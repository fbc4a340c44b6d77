package authn

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

func TestATokenOfAnotherTimeIsToldAsClocksThatDisagree(t *testing.T) {
	w := newWorld(t)
	w.clock.stand() // the time that the test takes would count as disagreement
	dated := func(by time.Duration) func(map[string]any) {
		return func(c map[string]any) {
			now := w.clock.Now().Add(by)
			c["iat"], c["nbf"], c["exp"] = now.Unix(), now.Unix(), now.Add(5*time.Minute).Unix()
		}
	}
	for _, c := range []struct {
		by   time.Duration // how far the provider's clock is ahead
		says string        // "": the clocks agree well enough
	}{
		{0, ""}, {4 * time.Minute, ""}, {-4 * time.Minute, ""},
		{30 * time.Minute, "in the future"}, {-30 * time.Minute, "ago"}, {6 * time.Minute, "in the future"}, {-6 * time.Minute, "ago"},
	} {
		b := w.browser("alice")
		q := b.toCallback(wikiHost, "wiki", "/")
		w.idp.set(func() { w.idp.claims = dated(c.by) })
		_, err := b.callback(q)
		s := w.Providers()[0]
		if !s.Reachable || s.Failures != 0 || s.Circuit != "closed" {
			t.Errorf("%s: a provider that answers is %+v", c.by, s)
		}
		if ahead := measured(t, w); (ahead - c.by).Abs() > 5*time.Second {
			t.Errorf("%s: measured as %s", c.by, ahead)
		}
		if c.says == "" {
			if err != nil || s.Error != "" {
				t.Errorf("%s: got %v, status %q", c.by, err, s.Error)
			}
			continue
		}
		if !errors.Is(err, ErrClocks) || !errors.Is(err, ErrProvider) || signInOutcome(err) != "clocks_disagree" {
			t.Fatalf("%s: got %v", c.by, err)
		}
		for _, text := range []string{err.Error(), s.Error} {
			if !strings.Contains(text, c.says) || !strings.Contains(text, "do the clocks of this machine and of the provider agree?") {
				t.Errorf("%s: it says %q", c.by, text)
			}
		}
		b.is(authHost, Absent)
	}
	w.idp.set(func() { w.idp.claims = nil })
	w.browser("alice").visit(wikiHost, "wiki", "/")
	if s := w.Providers()[0]; s.Error != "" {
		t.Errorf("once the clocks agree: %+v", s)
	}
}

func TestATokenThatIsGoodOnlyLaterSignsNobodyIn(t *testing.T) {
	w := newWorld(t)
	w.clock.stand()
	for _, claim := range []string{"nbf", "auth_time"} {
		b := w.browser("alice")
		q := b.toCallback(wikiHost, "wiki", "/")
		w.idp.set(func() {
			w.idp.claims = func(c map[string]any) { c[claim] = w.clock.Now().Add(6 * time.Minute).Unix() }
		})
		if _, err := b.callback(q); !errors.Is(err, ErrClocks) {
			t.Errorf("%s: got %v", claim, err)
		}
		b.is(authHost, Absent)
	}
}

func TestATokenThatIsOlderThanItsNonceSignsNobodyIn(t *testing.T) {
	w := newWorld(t)
	w.clock.stand()
	for age, want := range map[time.Duration]error{
		past - time.Second: nil, past + time.Second: ErrClocks, 24 * time.Hour: ErrClocks, 40 * 365 * 24 * time.Hour: ErrClocks,
	} {
		w.idp.set(func() {
			w.idp.claims = func(c map[string]any) { c["iat"] = w.clock.Now().Add(-age).Unix() }
		})
		if err := endOf(w); !errors.Is(err, want) || want != nil && signInOutcome(err) != "clocks_disagree" {
			t.Errorf("%s: got %v, want %v", age, err, want)
		}
	}
}

func TestATokenThatIsOldButGoodRefreshes(t *testing.T) {
	w := newWorld(t)
	b := w.browser("alice")
	b.visit(wikiHost, "wiki", "/")
	id := sessionOf(t, w, b, wikiHost)
	w.clock.pass(50 * time.Minute)
	w.idp.set(func() {
		w.idp.claims = func(c map[string]any) { c["iat"] = w.clock.Now().Add(-time.Hour).Unix() } // as of the sign-in
	})
	if outcome, err := w.refreshOnce(w.ctx, id); outcome != refreshDone || err != nil {
		t.Errorf("got %s, %v", outcome, err)
	}
}

func TestATokenWithoutSensibleTimesIsNotAQuestionOfClocks(t *testing.T) {
	w := newWorld(t)
	for what, claims := range map[string]func(map[string]any){
		"no iat": func(c map[string]any) { delete(c, "iat") }, "no exp": func(c map[string]any) { delete(c, "exp") },
		"nbf of text": func(c map[string]any) { c["nbf"] = "soon" }, "nbf below zero": func(c map[string]any) { c["nbf"] = -1 },
	} {
		b := w.browser("alice")
		q := b.toCallback(wikiHost, "wiki", "/")
		w.idp.set(func() { w.idp.claims = claims })
		if _, err := b.callback(q); !errors.Is(err, ErrProvider) || errors.Is(err, ErrClocks) {
			t.Errorf("%s: got %v", what, err)
		}
		b.is(authHost, Absent)
	}
}

// measured is how far the provider's clock is ahead, as the metric has it.
func measured(t *testing.T, w *world) time.Duration {
	t.Helper()
	r := prometheus.NewRegistry()
	r.MustRegister(w.metrics.ahead)
	families, err := r.Gather()
	if err != nil || len(families) != 1 {
		t.Fatalf("%v, %v", families, err)
	}
	return time.Duration(families[0].GetMetric()[0].GetGauge().GetValue() * float64(time.Second))
}
