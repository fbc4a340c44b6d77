package authn

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"picket/broker"
	"picket/node/config"
)

// visited is a browser whose session this node has in memory, and whose cookie it has verified.
func visited(t *testing.T, w *world) (b *browser, id, cookie string) {
	t.Helper()
	b = w.browser("alice")
	b.visit(wikiHost, "wiki", "/")
	id, cookie = sessionOf(t, w, b, wikiHost), b.session(wikiHost)
	for range 3 {
		b.is(wikiHost, Found)
	}
	w.until("the session remembers the cookie", func() bool { b.is(wikiHost, Found); return remembers(w.Authn, id, cookie) })
	return b, id, cookie
}

// answers is the answer for a cookie. A node that could not tell in time, as on a machine that does much else, is asked again.
func (w *world) answers(a *Authn, o config.Origin, cookie string) (answer Answer) {
	w.t.Helper()
	w.until("it can be told whose cookie it is", func() bool { _, answer = a.Identify(w.ctx, o, cookie, nil); return answer != Unknown })
	return answer
}

// remembers tells whether a cookie would be taken without verifying its tag.
func remembers(a *Authn, id, cookie string) bool {
	s := a.knownSessions.Held(id)
	return s != nil && s.proven.has(a.cookies, wikiHost, cookie[len(cookie)-tagText:])
}

// by is the same node by other cookies.
func (w *world) by(c *cookies) *Authn {
	other := *w.Authn
	other.cookies = c
	return &other
}

func TestOfASessionThatIsKnownOnlyItsOwnCookieOpens(t *testing.T) {
	w := newWorld(t)
	b, id, cookie := visited(t, w)
	other := w.browser("bob")
	other.visit(wikiHost, "wiki", "/")
	other.is(wikiHost, Found)
	for i := range len(cookie) {
		for _, c := range []byte{'A', 'B', '-', '.', 0} {
			if forged := cookie[:i] + string([]byte{c}) + cookie[i+1:]; forged != cookie {
				if answer := w.answers(w.Authn, wikiHost, forged); answer != Absent {
					t.Fatalf("%q in place of %q: %v", forged, cookie, answer)
				}
			}
		}
	}
	for what, forged := range map[string]string{
		"no tag": "1." + id + ".", "the tag of another": "1." + id + other.session(wikiHost)[2+idLength:],
		"of another": other.session(wikiHost)[:2+idLength] + cookie[2+idLength:], "longer": cookie + "A", "twice": cookie + cookie,
		"of another host": w.cookies.make(gitHost, id), "of the sign-on host": w.cookies.make(authHost, id),
		"as a program's": w.bearer(wikiHost, id)[len(bearerPrefix):],
	} {
		if answer := w.answers(w.Authn, wikiHost, forged); answer != Absent {
			t.Errorf("%s: %v", what, answer)
		}
		if _, answer := w.Recheck(w.ctx, wikiHost, forged, nil); answer != Absent {
			t.Errorf("%s, under way: %v", what, answer)
		}
	}
	for _, o := range []config.Origin{authHost, gitHost, appHost, {Scheme: "http", Host: wikiHost.Host}, {Scheme: "https", Host: wikiHost.Host, Port: "8443"}} {
		if answer := w.answers(w.Authn, o, cookie); answer != Absent {
			t.Errorf("at %s: %v", o, answer)
		}
	}
	if _, answer := w.IdentifyProgram(w.ctx, wikiHost, bearerPrefix+cookie, nil); answer != Absent {
		t.Errorf("shown by a program: %v", answer)
	}
	b.is(wikiHost, Found)
}

func TestAKnownCookieEndsWithItsSecret(t *testing.T) {
	w := newWorld(t)
	b, id, cookie := visited(t, w)
	of := func(secrets ...string) *cookies {
		var all [][]byte
		for _, s := range secrets {
			all = append(all, []byte(strings.Repeat(s, 32)))
		}
		keys, err := broker.NewKeyring(all)
		if err != nil {
			t.Fatal(err)
		}
		return newCookies(keys, authHost)
	}
	for what, c := range map[string]struct {
		now  *cookies
		want Answer
	}{
		"a secret is added":      {of("s", "2"), Found},
		"another is the present": {of("2", "s"), Found},
		"the old one is gone":    {of("2"), Absent},
	} {
		for range 2 {
			if answer := w.answers(w.by(c.now), wikiHost, cookie); answer != c.want {
				t.Errorf("%s: %v, want %v", what, answer, c.want)
			}
		}
		b.is(wikiHost, Found) // by the secrets that are in force here
	}
	removed := w.by(of("2"))
	if answer := w.answers(removed, wikiHost, removed.cookies.make(wikiHost, id)); answer != Found {
		t.Errorf("a cookie of the new secret: %v", answer)
	}
	if answer := w.answers(removed, wikiHost, cookie); answer != Absent {
		t.Errorf("a cookie of the old one, after that: %v", answer)
	}
}

