package console

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// signedIn tells whether the browser is somebody on a host.
func (b *browser) signedIn(host string) bool {
	b.w.t.Helper()
	return b.get(b.w.origin(host).String()+"/.picket/user").status == http.StatusOK
}

func TestSignOutAsksFirst(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn("wiki", "/", "alice")

	p := b.get(w.origin("wiki").String() + "/.picket/sign_out")

	if p.status != http.StatusOK || !strings.Contains(p.body, `<form method="post" action="/.picket/sign_out">`) || !strings.Contains(p.body, "Alice") {
		t.Errorf("got %d, want a question to Alice:\n%s", p.status, p.body)
	}
	if !b.signedIn("wiki") {
		t.Error("asking signed out")
	}
}

func TestSignOutEndsEverySessionAndTellsTheProvider(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn("wiki", "/", "alice")
	b.signIn("red.teams", "/", "alice")
	wiki := w.origin("wiki").String()

	p := b.send(http.MethodPost, wiki+"/.picket/sign_out", url.Values{}, "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "navigate")
	if p.status != http.StatusOK || !strings.HasPrefix(p.header.Get("Refresh"), "0; url="+w.origin("auth").String()+"/.picket/sign_out?request=") {
		t.Fatalf("got %d with Refresh %q, want a page that goes on to the sign-in host", p.status, p.header.Get("Refresh"))
	}
	if strings.Contains(p.header.Get("Content-Security-Policy"), "form-action *") {
		t.Error("the form may lead anywhere")
	}
	p = b.follow(p, "")

	if p.url.Host != w.origin("auth").Authority() || p.url.Path != "/.picket/signed_out" || !strings.Contains(p.body, "You are signed out") {
		t.Errorf("ended on %s:\n%s", p.url, p.body)
	}
	if !strings.Contains(p.body, `href="`+wiki+`/"`) {
		t.Errorf("want a way back to the wiki:\n%s", p.body)
	}
	for _, host := range []string{"wiki", "red.teams", "auth"} {
		w.until("nobody is signed in on "+host, func() bool { return !b.signedIn(host) })
	}
	if p := b.follow(b.get(wiki+"/.picket/sign_in"), ""); !strings.Contains(p.body, `name="person"`) || strings.Contains(p.body, "(signed in)") {
		t.Errorf("the provider still knows alice:\n%s", p.body)
	}
}

func TestAProgramThatSignsOutIsRedirected(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn("wiki", "/", "alice")

	p := b.send(http.MethodPost, w.origin("wiki").String()+"/.picket/sign_out", url.Values{}, "Accept", "*/*")

	if p.status != http.StatusSeeOther || p.header.Get("Location") == "" {
		t.Errorf("got %d, want 303", p.status)
	}
}

func TestAFormOfAnotherSiteDoesNothing(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn("wiki", "/", "alice")
	for _, fields := range [][]string{
		{"Sec-Fetch-Site", "cross-site"},
		{"Sec-Fetch-Site", "same-site"},
		{"Origin", "https://evil.example"},
		{"Origin", "null"},
		{"Origin", w.origin("red.teams").String()},
	} {
		p := b.send(http.MethodPost, w.origin("wiki").String()+"/.picket/sign_out", url.Values{}, fields...)
		if p.status != http.StatusForbidden || !strings.Contains(p.body, "another site") {
			t.Errorf("%v: got %d, want 403", fields, p.status)
		}
	}
	if !b.signedIn("wiki") {
		t.Error("it signed out")
	}
}
