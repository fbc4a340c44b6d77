package node

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

const strict = `
policy "strong" {
  allow "anyone" { when = present(user.email) }
  require { acr = ["phr"] }
}
policy "recent" {
  allow "anyone" { when = present(user.email) }
  require { max_age = "8s" }
}
route "vault" {
  from   = "http://vault.localhost:8080"
  to     = env("APP")
  policy = policy.strong
}
route "desk" {
  from   = "http://desk.localhost:8080"
  to     = env("APP")
  policy = policy.recent
}
`

// atProvider tells whether a page is the provider's, with its people to pick.
func (p page) atProvider() bool { return strings.Contains(p.text, `name="request" value="`) }

func TestAStepUpThroughTheWholeNode(t *testing.T) {
	w := newWorld(t, 1, strict, hello)
	b := w.browser(w.nodes[0])
	const desk = "http://desk.localhost:8080/page?a=1"
	if p := b.visit(desk, "alice"); p.text != "hello" || p.Request.URL.String() != desk {
		t.Fatalf("at first: %s at %s", p.Status, p.Request.URL)
	}
	var p page
	w.until("the sign-in is too long ago", func() bool { p = b.get(desk); return p.text != "hello" })
	if !p.atProvider() {
		t.Fatalf("sent to %s: %s", p.Request.URL, p.Status)
	}
	if p = b.pick(p, "alice"); p.text != "hello" || p.Request.URL.String() != desk {
		t.Errorf("after signing in again: %s at %s", p.Status, p.Request.URL)
	}
}

func TestAProviderThatIgnoresWhatIsAskedEndsInAPage(t *testing.T) {
	w := newWorld(t, 1, strict, hello)
	b := w.browser(w.nodes[0])
	const vault = "http://vault.localhost:8080/page"
	p := b.visit(vault, "alice") // signed in, and sent on at once to show more
	if !p.atProvider() {
		t.Fatalf("want to be asked again, got %s at %s", p.Status, p.Request.URL)
	}
	p = b.pick(p, "alice")
	if p.StatusCode != http.StatusForbidden || !strings.Contains(p.text, "step up failed") || !strings.Contains(p.text, `href="`+vault+`"`) {
		t.Fatalf("%s at %s:\n%s", p.Status, p.Request.URL, p.text)
	}
	if p = b.get(vault); !p.atProvider() {
		t.Errorf("beginning again leads to %s: %s", p.Request.URL, p.Status)
	}
	if p := b.get("http://desk.localhost:8080/"); p.StatusCode >= 500 {
		t.Errorf("elsewhere: %s", p.Status)
	}
}

func TestAProgramIsToldToStepUp(t *testing.T) {
	w := newWorld(t, 1, strict, hello)
	b := w.browser(w.nodes[0])
	const vault = "http://vault.localhost:8080/page"
	b.visit(vault, "alice")
	p := b.do(http.MethodPost, vault, url.Values{}, "Accept", "application/json")
	var told struct {
		Error    string `json:"error"`
		LoginURL string `json:"login_url"`
	}
	w.must(json.Unmarshal([]byte(p.text), &told))
	want := `Bearer realm="picket", error="insufficient_user_authentication", error_description="A sign-in that is more recent, or stronger, is required", acr_values="phr"`
	if got := p.Header.Get("WWW-Authenticate"); p.StatusCode != http.StatusUnauthorized || got != want || told.Error != "step_up" {
		t.Errorf("%s: %s: %s", p.Status, got, p.text)
	}
	if p := b.get(told.LoginURL); !p.atProvider() || !strings.HasPrefix(told.LoginURL, "http://vault.localhost:8080/.picket/sign_in?") {
		t.Errorf("%s leads to %s: %s", told.LoginURL, p.Request.URL, p.Status)
	}
	if p := b.get("http://vault.localhost:8080/.picket/sign_in?max_age=soon"); p.StatusCode != http.StatusBadRequest {
		t.Errorf("a requirement that is none: %s", p.Status)
	}
}
