package proxy

import (
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"picket/node/authz"
	"picket/node/config"
	"picket/policy"
)

// requiring has the wiki admit by these policies.
func requiring(policies ...string) func(*config.Config) {
	return func(c *config.Config) { c.Routes[0].Policies = policies }
}

// get asks for a page of the wiki with a cookie.
func (w *world) get(cookie, fields string) *http.Response {
	w.t.Helper()
	return w.ask("GET /secret?a=b HTTP/1.1\nHost: wiki.test\nCookie: " + cookie + "\n" + fields + "\n")
}

func TestABrowserThatHasToShowMoreIsSentToSignIn(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), requiring("staff", "strong"))
	cookie := w.signIn("alice", origin("wiki.test"), "wiki")
	res := w.get(cookie, "Accept: text/html\n")
	if to := res.Header.Get("Location"); res.StatusCode != http.StatusFound || !strings.HasPrefix(to, "https://auth.test/.picket/sign_in?request=") {
		t.Errorf("%s to %s", res.Status, to)
	}
	cookie = w.stepUp("alice", origin("wiki.test"), "wiki", &policy.Requirement{ACR: []string{"phr"}})
	if res := w.get(cookie, "Accept: text/html\n"); res.StatusCode != http.StatusOK {
		t.Errorf("with what is required: %s", res.Status)
	}
}

func TestAProgramThatHasToShowMoreIsTold(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), requiring("recent", "strong"), func(c *config.Config) { c.Routes[0].Name = "vault" })
	cookie := w.signIn("alice", origin("wiki.test"), "vault")
	res := w.get(cookie, "Accept: application/json\n")
	challenge := res.Header.Get("WWW-Authenticate")
	if res.StatusCode != http.StatusUnauthorized || !strings.Contains(challenge, `error="insufficient_user_authentication"`) || !strings.Contains(challenge, `acr_values="phr"`) {
		t.Errorf("%s: %s", res.Status, challenge)
	}
	f := refusal(t, res)
	want := authz.Refusal{
		Code: "step_up", Route: "vault", User: "alice@example.com",
		LoginURL: "https://wiki.test/.picket/sign_in?acr_values=phr&return=%2Fsecret%3Fa%3Db",
	}
	if f.Code != want.Code || f.Route != want.Route || f.User != want.User || f.LoginURL != want.LoginURL || f.RequestID == "" {
		t.Errorf("told %+v", f)
	}
	w.until("the line is written", func() bool { return len(w.log.access(t)) == 1 })
	if got := w.log.access(t)[0]; got["decision"] != "step_up" || got["status"] != 401.0 || got["policy"] != "strong" {
		t.Errorf("the line: %v", got)
	}
}

func TestABrowserThatComesBackWithoutEnoughIsNotSentRound(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), requiring("strong"))
	cookie := w.stepUp("alice", origin("wiki.test"), "wiki", &policy.Requirement{ACR: []string{"other"}}) // of a policy that contradicts
	res := w.get(cookie, "Accept: text/html\n")
	if f := refusal(t, res); res.StatusCode != http.StatusUnauthorized || f.Code != "step_up" || f.LoginURL == "" {
		t.Errorf("%s: %+v", res.Status, f)
	}
}

func TestAWebSocketEndsWhenTheSignInIsNoLongerRecent(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(echo), requiring("recent"))
	c := w.wikiSocket(w.signIn("alice", origin("wiki.test"), "wiki"))
	code, reason := ends(w.ctx, c)
	if code != websocket.StatusPolicyViolation || !strings.Contains(reason, "no longer what policy recent requires") {
		t.Errorf("closed with %d %q", code, reason)
	}
}