func TestBothCookiesOfTwoSecretsAreRemembered(t *testing.T) {
	w := newWorld(t)
	_, id, _ := visited(t, w)
	keys, err := broker.NewKeyring([][]byte{[]byte(strings.Repeat("2", 32)), []byte(strings.Repeat("s", 32))})
	if err != nil {
		t.Fatal(err)
	}
	both := w.by(newCookies(keys, authHost))
	for range 3 {
		for what, cookie := range map[string]string{"the old": w.cookies.make(wikiHost, id), "the new": both.cookies.make(wikiHost, id)} {
			if answer := w.answers(both, wikiHost, cookie); answer != Found || !remembers(both, id, cookie) {
				t.Errorf("%s secret: %v, remembered %v", what, answer, remembers(both, id, cookie))
			}
		}
	}
}

func TestAKnownCookieEndsWithItsSession(t *testing.T) {
	w := newWorld(t)
	for what, end := range map[string]func(b *browser, id string) error{
		"revoked": func(_ *browser, id string) error { return w.Revoke(w.ctx, id) },
		"its user's sessions revoked": func(b *browser, _ string) error {
			c, _ := b.who(wikiHost)
			_, err := w.RevokeUser(w.ctx, c.User.ID)
			return err
		},
		"signed out": func(b *browser, _ string) error {
			_, err := w.SignOut(w.ctx, SignOutRequest{Origin: wikiHost, Cookie: b.session(wikiHost)})
			return err
		},
		"deleted": func(_ *browser, id string) error { return w.sessions.Delete(w.ctx, id) },
	} {
		b, id, cookie := visited(t, w)
		if err := end(b, id); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		w.until(what, func() bool { _, answer := w.Identify(w.ctx, wikiHost, cookie, nil); return answer == Absent })
		for range 10 {
			if answer := w.answers(w.Authn, wikiHost, cookie); answer != Absent {
				t.Errorf("%s: %v, once it was absent", what, answer)
			}
		}
	}
}

func TestAKnownCookieOfALockedSessionIsLocked(t *testing.T) {
	w := newWorld(t)
	_, id, cookie := visited(t, w)
	if _, err := w.AddLock(w.ctx, LockRequest{Kind: LockSession, Target: id, Reason: "test", Author: "test"}); err != nil {
		t.Fatal(err)
	}
	w.until("it is locked", func() bool { _, answer := w.Identify(w.ctx, wikiHost, cookie, nil); return answer == Locked })
}

func TestACookieIsVerifiedAnewWhenItsSessionChanged(t *testing.T) {
	w := newWorld(t)
	b, id, cookie := visited(t, w)
	before := w.knownSessions.Held(id)
	if err := w.changeSession(w.ctx, id, func(s *Session) bool { s.UserAgent = "another"; return true }); err != nil {
		t.Fatal(err)
	}
	w.until("the change is known", func() bool { s := w.knownSessions.Held(id); return s != nil && s != before })
	if remembers(w.Authn, id, cookie) {
		t.Error("another reading of the session remembers what the one before did")
	}
	b.is(wikiHost, Found)
	if !remembers(w.Authn, id, cookie) {
		t.Error("it was not remembered anew")
	}
}

func TestASessionRemembersFewCookies(t *testing.T) {
	w := newWorld(t)
	_, id, _ := visited(t, w)
	for range 3 {
		for i := range 3 * mostProven {
			o := config.Origin{Scheme: "https", Host: fmt.Sprintf("a%d.apps.example.com", i)}
			if answer := w.answers(w.Authn, o, w.cookies.make(o, id)); answer != Found {
				t.Fatalf("at %s: %v", o, answer)
			}
			if answer := w.answers(w.Authn, o, w.cookies.make(wikiHost, id)); answer != Absent {
				t.Fatalf("at %s by the cookie of the wiki: %v", o, answer)
			}
		}
	}
	if known := w.knownSessions.Held(id).proven.tags.Load().([]provenTag); len(known) != mostProven {
		t.Errorf("%d are remembered", len(known))
	}
}

func TestManyAskByOneSessionAtOnce(t *testing.T) {
	w := newWorld(t)
	_, id, _ := visited(t, w)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			o := config.Origin{Scheme: "https", Host: fmt.Sprintf("a%d.apps.example.com", i)}
			cookie := w.cookies.make(o, id)
			forged := w.cookies.make(wikiHost, id)
			for range 500 {
				if answer := w.answers(w.Authn, o, cookie); answer != Found {
					t.Errorf("at %s: %v", o, answer)
				}
				if answer := w.answers(w.Authn, o, forged); answer != Absent {
					t.Errorf("at %s by the cookie of the wiki: %v", o, answer)
				}
			}
		})
	}
	all.Wait()
}
