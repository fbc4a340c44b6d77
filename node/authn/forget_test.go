package authn

import (
	"slices"
	"testing"
	"time"
)

func TestTokensOfAnEndedSessionAreRevokedAtTheProvider(t *testing.T) {
	for what, end := range map[string]func(w *world, b *browser, id string) error{
		"signed out": func(w *world, b *browser, _ string) error { b.signOut(wikiHost); return nil },
		"revoked":    func(w *world, _ *browser, id string) error { return w.Revoke(w.ctx, id) },
		"of a user revoked": func(w *world, _ *browser, _ string) error {
			_, err := w.RevokeUser(w.ctx, "alice@example.com")
			return err
		},
	} {
		t.Run(what, func(t *testing.T) {
			w := newWorld(t)
			b, id := signedIn(t, w, 0)
			_, k := stored(t, w, id)
			if err := end(w, b, id); err != nil {
				t.Fatal(err)
			}
			w.until("it is revoked", func() bool {
				revoked := false
				w.idp.set(func() { revoked = slices.Contains(w.idp.revoked, k.Refresh) })
				return revoked
			})
		})
	}
}

func TestNobodyWaitsForARevocationAtTheProvider(t *testing.T) {
	w := newWorld(t)
	b, id := signedIn(t, w, 0)
	release := make(chan struct{})
	defer close(release)
	w.idp.set(func() { w.idp.revoking = func() { <-release } })
	begun := time.Now()
	if err := w.Revoke(w.ctx, id); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begun); took > patientTime/2 {
		t.Errorf("took %s", took)
	}
	w.until("absent", func() bool { _, a := b.who(wikiHost); return a == Absent })
}

func TestTheTokensOfAReplacedSessionAreLeftToTheProvider(t *testing.T) {
	w := newWorld(t)
	b := w.browser("alice")
	q := b.toCallback(gitHost, "git", "/")
	b.visit(wikiHost, "wiki", "/")
	_, k := stored(t, w, sessionOf(t, w, b, wikiHost))
	if _, err := b.callback(q); err != nil {
		t.Fatal(err)
	}
	w.until("it is replaced", func() bool { _, a := b.who(wikiHost); return a == Absent })
	w.idp.set(func() {
		if slices.Contains(w.idp.revoked, k.Refresh) {
			t.Error("revoked: the provider would end its successor, too")
		}
	})
}
