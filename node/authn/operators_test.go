package authn

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"picket/broker"
	"picket/node/config"
)

func TestOperatorsSeeSessionsThatAreGood(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.browser("alice"), w.browser("bob")
	alice.visit(wikiHost, "wiki", "/")
	w.clock.pass(time.Minute)
	bob.visit(wikiHost, "wiki", "/")
	a, _ := alice.who(wikiHost)
	for user, want := range map[string]int{"": 2, a.User.ID: 1, "alice@example.com": 1, "nobody@example.com": 0} {
		if list, err := w.Sessions(w.ctx, user); err != nil || len(list) != want {
			t.Errorf("%q: got %d sessions, %v, want %d", user, len(list), err, want)
		}
	}
	s, err := w.SessionByID(w.ctx, a.Session.ID)
	if err != nil || s.Email != "alice@example.com" || s.Address != "192.0.2.1" || len(s.Groups) != 2 || s.Identity != "corp" {
		t.Errorf("session is %+v, %v", s, err)
	}
	w.clock.pass(15 * time.Hour)
	if list, err := w.Sessions(w.ctx, ""); err != nil || len(list) != 0 {
		t.Errorf("after all expired: %+v, %v", list, err)
	}
}

func TestARevokedSessionIsAbsentOnEveryNode(t *testing.T) {
	w := newWorld(t)
	b := w.browser("alice")
	b.visit(wikiHost, "wiki", "/")
	second := w.node()
	if _, answer := second.Identify(w.ctx, wikiHost, b.session(wikiHost), nil); answer != Found {
		t.Fatalf("on the second node: %v", answer)
	}
	id := sessionOf(t, w, b, wikiHost)
	if err := w.Revoke(w.ctx, id); err != nil {
		t.Fatal(err)
	}
	for _, a := range []*Authn{w.Authn, second} {
		w.until("absent", func() bool {
			_, answer := a.Identify(w.ctx, wikiHost, b.session(wikiHost), nil)
			return answer == Absent
		})
	}
	for _, id := range []string{id, "", "no such", newID(), "../users/x"} {
		if err := w.Revoke(w.ctx, id); !errors.Is(err, broker.ErrNotFound) {
			t.Errorf("%q: got %v, want not found", id, err)
		}
	}
}

// unreadable stores a record as this version does not know it.
func (w *world) unreadable(bucket, key string) {
	w.t.Helper()
	later, err := broker.OpenBucket[string](w.ctx, w.broker, broker.Spec{Name: bucket, Decides: true})
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := later.Put(w.ctx, key, "what this version does not know", 0); err != nil {
		w.t.Fatal(err)
	}
}

func TestOneUserWhoCannotBeReadProtectsNobodyElse(t *testing.T) {
	w := newWorld(t)
	b := w.browser("alice")
	b.visit(wikiHost, "wiki", "/")
	c, _ := b.who(wikiHost)
	w.unreadable("users", "somebody")
	if l := w.lock(LockUser, "alice@example.com", 0); !slices.Equal(l.Users, []string{c.User.ID}) {
		t.Errorf("the lock is of %v", l.Users)
	}
	if n, err := w.RevokeUser(w.ctx, "alice@example.com"); n != 1 || !errors.Is(err, broker.ErrUnavailable) {
		t.Errorf("revoked %d, %v", n, err)
	}
	if ids, err := w.SetActive(w.ctx, "alice@example.com", false); len(ids) != 1 || !errors.Is(err, broker.ErrUnavailable) {
		t.Errorf("inactive are %v, %v", ids, err)
	}
	if _, err := w.RevokeUser(w.ctx, "nobody@example.com"); !errors.Is(err, broker.ErrUnavailable) || errors.Is(err, broker.ErrNotFound) {
		t.Errorf("nobody, as far as can be told: %v", err)
	}
}

func TestASessionIsRevokedThoughItHoldsNowhereOrCannotBeRead(t *testing.T) {
	for what, happens := range map[string]func(w *world, s *Session) *Authn{
		"its identity is not configured for a while": func(w *world, _ *Session) *Authn {
			return w.with(func(c *config.Config) { c.Identities = nil })
		},
		"its user cannot be read":       func(w *world, s *Session) *Authn { w.unreadable("users", s.User); return w.node() },
		"their groups cannot be read":   func(w *world, s *Session) *Authn { w.unreadable("groups", s.User); return w.node() },
		"the session itself cannot be":  func(w *world, s *Session) *Authn { w.unreadable("sessions", s.ID); return w.node() },
		"nothing is the matter with it": func(w *world, _ *Session) *Authn { return w.Authn },
	} {
		t.Run(what, func(t *testing.T) {
			w := newWorld(t)
			b := w.browser("alice")
			b.visit(wikiHost, "wiki", "/")
			c, _ := b.who(wikiHost)
			if err := happens(w, c.Session).Revoke(w.ctx, c.Session.ID); err != nil {
				t.Errorf("revoking: %v", err)
			}
			if _, err := w.sessions.Get(w.ctx, c.Session.ID); !errors.Is(err, broker.ErrNotFound) {
				t.Errorf("it is stored still: %v", err)
			}
		})
	}
}

