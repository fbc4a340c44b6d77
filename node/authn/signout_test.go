package authn

import (
	"errors"
	"strings"
	"testing"
	"time"

	"picket/broker"
	"picket/node/config"
)

// signOut leaves at a host, and gives the request with which the authenticate host is asked.
func (b *browser) signOut(o config.Origin) (request string) {
	b.w.t.Helper()
	step, err := b.w.SignOut(b.w.ctx, SignOutRequest{Origin: o, Cookie: b.session(o)})
	if err != nil {
		b.w.t.Fatalf("signing out: %v", err)
	}
	b.take(o, step.Cookies)
	if !strings.HasPrefix(step.Redirect, "https://auth.example.com/.picket/sign_out?request=") {
		b.w.t.Fatalf("redirected to %s", step.Redirect)
	}
	return query(b.w.t, step.Redirect).Get("request")
}

func (b *browser) signOutSSO(request string) (Step, error) {
	step, err := b.w.SignOutSSO(b.w.ctx, SignOutSSORequest{Sealed: request, Cookie: b.session(authHost)})
	b.take(authHost, step.Cookies)
	return step, err
}

func TestSignOutEndsTheSessionEverywhere(t *testing.T) {
	w := newWorld(t)
	b := w.browser("alice")
	b.visit(wikiHost, "wiki", "/")
	if _, err := b.redeem(gitHost, b.codeAtOnce(gitHost, "git", "/")); err != nil {
		t.Fatal(err)
	}
	id, kept := sessionOf(t, w, b, wikiHost), b.session(wikiHost)
	request := b.signOut(wikiHost)
	if b.session(wikiHost) != "" {
		t.Error("the route's cookie is left")
	}
	if _, k, err := tokensOf(w, id); err != nil || k.Refresh != "" || k.Access != "" || k.ID == "" {
		t.Errorf("tokens on the way to the provider: %+v, %v", k, err)
	}
	step, err := b.signOutSSO(request)
	if err != nil || b.session(authHost) != "" {
		t.Errorf("cookie %q, %v", b.session(authHost), err)
	}
	q := query(t, step.Redirect)
	if !strings.HasPrefix(step.Redirect, w.idp.server.URL+"/logout?") || q.Get("id_token_hint") == "" || q.Get("client_id") != "picket-corp" ||
		q.Get("post_logout_redirect_uri") != "https://auth.example.com/.picket/signed_out" {
		t.Errorf("redirected to %s", step.Redirect)
	}
	if again := w.SignedOut(q.Get("state")); again != wikiHost.String() {
		t.Errorf("signed out of %q", again)
	}
	if _, _, err := tokensOf(w, id); !errors.Is(err, broker.ErrNotFound) {
		t.Errorf("tokens: %v", err)
	}
	b.cookies[wikiHost.String()+" "+CookieName(wikiHost)] = kept
	for _, o := range []config.Origin{wikiHost, gitHost} {
		w.until("absent at "+o.String(), func() bool { _, a := b.who(o); return a == Absent })
	}
}

func tokensOf(w *world, id string) (uint64, tokens, error) {
	e, err := w.tokens.Get(w.ctx, id)
	return e.Revision, e.Value, err
}

func TestSignOutWithoutASessionClearsTheCookie(t *testing.T) {
	w := newWorld(t)
	b := w.browser("alice")
	b.cookies[wikiHost.String()+" "+CookieName(wikiHost)] = "noise"
	step, err := b.signOutSSO(b.signOut(wikiHost))
	if err != nil || b.session(wikiHost) != "" || !strings.HasPrefix(step.Redirect, "https://auth.example.com/.picket/signed_out?") {
		t.Errorf("step is %+v, %v", step, err)
	}
}

func TestSignOutWithTheCookieOfAReplacedSessionEndsItsSuccessor(t *testing.T) {
	w := newWorld(t)
	b := w.browser("alice")
	q := b.toCallback(gitHost, "git", "/")
	b.visit(wikiHost, "wiki", "/")
	if _, err := b.callback(q); err != nil {
		t.Fatal(err)
	}
	step, err := b.signOutSSO(b.signOut(wikiHost))
	if err != nil || b.session(authHost) != "" || query(t, step.Redirect).Get("id_token_hint") == "" {
		t.Errorf("step is %+v, %v", step, err)
	}
}

func TestALinkWithAnothersSignOutSignsNobodyOut(t *testing.T) {
	w := newWorld(t)
	mallory, alice := w.browser("bob"), w.browser("alice")
	mallory.visit(wikiHost, "wiki", "/")
	alice.visit(wikiHost, "wiki", "/")
	if _, err := alice.signOutSSO(mallory.signOut(wikiHost)); err != nil {
		t.Fatal(err)
	}
	alice.is(authHost, Found)
	alice.is(wikiHost, Found)
}

func TestSignOutRequestsThatAreWrongAreRefused(t *testing.T) {
	w := newWorld(t)
	b := w.browser("alice")
	b.visit(wikiHost, "wiki", "/")
	if _, err := b.signOutSSO(b.begin(wikiHost, "wiki", "/")); !errors.Is(err, ErrMalformed) {
		t.Errorf("a request to sign in: %v", err)
	}
	if _, err := w.SignOut(w.ctx, SignOutRequest{Origin: config.Origin{Scheme: "https", Host: "evil.example"}}); !errors.Is(err, ErrMalformed) {
		t.Errorf("a host of nobody: %v", err)
	}
	request := b.signOut(wikiHost)
	w.clock.pass(signOutLife + time.Second)
	if _, err := b.signOutSSO(request); !errors.Is(err, ErrExpired) {
		t.Errorf("an old request: %v", err)
	}
	if w.SignedOut("noise") != "" || w.SignedOut("") != "" {
		t.Error("noise led somewhere")
	}
}

func TestAProviderThatIsNotToBeToldIsNotTold(t *testing.T) {
	for what, ways := range map[string][]string{"another way": {"back_channel"}, "no way": {}} {
		t.Run(what, func(t *testing.T) {
			w := newWorld(t, func(c *config.Config) { c.Identities[0].Logout = ways })
			b := w.browser("alice")
			b.visit(wikiHost, "wiki", "/")
			step, err := b.signOutSSO(b.signOut(wikiHost))
			if err != nil || !strings.HasPrefix(step.Redirect, "https://auth.example.com/.picket/signed_out?") {
				t.Errorf("redirected to %s, %v", step.Redirect, err)
			}
		})
	}
}
