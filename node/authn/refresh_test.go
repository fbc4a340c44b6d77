package authn

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"picket/broker"
)

// aged is somebody whose tokens are about to be refreshed.
func aged(t *testing.T) (w *world, b *browser, id string) {
	t.Helper()
	w = newWorld(t)
	b = w.browser("alice")
	b.visit(wikiHost, "wiki", "/")
	id = sessionOf(t, w, b, wikiHost)
	w.clock.pass(50 * time.Minute)
	return w, b, id
}

// lapsed is somebody whose tokens have run out.
func lapsed(t *testing.T) (w *world, b *browser, id string) {
	t.Helper()
	w, b, id = aged(t)
	w.clock.pass(time.Hour)
	return w, b, id
}

// stored is what the store has of a session and its tokens.
func stored(t *testing.T, w *world, id string) (Session, tokens) {
	t.Helper()
	s, err := w.sessions.Get(w.ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	k, err := w.tokens.Get(w.ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	return s.Value, k.Value
}

func TestTokensAreRefreshedOnUseAndGroupsReplaced(t *testing.T) {
	w, b, id := aged(t)
	w.idp.set(func() { w.idp.people["alice"]["groups"] = []string{"staff"} })
	b.is(wikiHost, Found)
	w.until("the groups are replaced", func() bool {
		c, _ := b.who(wikiHost)
		return c.Known() && slices.Equal(c.Groups.Names, []string{"staff"})
	})
	w.until("the session knows when next", func() bool {
		s, k := stored(t, w, id)
		return s.RefreshAt.After(w.clock.Now()) && k.Generation == 1 && k.Claimed == nil
	})
}

func TestASessionThatIsNotUsedIsNotRefreshed(t *testing.T) {
	w, _, id := aged(t)
	w.clock.pass(time.Hour)
	if _, k := stored(t, w, id); k.Generation != 0 || k.Claimed != nil {
		t.Errorf("tokens are %+v", k)
	}
}

func TestEachGenerationIsRedeemedOnceByWhoeverAsks(t *testing.T) {
	w, b, id := aged(t)
	nodes := []*Authn{w.Authn, w.node(), w.node()}
	w.idp.set(func() { w.idp.before = func() { time.Sleep(50 * time.Millisecond) } }) // a slow provider
	var all sync.WaitGroup
	for i := range 60 {
		all.Go(func() {
			if answer := w.answers(nodes[i%3], wikiHost, b.session(wikiHost)); answer != Found {
				t.Errorf("got %v", answer)
			}
			nodes[i%3].refresh(w.ctx, id)
		})
	}
	all.Wait()
	w.until("the tokens are refreshed", func() bool { _, k := stored(t, w, id); return k.Generation == 1 && k.Claimed == nil })
	if most, _ := w.idp.mostRedemptions(); most != 1 {
		t.Errorf("a token was redeemed %d times", most)
	}
	b.is(wikiHost, Found)
}

func TestAnInvalidGrantEndsTheSession(t *testing.T) {
	w, b, id := aged(t)
	w.idp.set(func() { clear(w.idp.refreshes) })
	b.is(wikiHost, Found)
	w.until("the session is absent", func() bool { _, a := b.who(wikiHost); return a == Absent })
	w.until("its tokens are gone, after it", func() bool { _, err := w.tokens.Get(w.ctx, id); return errors.Is(err, broker.ErrNotFound) })
}

func TestTokensOfASessionRevokedMeanwhileAreRevoked(t *testing.T) {
	w, _, id := aged(t)
	w.idp.set(func() {
		w.idp.answers = func(map[string]any) { // the old token is redeemed; the provider hears of no revocation until it has answered
			if err := w.Revoke(w.ctx, id); err != nil {
				t.Errorf("revoking: %v", err)
			}
		}
	})
	if outcome, err := w.refreshOnce(w.ctx, id); outcome != refreshRevoked || err != nil {
		t.Errorf("got %s, %v", outcome, err)
	}
	w.idp.mu.Lock()
	defer w.idp.mu.Unlock()
	if len(w.idp.revoked) == 0 || len(w.idp.refreshes) != 0 {
		t.Errorf("revoked %v, left %v", w.idp.revoked, w.idp.refreshes)
	}
	if _, err := w.tokens.Get(w.ctx, id); !errors.Is(err, broker.ErrNotFound) {
		t.Errorf("tokens: %v", err)
	}
}

func TestTokensOfAUserRevokedMeanwhileAreRevoked(t *testing.T) {
	w, _, id := aged(t)
	s, _ := stored(t, w, id)
	w.idp.set(func() {
		w.idp.before = func() {
			if _, err := w.raiseEpoch(w.ctx, s.User); err != nil {
				t.Errorf("revoking: %v", err)
			}
		}
	})
	if outcome, err := w.refreshOnce(w.ctx, id); outcome != refreshRevoked || err != nil {
		t.Errorf("got %s, %v", outcome, err)
	}
	w.idp.mu.Lock()
	defer w.idp.mu.Unlock()
	if len(w.idp.revoked) != 1 {
		t.Errorf("revoked %v", w.idp.revoked)
	}
}

func TestRefreshedTokensOfSomebodyElseEndTheSession(t *testing.T) {
	w, b, id := aged(t)
	w.idp.set(func() {
		w.idp.claims = func(c map[string]any) { c["sub"] = "bob" }
		w.idp.userinfo = func(c map[string]any) { c["sub"] = "bob" }
	})
	if outcome, err := w.refreshOnce(w.ctx, id); outcome != refreshEnded || !errors.Is(err, errSomebodyElse) {
		t.Errorf("got %s, %v", outcome, err)
	}
	w.until("the session is absent", func() bool { _, a := b.who(wikiHost); return a == Absent })
}

func TestWhatOnlyAnIDTokenTellsStandsUntilTheNext(t *testing.T) {
	w := newWorld(t)
	w.idp.set(func() {
		w.idp.claims = func(c map[string]any) { c["groups"], c["badge"] = []string{"contractors"}, "7" }
		w.idp.userinfo = func(c map[string]any) { delete(c, "groups") }
	})
	b := w.browser("alice")
	b.visit(wikiHost, "wiki", "/")
	id := sessionOf(t, w, b, wikiHost)
	w.clock.pass(50 * time.Minute)
	w.idp.set(func() {
		w.idp.people["alice"]["name"] = "Alice II"
		delete(w.idp.people["alice"], "email_verified")
		w.idp.answers = func(m map[string]any) { delete(m, "id_token") }
	})
	if outcome, err := w.refreshOnce(w.ctx, id); outcome != refreshDone || err != nil {
		t.Fatalf("got %s, %v", outcome, err)
	}
	s, _ := stored(t, w, id)
	u, err := w.users.Get(w.ctx, s.User)
	if err != nil {
		t.Fatal(err)
	}
	if u.Value.Name != "Alice II" || u.Value.EmailVerified || u.Value.Claims["badge"] != "7" {
		t.Errorf("the user is %+v", u.Value)
	}
	g, err := w.groups.Get(w.ctx, s.User)
	if err != nil || !slices.Equal(g.Value.Names, []string{"contractors"}) {
		t.Errorf("the groups are %v, %v", g.Value.Names, err)
	}

	w.clock.pass(50 * time.Minute)
	w.idp.set(func() { w.idp.answers, w.idp.claims = nil, nil })
	if outcome, err := w.refreshOnce(w.ctx, id); outcome != refreshDone || err != nil {
		t.Fatalf("got %s, %v", outcome, err)
	}
	if g, err := w.groups.Get(w.ctx, s.User); err != nil || len(g.Value.Names) != 0 {
		t.Errorf("an ID token without groups leaves %v, %v", g.Value.Names, err)
	}
}

func TestClaimsThatCannotBeReadAreReadLater(t *testing.T) {
	w, b, id := aged(t)
	w.idp.set(func() { w.idp.userinfo = func(c map[string]any) { delete(c, "sub") } })
	if outcome, err := w.refreshOnce(w.ctx, id); outcome != refreshDone || !errors.Is(err, ErrProvider) {
		t.Errorf("got %s, %v", outcome, err)
	}
	s, k := stored(t, w, id)
	if k.Generation != 1 || s.RefreshAt.Sub(w.clock.Now()) > retryAfter || s.VouchedUntil.After(w.clock.Now().Add(time.Hour/2)) {
		t.Errorf("generation %d, next at %s", k.Generation, s.RefreshAt)
	}
	if c, _ := b.who(wikiHost); len(c.Groups.Names) != 2 {
		t.Errorf("groups are %v", c.Groups.Names)
	}
}

func TestAClaimThatTheStoreDidNotConfirmIsTakenUpAgain(t *testing.T) {
	w, _, id := aged(t)
	e, err := w.tokens.Get(w.ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	e.Value.Claimed = &claim{ID: newID(), Node: "n1", At: w.clock.Now()}
	if _, err := w.tokens.Update(w.ctx, id, e.Value, e.Revision, time.Hour); err != nil {
		t.Fatal(err)
	}
	second := w.node()
	if outcome, err := second.refreshOnce(w.ctx, id); outcome != refreshNotNeeded || err != nil {
		t.Errorf("on another node: %s, %v", outcome, err)
	}
	w.unsent.Add(id, e.Value.Claimed.ID)
	if outcome, err := w.refreshOnce(w.ctx, id); outcome != refreshDone || err != nil {
		t.Errorf("on this node: %s, %v", outcome, err)
	}
	if w.unsent.Len() != 0 || second.unsent.Len() != 0 {
		t.Errorf("remembered %v and %v", w.unsent.Keys(), second.unsent.Keys())
	}
}
