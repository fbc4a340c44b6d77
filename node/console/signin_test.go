package console

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"picket/node/config"
)

func TestSignInEndsOnThePageFirstAskedFor(t *testing.T) {
	w := newWorld(t)
	b := w.browser()

	p := b.signIn("wiki", "/handbook/a%20b?x=1&y=%2F", "alice")

	if want := w.origin("wiki").String() + "/handbook/a%20b?x=1&y=%2F"; p.url.String() != want || p.status != http.StatusOK {
		t.Errorf("ended with %d on %s, want 200 on %s", p.status, p.url, want)
	}
}

func TestSignInOnASecondHostAsksNobody(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn("wiki", "/", "alice")

	p := b.signIn("red.teams", "/board", "bob") // whom the provider's page would be asked for, were it shown

	if want := w.origin("red.teams").String() + "/board"; p.url.String() != want {
		t.Fatalf("ended on %s, want %s", p.url, want)
	}
	if who := b.get(w.origin("red.teams").String() + "/.picket/user"); !strings.Contains(who.body, "alice@example.com") {
		t.Errorf("signed in as %s, want alice", who.body)
	}
}

func TestSignInOnTheSignInHostItself(t *testing.T) {
	w := newWorld(t)
	b := w.browser()

	p := b.signIn("auth", "/", "alice")

	if p.url.Path != "/.picket/" || !strings.Contains(p.body, "alice@example.com") {
		t.Errorf("ended on %s, want alice's page:\n%s", p.url, p.body)
	}
}

func TestOneHostMayBothSignInAndForward(t *testing.T) {
	w := newWorld(t, func(c *config.Config) {
		c.Routes = append(c.Routes, config.Route{Name: "portal", From: c.Authenticate.URL, Prefix: "/", Access: config.AnyUser})
	})
	b := w.browser()

	p := b.signIn("auth", "/front", "alice")

	if want := w.origin("auth").String() + "/front"; p.url.String() != want || p.body != "the application at /front" {
		t.Errorf("ended on %s: %s", p.url, p.body)
	}
}

func TestSignInNeverLeadsToAnotherHost(t *testing.T) {
	w := newWorld(t)
	for _, back := range []string{"https://evil.example/", "//evil.example/", `/\evil.example`, "/\t/evil.example", "evil.example"} {
		p := w.browser().signIn("wiki", back, "alice")
		if want := w.origin("wiki").String() + "/"; p.url.String() != want {
			t.Errorf("return=%q ended on %s, want %s", back, p.url, want)
		}
	}
}

func TestSeveralProvidersAreOffered(t *testing.T) {
	w := newWorld(t, func(c *config.Config) {
		partners := c.Identities[0]
		partners.Name = "partners"
		c.Identities = append(c.Identities, partners)
	})
	b := w.browser()

	p := b.follow(b.get(w.origin("wiki").String()+"/.picket/sign_in"), "")

	if p.status != http.StatusOK || !strings.Contains(p.body, "<strong>corp</strong>") || !strings.Contains(p.body, "<strong>partners</strong>") {
		t.Fatalf("want a page with both, got %d:\n%s", p.status, p.body)
	}
	_, rest, _ := strings.Cut(p.body, `<a href="`)
	link, _, _ := strings.Cut(rest, `"`)
	p = b.follow(b.get(strings.ReplaceAll(link, "&amp;", "&")), "")
	if p.url.Host != w.provider.Listener.Addr().String() {
		t.Errorf("the first choice leads to %s, want the provider", p.url)
	}
}

func TestAStrictCookieIsSetByAPageThatGoesOn(t *testing.T) {
	w := newWorld(t, func(c *config.Config) { c.Session.SameSite = "strict" })
	b := w.browser()
	p := b.follow(b.get(w.origin("wiki").String()+"/.picket/sign_in?return=/x"), "")

	p = b.follow(b.pick(p, "person", "alice"), w.origin("wiki").String()+"/.picket/callback")
	p = b.get(p.next())

	if p.status != http.StatusOK || p.header.Get("Refresh") != "0; url="+w.origin("wiki").String()+"/x" {
		t.Errorf("got %d with Refresh %q, want a page that goes on to /x", p.status, p.header.Get("Refresh"))
	}
	if set := p.header.Get("Set-Cookie"); !strings.Contains(set, "SameSite=Strict") {
		t.Errorf("set %q, want SameSite=Strict", set)
	}
}

func TestTheSessionCookieIsOutOfReach(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	p := b.follow(b.get(w.origin("wiki").String()+"/.picket/sign_in"), "")
	p = b.follow(b.pick(p, "person", "alice"), w.origin("wiki").String()+"/.picket/callback")
	p = b.get(p.next())

	set := p.header.Get("Set-Cookie")

	for _, part := range []string{"picket=1.", "; Path=/;", "; HttpOnly", "; SameSite=Lax", "; Expires="} {
		if !strings.Contains(set, part) {
			t.Errorf("%q lacks %q", set, part)
		}
	}
	if strings.Contains(set, "Domain") {
		t.Errorf("%q is for more than this host", set)
	}
}

