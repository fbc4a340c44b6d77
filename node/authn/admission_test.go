package authn

import (
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"weak"

	"picket/node/config"
)

// admittedBefore is a browser whose session this node admits by what it found out before.
func admittedBefore(t *testing.T, w *world) (b *browser, c Caller) {
	t.Helper()
	b, _, _ = visited(t, w)
	w.until("the session is admitted by what was found out", func() bool { c, _ = b.who(wikiHost); return c.by != nil })
	return b, c
}

func TestWhatWasFoundOutOfASessionEndsWithWhatItWasFoundOutFrom(t *testing.T) {
	w := newWorld(t)
	user := func(change func(*User)) func(Caller) error {
		return func(c Caller) error {
			e, err := w.users.Get(w.ctx, c.User.ID)
			if err == nil {
				change(&e.Value)
				_, err = w.users.Update(w.ctx, c.User.ID, e.Value, e.Revision, 0)
			}
			return err
		}
	}
	lock := func(kind LockKind, target func(Caller) string) func(Caller) error {
		return func(c Caller) error {
			_, err := w.AddLock(w.ctx, LockRequest{Kind: kind, Target: target(c), Reason: "test", Author: "test", TTL: time.Hour})
			return err
		}
	}
	for what, then := range map[string]struct {
		happens func(Caller) error
		is      func(Caller, Answer) bool
	}{
		"another name": {user(func(u *User) { u.Name = "Alice II" }), func(c Caller, a Answer) bool { return a == Found && c.User.Name == "Alice II" }},
		"not active":   {user(func(u *User) { u.Active = false }), func(_ Caller, a Answer) bool { return a == Absent }},
		"epoch over":   {user(func(u *User) { u.Epoch++ }), func(_ Caller, a Answer) bool { return a == Absent }},
		"other groups": {func(c Caller) error {
			_, err := w.groups.Put(w.ctx, c.User.ID, Groups{Names: []string{"other"}}, 0)
			return err
		}, func(c Caller, a Answer) bool { return a == Found && slices.Equal(c.Groups.Names, []string{"other"}) }},
		"a lock of the session": {lock(LockSession, func(c Caller) string { return c.Session.ID }), func(_ Caller, a Answer) bool { return a == Locked }},
		"a lock of the user":    {lock(LockUser, func(c Caller) string { return c.User.ID }), func(_ Caller, a Answer) bool { return a == Locked }},
	} {
		who := strings.ReplaceAll(what, " ", "-")
		w.idp.set(func() { w.idp.people[who] = map[string]any{"name": who, "groups": []string{"staff"}} })
		b := w.browser(who)
		b.visit(wikiHost, "wiki", "/")
		var c Caller
		w.until(what+": admitted by what was found out", func() bool { c, _ = b.who(wikiHost); return c.by != nil })
		told := func(c Caller) any {
			got, err := w.Vouch(c, &w.config.Routes[0], w.now(), func(string) any { return new(int) })
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		before := told(c)
		if told(c) != before {
			t.Errorf("%s: an application is not told what it was told before", what)
		}
		if err := then.happens(c); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		w.until(what, func() bool { return then.is(b.who(wikiHost)) })
		if c, answer := b.who(wikiHost); answer == Found && told(c) == before {
			t.Errorf("%s: an application is told what it was told before", what)
		}
	}
}

func TestWhatAnApplicationIsToldIsOfTheRouteAndTheKeysAndTheConfiguration(t *testing.T) {
	w := newWorld(t, func(c *config.Config) {
		c.Routes[0].Assertion = config.Assertion{Header: "X-Assertion", Audience: "first", Lifetime: time.Minute}
		c.Routes[1].Assertion = config.Assertion{Header: "X-Assertion", Audience: "second", Lifetime: time.Minute}
		c.Routes[2].Assertion = config.Assertion{}
	})
	_, c := admittedBefore(t, w)
	w.clock.stand() // an assertion is good from when it is made, and not from when it was asked for
	now := w.now()
	token := func(a *Authn, route int) string {
		t.Helper()
		got, err := a.Vouch(c, &a.conf.Routes[route], now, assertionAlone)
		if err != nil {
			t.Fatal(err)
		}
		return got.(string)
	}
	first, second := token(w.Authn, 0), token(w.Authn, 1)
	if got := checked(t, w.Authn, second)["aud"]; first == second || got != "second" {
		t.Errorf("the second route has the audience %v", got)
	}
	for range 3 {
		if token(w.Authn, 0) != first || token(w.Authn, 1) != second {
			t.Error("it is signed anew")
		}
	}
	if got := token(w.Authn, 2); got != "" {
		t.Errorf("on a route without an assertion it is %q", got)
	}
	now = now.Add(29 * time.Second)
	if token(w.Authn, 0) != first {
		t.Error("before half its life it is signed anew")
	}
	now = now.Add(2 * time.Second)
	renewed := token(w.Authn, 0)
	if renewed == first || token(w.Authn, 0) != renewed {
		t.Error("at half its life it is not signed anew, or more than once")
	}
	other := w.with(func(c *config.Config) { c.Routes[0].Assertion.Audience = "elsewhere" })
	if got := checked(t, w.Authn, token(other, 0))["aud"]; got != "elsewhere" {
		t.Errorf("by another configuration it has the audience %v", got)
	}
	keys, before := *w.ring.present.Load(), token(w.Authn, 1)
	keys.id = "another"
	w.ring.present.Store(&keys)
	if token(w.Authn, 1) == before {
		t.Error("with other keys it is the same")
	}
}

// assertionAlone is told an application that is told no more.
func assertionAlone(assertion string) any { return assertion }

func TestARecordThatIsInUseStaysInMemory(t *testing.T) {
	w := newWorld(t)
	b, c := admittedBefore(t, w)
	c.by.looked.Store(0)
	again, _ := b.who(wikiHost)
	if again.by != c.by || c.by.looked.Load() == 0 {
		t.Error("the caches were not asked")
	}
}

func TestALockThatWasOverHoldsAgainWhereTheClockIsSetBack(t *testing.T) {
	w := newWorld(t)
	w.clock.stand()
	b, _ := admittedBefore(t, w)
	c, _ := b.who(wikiHost)
	w.lock(LockUser, c.User.ID, time.Hour)
	b.becomes(w.Authn, Locked)
	w.clock.pass(2 * time.Hour)
	b.becomes(w.Authn, Found)
	b.becomes(w.Authn, Found) // by what was found out, if that is remembered
	w.clock.pass(-2 * time.Hour)
	if answer := w.answers(w.Authn, wikiHost, b.session(wikiHost)); answer != Locked {
		t.Errorf("the caller is %v", answer)
	}
}

func TestASessionInMemoryHoldsOnToNoLocksAndNoConfigurationThatWent(t *testing.T) {
	w := newWorld(t)
	b, _ := admittedBefore(t, w)
	locks, other := weak.Make(w.locks.known()), weak.Make(w.with(func(*config.Config) {}))
	w.until("an assertion is remembered", func() bool {
		a := other.Value()
		c, _ := a.Identify(w.ctx, wikiHost, b.session(wikiHost), nil)
		if c.by == nil {
			return false
		}
		_, err := a.Vouch(c, &a.conf.Routes[0], a.now(), assertionAlone)
		return err == nil
	})
	w.with(func(*config.Config) {})
	w.lock(LockGroup, "nobody is in it", time.Hour)
	w.until("the locks and the configuration are gone", func() bool {
		runtime.GC()
		return locks.Value() == nil && other.Value() == nil
	})
	if s := w.knownSessions.Held(sessionOf(t, w, b, wikiHost)); s == nil || s.admitted.Load() == nil {
		t.Error("and so is what was found out of the session")
	}
}