func TestRevokingAUserEndsAllTheirSessions(t *testing.T) {
	w := newWorld(t)
	first, second, bob := w.browser("alice"), w.browser("alice"), w.browser("bob")
	for _, b := range []*browser{first, second, bob} {
		b.visit(wikiHost, "wiki", "/")
	}
	if n, err := w.RevokeUser(w.ctx, "alice@example.com"); n != 2 || err != nil {
		t.Fatalf("got %d, %v", n, err)
	}
	for _, b := range []*browser{first, second} {
		w.until("alice is absent", func() bool { _, a := b.who(wikiHost); return a == Absent })
		b.is(authHost, Absent)
	}
	bob.is(wikiHost, Found)
	if _, err := w.RevokeUser(w.ctx, "nobody@example.com"); !errors.Is(err, broker.ErrNotFound) {
		t.Errorf("nobody: %v", err)
	}
	first.visit(wikiHost, "wiki", "/") // may sign in again
	first.is(wikiHost, Found)
	c, _ := first.who(wikiHost)
	if n, err := w.RevokeUser(w.ctx, c.User.ID); n != 1 || err != nil {
		t.Errorf("by id: %d, %v", n, err)
	}
}

func TestASessionOfAnEarlierEpochIsVoidThoughItIsStored(t *testing.T) {
	w := newWorld(t)
	b := w.browser("alice")
	b.visit(wikiHost, "wiki", "/")
	c, _ := b.who(wikiHost)
	if _, err := w.raiseEpoch(w.ctx, c.User.ID); err != nil {
		t.Fatal(err)
	}
	w.until("absent", func() bool { _, a := b.who(wikiHost); return a == Absent })
	if _, err := w.sessions.Get(w.ctx, c.Session.ID); err != nil {
		t.Errorf("the record: %v", err)
	}
	if _, err := w.SessionByID(w.ctx, c.Session.ID); !errors.Is(err, broker.ErrNotFound) {
		t.Errorf("to an operator: %v", err)
	}
}

func TestChangesAreTold(t *testing.T) {
	w := newWorld(t)
	b := w.browser("alice")
	b.visit(wikiHost, "wiki", "/")
	c, _ := b.who(wikiHost)
	var mu sync.Mutex
	told := map[Change]bool{}
	w.OnChange(func(ch Change) {
		mu.Lock()
		defer mu.Unlock()
		told[ch] = true
	})
	if err := w.Revoke(w.ctx, c.Session.ID); err != nil {
		t.Fatal(err)
	}
	deactivate(t, w, c.User.ID)
	w.until("both are told", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return told[Change{Session: c.Session.ID}] && told[Change{User: c.User.ID}]
	})
}

func TestRevokingAllEndsEverySession(t *testing.T) {
	w := newWorld(t)
	var all []*browser
	for range 3 {
		b := w.browser("alice")
		b.visit(wikiHost, "wiki", "/")
		all = append(all, b)
	}
	if n, err := w.RevokeAll(w.ctx); n != 3 || err != nil {
		t.Errorf("revoked %d, %v", n, err)
	}
	for _, b := range all {
		b.becomes(w.Authn, Absent)
	}
	if n, err := w.RevokeAll(w.ctx); n != 0 || err != nil {
		t.Errorf("then %d, %v", n, err)
	}
	ended, cancel := context.WithCancel(w.ctx)
	cancel()
	if err := w.endAll(ended, map[string]string{newID(): "corp"}); err == nil {
		t.Error("what was not done is taken for done")
	}
}

func TestAUserMadeInactiveIsNobodyAndStaysOut(t *testing.T) {
	w := newWorld(t)
	b := w.browser("alice")
	b.visit(wikiHost, "wiki", "/")
	c, _ := b.who(wikiHost)
	if ids, err := w.SetActive(w.ctx, "Alice@example.com", false); err != nil || len(ids) != 1 || ids[0] != c.User.ID {
		t.Fatalf("made inactive %v, %v", ids, err)
	}
	b.becomes(w.Authn, Absent)
	if _, err := b.callback(b.toCallback(wikiHost, "wiki", "/")); !errors.Is(err, ErrInactive) {
		t.Errorf("signing in gives %v", err)
	}
	if _, err := w.SetActive(w.ctx, c.User.ID, true); err != nil {
		t.Fatal(err)
	}
	w.until("it has arrived", func() bool { u, err := w.knownUsers.Get(w.ctx, c.User.ID); return err == nil && u.Active })
	b.is(wikiHost, Absent) // the old session does not come back
	b.visit(wikiHost, "wiki", "/")
	b.becomes(w.Authn, Found)
	if _, err := w.SetActive(w.ctx, "nobody@example.com", false); !errors.Is(err, broker.ErrNotFound) {
		t.Errorf("nobody: %v", err)
	}
}
