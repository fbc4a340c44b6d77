//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func TestACookieThatIsNotExactlyWhatWasGivenToThisHostIsRefused(t *testing.T) {
	c := startCluster(t)
	alice := c.visit(t)
	alice.signIn(t, "alice", c.url("app")+"/")
	alice.open(t, c.url("brief")+"/")
	genuine, sso, brief := alice.cookie(t, "app"), alice.cookie(t, "auth"), alice.cookie(t, "brief")
	if genuine == "" || sso == "" || brief == "" || genuine == sso || genuine == brief {
		t.Fatalf("the hosts do not have a cookie each: %q, %q, %q", genuine, sso, brief)
	}
	if a := c.sendRaw(t, c.authority("app"), "GET /genuine", c.withCookie(genuine)); a.status != http.StatusOK {
		t.Fatalf("the genuine cookie is refused: %s", a)
	}

	t.Run("stolen, at another host", func(t *testing.T) { c.refusesCookie(t, "other", genuine) })
	t.Run("stolen, at a stricter host", func(t *testing.T) { c.refusesCookie(t, "admin", genuine) })
	t.Run("of the sign-in host", func(t *testing.T) { c.refusesCookie(t, "app", sso) })
	t.Run("of an application at the sign-in host", func(t *testing.T) { c.isNobodyAtTheSignInHost(t, genuine) })
	t.Run("truncated", func(t *testing.T) {
		for _, n := range []int{0, 1, 2, 24, 25, len(genuine) / 2, len(genuine) - 2, len(genuine) - 1} {
			c.refusesCookie(t, "app", genuine[:n])
		}
	})
	t.Run("prolonged", func(t *testing.T) {
		for _, more := range []string{"A", "=", "==", ".", "." + genuine, "%00", "%0a"} {
			c.refusesCookie(t, "app", genuine+more)
		}
	})
	t.Run("altered", func(t *testing.T) {
		for i := range len(genuine) {
			c.refusesCookie(t, "app", genuine[:i]+other(genuine[i])+genuine[i+1:])
		}
	})
	t.Run("put together from two", func(t *testing.T) {
		bob := c.visit(t)
		bob.signIn(t, "bob", c.url("app")+"/")
		his, hers := strings.Split(bob.cookie(t, "app"), "."), strings.Split(genuine, ".")
		for i := range hers {
			mixed := append([]string{}, hers...)
			mixed[i] = his[i]
			if value := strings.Join(mixed, "."); value != genuine {
				c.refusesCookie(t, "app", value)
			}
		}
	})
	t.Run("sent twice, once another", func(t *testing.T) {
		a := c.sendRaw(t, c.authority("app"), "GET /twice", fmt.Sprintf("Cookie: %[1]s=x; %[1]s=%[2]s", c.cookieName(), genuine),
			"Accept: application/json")
		if who := c.upstream.requests("/twice"); a.status == http.StatusOK && who[0].Header.Get("X-Forwarded-Email") != "alice@example.com" {
			t.Errorf("let through as somebody else: %s", a)
		}
	})
	t.Run("expired", func(t *testing.T) {
		if a := c.sendRaw(t, c.authority("brief"), "GET /brief", c.withCookie(brief)); a.status == http.StatusOK {
			eventually(t, patience, func() string {
				if a := c.sendRaw(t, c.authority("brief"), "GET /brief", c.withCookie(brief)); a.status == http.StatusOK {
					return "a session of two seconds goes on"
				}
				return ""
			})
		}
		c.refusesCookie(t, "brief", brief)
	})
	t.Run("and never reaches the application", func(t *testing.T) {
		for _, r := range c.upstream.requests("/genuine") {
			if sent := r.Header.Get("Cookie"); sent != "theme=dark" {
				t.Errorf("the application was sent the cookies %q, want its own alone", sent)
			}
		}
	})
}

// refusesCookie sends a cookie as a browser and as a program would, and wants it taken for none.
func (c *cluster) refusesCookie(t *testing.T, host, value string) {
	t.Helper()
	path := "/refused/" + host
	a := c.sendRaw(t, c.authority(host), "GET "+path, c.withCookie(value), "Accept: application/json")
	if a.status != http.StatusUnauthorized && a.status != http.StatusBadRequest {
		t.Errorf("cookie %q at %s: %s, want 401: %s", value, host, a, a.words())
	}
	a = c.sendRaw(t, c.authority(host), "GET "+path, c.withCookie(value), "Accept: text/html")
	asked := a.status == http.StatusFound && a.next != nil && a.next.Host == c.authority("auth") && a.next.Path == "/.picket/sign_in"
	if !asked && a.status != http.StatusBadRequest {
		t.Errorf("cookie %q at %s: %s, want to be asked to sign in", value, host, a)
	}
	if seen := c.upstream.requests(path); len(seen) > 0 {
		t.Fatalf("the application was asked with cookie %q", value)
	}
}

func (c *cluster) isNobodyAtTheSignInHost(t *testing.T, value string) {
	t.Helper()
	begun := c.sendRaw(t, c.authority("app"), "GET /", "Accept: text/html")
	a := c.sendRaw(t, c.authority("auth"), "GET "+begun.next.RequestURI(), c.withCookie(value), "Accept: text/html")
	if a.next == nil || !c.provider.is(a.next) {
		t.Errorf("%s, want to be sent to the provider", a)
	}
}

// other is another character that a cookie may hold.
func other(c byte) string {
	if c == 'A' {
		return "B"
	}
	return "A"
}
