package proxy

import (
	"net/http"
	"testing"

	"picket/node/config"
)

// askedForGroups has the wiki told of the groups, and of what changes with each request.
func askedForGroups(t *testing.T) func(*config.Config) {
	return func(c *config.Config) {
		c.Routes[0].IdentityHeaders = []config.HeaderValue{
			{Name: "X-Groups", Value: template(t, `join(",", user.groups)`)},
			{Name: "X-Asks", Value: template(t, `"${user.email} ${request.path}"`)},
		}
	}
}

// toldOf is what the wiki is told of a request.
func toldOf(t *testing.T, w *world, path, cookie string) http.Header {
	t.Helper()
	return mirrored(t, w.ask("GET "+path+" HTTP/1.1\nHost: wiki.test\nCookie: "+cookie+"\n\n")).Header
}

func TestAnApplicationIsToldOfACallerAsTheyAreWithEachRequest(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), askedForGroups(t))
	cookie := w.signIn("alice", origin("wiki.test"), "wiki")
	assertion := ""
	for range 5 { // from some time on what is told is remembered
		for _, path := range []string{"/a", "/b"} {
			got := toldOf(t, w, path, cookie)
			if got.Get("X-Groups") != "staff" || got.Get("X-Asks") != "alice@example.com "+path {
				t.Errorf("at %s it is told %v", path, got)
			}
			assertion = got.Get("X-Picket-Jwt-Assertion")
		}
	}
	if got := toldOf(t, w, "/", cookie).Get("X-Picket-Jwt-Assertion"); got != assertion || got == "" {
		t.Error("it has another assertion each time")
	}
	w.provider.mu.Lock()
	w.provider.groups = []string{"staff", "sre"}
	w.provider.mu.Unlock()
	w.signIn("alice", origin("wiki.test"), "wiki")
	w.until("it is told of other groups", func() bool { return toldOf(t, w, "/", cookie).Get("X-Groups") == "staff,sre" })
}

func TestAnApplicationIsToldOfACallerAsTheConfigurationInForceHasIt(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), askedForGroups(t))
	cookie := w.signIn("alice", origin("wiki.test"), "wiki")
	for range 5 {
		toldOf(t, w, "/", cookie)
	}
	w.use(func(c *config.Config) {
		c.Routes[0].IdentityHeaders = []config.HeaderValue{{Name: "X-Groups", Value: template(t, `"now ${user.groups[0]}"`)}}
	})
	for range 5 {
		if got := toldOf(t, w, "/", cookie); got.Get("X-Groups") != "now staff" || got.Get("X-Asks") != "" {
			t.Fatalf("it is told %v", got)
		}
	}
}
