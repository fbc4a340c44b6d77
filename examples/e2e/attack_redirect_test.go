//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// elsewhere are ways to write an address that some browser takes for one of another site.
func elsewhere() []string {
	return []string{
		"https://evil.example/", "http://evil.example", "//evil.example/", "///evil.example/", "////evil.example", "/\\evil.example",
		"\\\\evil.example", "\\/evil.example", "/\t/evil.example", "/\n/evil.example", "/\r\n//evil.example", "\t//evil.example", " //evil.example",
		"https:evil.example", "https:/evil.example", "javascript:alert(1)", "data:text/html,x", "/%2f/evil.example", "/%5cevil.example",
		"/..//evil.example", "/.//evil.example", "http://app.localhost@evil.example/", "//app.localhost@evil.example", "evil.example",
		"http://app.localhost.evil.example/", "/%09/evil.example", "/%0d%0aLocation:%20https://evil.example", "?//evil.example", "#//evil.example",
	}
}

func TestASignInNeverEndsOnAnotherSite(t *testing.T) {
	c := startCluster(t)
	t.Run("by a parameter of ours", func(t *testing.T) {
		alice := c.visit(t)
		alice.signIn(t, "alice", c.url("app")+"/")
		for _, to := range elsewhere() {
			for _, name := range []string{"return", "return_to", "redirect", "rd", "next", "url", "redirect_uri", "state"} {
				for _, page := range []string{"sign_in", "sign_out", "callback", "signed_out", ""} {
					for _, host := range []string{"app", "auth"} {
						c.staysHere(t, alice, fmt.Sprintf("%s/.picket/%s?%s=%s", c.url(host), page, name, url.QueryEscape(to)))
					}
				}
			}
		}
		alice.isSignedInAs(t, "alice") // and nobody was signed out by opening an address
	})
	t.Run("by the path first asked for", func(t *testing.T) {
		for _, to := range elsewhere() {
			if strings.HasPrefix(to, "/") && !strings.ContainsAny(to, "\t\r\n") {
				c.returnsHere(t, to)
			}
		}
	})
	t.Run("by Host and its kin", func(t *testing.T) { c.ignoresForgedHosts(t) })
}

// staysHere follows an address to its end and wants every step on our hosts or the provider's.
func (c *cluster) staysHere(t *testing.T, v *visitor, at string) {
	t.Helper()
	for range 20 {
		a, err := v.send(asPerson(at))
		if err != nil {
			t.Fatalf("%s: %v", at, err)
		}
		if refresh := a.header.Get("Refresh"); strings.Contains(refresh, "evil.example") {
			t.Errorf("%s refreshes to %s", a, refresh)
		}
		if strings.Contains(a.body, `href="https://evil`) || strings.Contains(a.body, `href="//evil`) || strings.Contains(a.body, `href="javascript`) {
			t.Errorf("%s links elsewhere: %s", a, a.words())
		}
		if a.next == nil {
			return
		}
		if !strings.HasSuffix(a.next.Hostname(), c.domain) && !c.provider.is(a.next) {
			t.Errorf("%s leads elsewhere", a)
			return
		}
		at = a.next.String()
	}
	t.Errorf("%s goes in circles", at)
}

// returnsHere signs in on the way to a path, and wants to end on the host that was asked.
func (c *cluster) returnsHere(t *testing.T, path string) {
	t.Helper()
	begun := c.sendRaw(t, c.authority("app"), "GET "+path, "Accept: text/html")
	if begun.status == http.StatusBadRequest {
		return // not even begun
	}
	if begun.next == nil || begun.next.Host != c.authority("auth") {
		t.Errorf("%s: %s", path, begun)
		return
	}
	alice := c.visit(t)
	alice.jar.SetCookies(mustParse(c.url("app")), (&http.Response{Header: begun.header}).Cookies())
	handOver := alice.pick(t, alice.open(t, begun.next.String()), "alice", c.isHandOver)
	a, err := alice.send(asPerson(handOver.next.String()))
	if err != nil {
		t.Fatal(err)
	}
	if a.next == nil || a.next.Host != c.authority("app") {
		t.Errorf("asked for %s, and the sign-in ended with %s", path, a)
	}
}

// ignoresForgedHosts lets clients say that we are somebody else.
func (c *cluster) ignoresForgedHosts(t *testing.T) {
	t.Helper()
	for _, host := range []string{"evil.example", "app.localhost.evil.example", "evil.example:80", "app.localhost@evil.example", "app.localhost:99999", "app.localhost, evil.example", ""} {
		a := c.sendRaw(t, host, "GET /forged-host", "Accept: text/html")
		if a.status < 400 && (a.next == nil || !strings.HasSuffix(a.next.Hostname(), c.domain)) {
			t.Errorf("Host %q: %s", host, a)
		}
	}
	for _, field := range []string{"X-Forwarded-Host: evil.example", "Forwarded: host=evil.example;proto=https", "X-Original-Host: evil.example",
		"X-Host: evil.example", "X-Forwarded-Server: evil.example", "X-Forwarded-Proto: javascript", "Referer: https://evil.example/"} {
		a := c.sendRaw(t, c.authority("app"), "GET /forged-host", "Accept: text/html", field)
		if a.next == nil || a.next.Host != c.authority("auth") || a.next.Scheme != "http" {
			t.Errorf("%s: %s", field, a)
		}
		if strings.Contains(a.body+a.header.Get("Location"), "evil.example") { // with its dot: four letters come by chance in what is sealed
			t.Errorf("%s comes back: %s", field, a)
		}
	}
	a := c.sendRaw(t, c.authority("app"), "GET https://evil.example/absolute", "Accept: text/html")
	if a.next != nil && strings.Contains(a.next.Host, "evil.example") {
		t.Errorf("an absolute target: %s", a)
	}
	if seen := c.upstream.requests("/forged-host"); len(seen) > 0 {
		t.Error("the application was asked")
	}
}

func TestAFormOfAnotherSiteSignsNobodyOut(t *testing.T) {
	c := startCluster(t)
	alice := c.visit(t)
	alice.signIn(t, "alice", c.url("app")+"/")
	cookie := c.withCookie(alice.cookie(t, "app"))
	for _, fields := range [][]string{
		{"Origin: https://evil.example"},
		{"Origin: null"},
		{"Origin: " + c.url("other"), "Sec-Fetch-Site: same-site"},
		{"Sec-Fetch-Site: cross-site"},
		{"Origin: https://evil.example", "Sec-Fetch-Site: cross-site"},
	} {
		a := c.sendRaw(t, c.authority("app"), "POST /.picket/sign_out", append(fields, cookie, "Content-Length: 0")...)
		if a.status != http.StatusForbidden {
			t.Errorf("%q: %s, want 403", fields, a)
		}
	}
	alice.isSignedInAs(t, "alice")
	for _, origin := range []string{"https://evil.example", "null", c.url("other")} {
		a := c.sendRaw(t, c.authority("app"), "GET /ws", cookie, "Origin: "+origin, "Connection: Upgrade", "Upgrade: websocket",
			"Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
		if a.status != http.StatusForbidden {
			t.Errorf("a WebSocket for a page of %s: %s, want 403", origin, a)
		}
	}
	if seen := c.upstream.requests("/ws"); len(seen) > 0 {
		t.Error("the application was asked")
	}
}
