package authn

import (
	"testing"
	"time"

	"github.com/rs/zerolog"

	"picket/examples/allocs"
	"picket/node/config"
	"picket/policy"
)

func TestAStolenCookieIsOfNoUseOnAnotherHost(t *testing.T) {
	w := newWorld(t)
	b := w.browser("alice")
	b.visit(wikiHost, "wiki", "/")
	for _, o := range []config.Origin{authHost, gitHost, appHost} {
		if _, answer := w.Identify(w.ctx, o, b.session(wikiHost), nil); answer != Absent {
			t.Errorf("the wiki's cookie at %s: got %v", o, answer)
		}
	}
	if _, answer := w.Identify(w.ctx, wikiHost, b.session(authHost), nil); answer != Absent {
		t.Errorf("the sign-on cookie at the wiki: got %v", answer)
	}
}

func TestAForgedSessionIsAbsent(t *testing.T) {
	w := newWorld(t)
	if _, answer := w.Identify(w.ctx, wikiHost, w.cookies.make(wikiHost, newID()), nil); answer != Absent {
		t.Errorf("got %v, want absent", answer)
	}
}

func TestASessionEndsWithItsLifetime(t *testing.T) {
	w := newWorld(t, func(c *config.Config) { c.Routes[0].Session.Lifetime = 8 * time.Hour })
	b := w.browser("alice")
	b.visit(wikiHost, "wiki", "/")
	wiki := &w.config.Routes[0]
	if _, answer := w.Identify(w.ctx, wikiHost, b.session(wikiHost), wiki); answer != Found {
		t.Fatalf("at first: got %v", answer)
	}
	w.clock.pass(8*time.Hour + time.Second)
	if _, answer := w.Identify(w.ctx, wikiHost, b.session(wikiHost), wiki); answer != Absent {
		t.Errorf("past the route's lifetime: got %v", answer)
	}
	b.is(wikiHost, Found)
	step, err := b.signIn(b.begin(wikiHost, "wiki", "/"), "")
	if err != nil || query(t, step.Redirect).Get("code_challenge") == "" {
		t.Errorf("past the route's lifetime people sign in again, not to %s, %v", step.Redirect, err)
	}
	w.clock.pass(6 * time.Hour)
	b.is(wikiHost, Absent)
}

func TestAnIdleSessionEnds(t *testing.T) {
	w := newWorld(t, func(c *config.Config) { c.Session.Idle = 32 * time.Minute })
	b := w.browser("alice")
	b.visit(wikiHost, "wiki", "/")
	for range 3 {
		w.clock.pass(30 * time.Minute)
		b.is(wikiHost, Found)
	}
	w.clock.pass(35 * time.Minute)
	b.is(wikiHost, Absent)
}

func TestUseOfASessionIsStored(t *testing.T) {
	w := newWorld(t, func(c *config.Config) { c.Session.Idle = 32 * time.Minute })
	b := w.browser("alice")
	b.visit(wikiHost, "wiki", "/")
	id := sessionOf(t, w, b, wikiHost)
	w.clock.pass(10 * time.Minute)
	b.is(wikiHost, Found)
	w.until("the time of last use is stored", func() bool {
		e, err := w.sessions.Get(w.ctx, id)
		return err == nil && w.clock.Now().Sub(e.Value.Seen) < time.Minute
	})
}

func TestASessionWithoutItsUserOrGroupsIsNobody(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.browser("alice"), w.browser("bob")
	alice.visit(wikiHost, "wiki", "/")
	bob.visit(wikiHost, "wiki", "/")
	a, _ := alice.who(wikiHost)
	b, _ := bob.who(wikiHost)
	if err := w.users.Delete(w.ctx, a.User.ID); err != nil {
		t.Fatal(err)
	}
	if err := w.groups.Delete(w.ctx, b.User.ID); err != nil {
		t.Fatal(err)
	}
	for _, who := range []*browser{alice, bob} {
		w.until(who.person+" is absent", func() bool { _, answer := who.who(wikiHost); return answer == Absent })
	}
}

func TestANodeThatIsNotFreshCannotTell(t *testing.T) {
	w := newWorld(t)
	late, stop := cutOff(t, w)
	a, err := New(Options{Config: w.config, Broker: late, Now: w.clock.Now, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Open(w.ctx); err != nil {
		t.Fatal(err)
	}
	w.until("it is fresh", late.Fresh)
	stop()
	w.until("it has lost touch", func() bool { return !late.Fresh() })
	if _, answer := a.Identify(w.ctx, wikiHost, a.cookies.make(wikiHost, newID()), nil); answer != Unknown {
		t.Errorf("got %v, want unknown", answer)
	}
}

func TestIdentifyOnAHitAllocatesNothing(t *testing.T) {
	w := newWorld(t, func(c *config.Config) { c.Session.Idle = time.Hour })
	b := w.browser("alice")
	b.visit(wikiHost, "wiki", "/")
	cookie, route := b.session(wikiHost), &w.config.Routes[0]
	var in policy.Input
	n := allocs.Least(0, 100, func() {
		c, answer := w.Identify(w.ctx, wikiHost, cookie, route)
		if answer != Found {
			t.Errorf("got %v", answer)
		}
		c.Fill(&in)
	})
	if n > 0 {
		t.Errorf("%d allocations a hit", n)
	}
}