func TestCallbacksThatAreNotWhatTheySayArePages(t *testing.T) {
	w := newWorld(t)
	wiki, auth := w.origin("wiki").String(), w.origin("auth").String()
	for _, address := range []string{
		wiki + "/.picket/callback",
		wiki + "/.picket/callback?code=",
		wiki + "/.picket/callback?code=AAAA",
		wiki + "/.picket/callback?code=AAAA&code=BBBB",
		wiki + "/.picket/callback?code=AAAA&state=BBBB",
		wiki + "/.picket/callback?error=access_denied&state=x",
		wiki + "/.picket/callback?%zz",
		auth + "/.picket/callback",
		auth + "/.picket/callback?state=x",
		auth + "/.picket/callback?state=x&code=y",
		auth + "/.picket/callback?error=access_denied",
		auth + "/.picket/callback?state=x&state=y&code=z",
		auth + "/.picket/callback?a;b",
		auth + "/.picket/sign_in?request=",
		auth + "/.picket/sign_in?request=AAAA",
		auth + "/.picket/sign_in?request=AAAA&identity=corp",
		auth + "/.picket/sign_in?%zz",
		auth + "/.picket/sign_out?request=AAAA",
	} {
		p := w.browser().get(address)
		if p.status != http.StatusBadRequest || !strings.Contains(p.body, "This address is not complete") {
			t.Errorf("%s: got %d, want a page with 400:\n%s", address, p.status, p.body)
		}
		if !strings.Contains(p.body, "Start again") {
			t.Errorf("%s: the page leads nowhere", address)
		}
	}
}

func TestAHandOverServesOnceAndOneBrowser(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	callback := func() string {
		p := b.follow(b.get(w.origin("wiki").String()+"/.picket/sign_in"), w.origin("wiki").String()+"/.picket/callback")
		if p.next() == "" {
			p = b.follow(b.pick(p, "person", "alice"), w.origin("wiki").String()+"/.picket/callback")
		}
		return p.next()
	}

	stolen := w.browser().get(callback())
	if stolen.status != http.StatusBadRequest || !strings.Contains(stolen.body, "another browser") {
		t.Errorf("in another browser: %d\n%s", stolen.status, stolen.body)
	}

	address := callback()
	if head := b.send(http.MethodHead, address, nil); head.status != http.StatusMethodNotAllowed {
		t.Errorf("HEAD: %d, want 405 and the code kept", head.status)
	}
	if first := b.get(address); first.status != http.StatusSeeOther {
		t.Errorf("the first time: %d\n%s", first.status, first.body)
	}
	second := b.get(address)
	if second.status != http.StatusBadRequest || !strings.Contains(second.body, "already done") {
		t.Errorf("the second time: %d\n%s", second.status, second.body)
	}
	if !strings.Contains(second.body, `href="`+w.origin("wiki").String()+`/"`) {
		t.Errorf("the page does not lead back to the page asked for:\n%s", second.body)
	}
}

func TestASignInThatTookTooLongCanBeStartedAgain(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	p := b.follow(b.get(w.origin("wiki").String()+"/.picket/sign_in?return=/late"), "")

	w.ahead.Store(int64(time.Hour))
	p = b.follow(b.pick(p, "person", "alice"), "")

	if p.status != http.StatusBadRequest || !strings.Contains(p.body, "This sign-in took too long") {
		t.Fatalf("got %d:\n%s", p.status, p.body)
	}
	if !strings.Contains(p.body, `href="`+w.origin("wiki").String()+`/late"`) {
		t.Errorf("want a link to the page asked for:\n%s", p.body)
	}
}

func TestAProviderThatSaysNoIsARefusal(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	p := b.follow(b.get(w.origin("wiki").String()+"/.picket/sign_in"), "")

	p = b.follow(b.pick(p, "cancel", "1"), "")

	if p.status != http.StatusForbidden || !strings.Contains(p.body, "did not sign you in") {
		t.Errorf("got %d:\n%s", p.status, p.body)
	}
}

func TestAProviderThatIsAwayIsToldWithARetry(t *testing.T) {
	w := newWorld(t, func(c *config.Config) { c.Identities[0].Issuer = "http://127.0.0.1:1" })
	b := w.browser()

	p := b.follow(b.get(w.origin("wiki").String()+"/.picket/sign_in"), "")

	if p.status != http.StatusBadGateway || p.header.Get("Retry-After") == "" || !strings.Contains(p.body, "does not answer") {
		t.Errorf("got %d, Retry-After %q:\n%s", p.status, p.header.Get("Retry-After"), p.body)
	}
	if strings.Contains(p.body, "127.0.0.1:1") {
		t.Error("the page tells the visitor where the provider is")
	}
	if !strings.Contains(p.body, "Try again") {
		t.Error("the page offers no second try")
	}
	if !strings.Contains(w.log.String(), "127.0.0.1:1") || !strings.Contains(w.log.String(), `"request_id":"req-1"`) {
		t.Errorf("the log does not say why:\n%s", w.log)
	}
}
