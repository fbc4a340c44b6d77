package console

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"picket/node/authz"
)

// alone is a console of pages without anybody behind them.
func alone(t *testing.T) *Console {
	t.Helper()
	p, err := newPages()
	if err != nil {
		t.Fatal(err)
	}
	return &Console{pages: p, log: zerolog.Nop(), now: time.Now}
}

// denial holds everything that a refusal may.
func denial() authz.Refusal {
	return authz.Refusal{
		Status: http.StatusForbidden, Code: "denied", Title: "You may not open this", Detail: "Only <b>admins</b> may.",
		Next: "Ask for it.", Route: "wiki", User: "Zoë <z@example.com>", Rule: "from away",
		LoginURL: "https://wiki.example.com/.picket/sign_in", RetryAfter: 1500 * time.Millisecond,
	}
}

// refused is the answer to a request with these fields.
func refused(t *testing.T, f authz.Refusal, fields ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "https://wiki.example.com/a?b", nil)
	r.Header.Set("X-Request-Id", "req-1")
	for i := 0; i+1 < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	out := httptest.NewRecorder()
	alone(t).Refuse(out, r, f)
	return out
}

const browserAccept = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"

func TestAPersonIsRefusedWithAPage(t *testing.T) {
	out := refused(t, denial(), "Accept", browserAccept)

	if out.Code != http.StatusForbidden || out.Header().Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("got %d %s", out.Code, out.Header().Get("Content-Type"))
	}
	for _, part := range []string{
		"<h1>You may not open this</h1>", "Only &lt;b&gt;admins&lt;/b&gt; may.", "Ask for it.", "<dd>wiki</dd>",
		"Zoë &lt;z@example.com&gt;", "from away", "<code>req-1</code>", "403 · denied", "wiki.example.com",
		`<a href="/.picket/sign_out">Sign in as somebody else</a>`,
	} {
		if !strings.Contains(out.Body.String(), part) {
			t.Errorf("the page lacks %q", part)
		}
	}
	if strings.Contains(out.Body.String(), "/.picket/sign_in") {
		t.Error("the page sends somebody who is signed in to sign in, which ends here again")
	}
}

func TestNobodyIsOfferedToSignIn(t *testing.T) {
	for status, want := range map[int]string{http.StatusUnauthorized: "Sign in", http.StatusBadRequest: "Start again"} {
		f := denial()
		f.Status, f.User = status, ""
		out := refused(t, f, "Accept", browserAccept)
		if link := `<a class="button" href="https://wiki.example.com/.picket/sign_in">` + want + `</a>`; !strings.Contains(out.Body.String(), link) {
			t.Errorf("%d: the page lacks %q", status, link)
		}
	}
}

func TestAProgramIsRefusedWithJSON(t *testing.T) {
	for _, accept := range []string{"", "*/*", "application/json", "application/json, text/html;q=0.5", "text/html;q=0"} {
		out := refused(t, denial(), "Accept", accept)
		var got refusalJSON
		if err := json.Unmarshal(out.Body.Bytes(), &got); err != nil {
			t.Errorf("Accept %q: %v\n%s", accept, err, out.Body)
			continue
		}
		want := refusalJSON{
			Error: "denied", Title: "You may not open this", Detail: "Only <b>admins</b> may.", Next: "Ask for it.", Route: "wiki",
			User: "Zoë <z@example.com>", Rule: "from away", RequestID: "req-1",
			LoginURL: "https://wiki.example.com/.picket/sign_in", RetryAfter: 2,
		}
		if got != want || out.Code != http.StatusForbidden {
			t.Errorf("Accept %q: %d %+v", accept, out.Code, got)
		}
	}
}

func TestAScriptOfAPageIsAProgram(t *testing.T) {
	for _, fields := range [][]string{
		{"Accept", browserAccept, "Sec-Fetch-Mode", "cors"},
		{"Accept", browserAccept, "X-Requested-With", "XMLHttpRequest"},
	} {
		if out := refused(t, denial(), fields...); out.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%v: got %s", fields, out.Header().Get("Content-Type"))
		}
	}
}

func TestARefusalSaysWhenToComeBack(t *testing.T) {
	f := authz.Refusal{Status: http.StatusServiceUnavailable, Code: "unavailable", Title: "Away", RetryAfter: 5 * time.Second}

	out := refused(t, f, "Accept", browserAccept)

	if out.Header().Get("Retry-After") != "5" {
		t.Errorf("Retry-After is %q", out.Header().Get("Retry-After"))
	}
	if !strings.Contains(out.Body.String(), `<a class="button" href="">Try again</a>`) {
		t.Error("the page offers no second try")
	}
	if strings.Contains(out.Body.String(), "nobody") {
		t.Error("the page says nobody where it cannot tell")
	}
}

func TestA401HoldsAChallenge(t *testing.T) {
	f := authz.Refusal{Status: http.StatusUnauthorized, Code: "unauthenticated", Title: "Sign in", LoginURL: "/.picket/sign_in"}
	for _, accept := range []string{browserAccept, "application/json"} {
		if got := refused(t, f, "Accept", accept).Header().Get("WWW-Authenticate"); got == "" {
			t.Errorf("Accept %q: no WWW-Authenticate", accept)
		}
	}
}

func TestWhoeverHasToShowMoreIsOfferedToSignInAgain(t *testing.T) {
	f := authz.Refusal{
		Status: http.StatusUnauthorized, Code: "step_up", Title: "Sign in again to open this", User: "alice@example.com",
		LoginURL: "https://wiki.test/.picket/sign_in?acr_values=phr", Challenge: `Bearer acr_values="phr"`,
	}
	out := refused(t, f, "Accept", browserAccept)
	if got := out.Header()["Www-Authenticate"]; len(got) != 1 || got[0] != f.Challenge {
		t.Errorf("the challenge is %q", got)
	}
	if text := out.Body.String(); !strings.Contains(text, `href="https://wiki.test/.picket/sign_in?acr_values=phr">Sign in again</a>`) || !strings.Contains(text, f.User) {
		t.Errorf("the page is\n%s", text)
	}
}

func TestNoAnswerIsKeptOrFramed(t *testing.T) {
	out := refused(t, denial(), "Accept", browserAccept)
	for name, want := range map[string]string{
		"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
		"X-Frame-Options": "DENY", "Vary": "Accept",
	} {
		if got := out.Header().Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	policy := out.Header().Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
		if !strings.Contains(policy, part) {
			t.Errorf("%q lacks %q", policy, part)
		}
	}
}

func TestThePolicyAdmitsTheStyleThatIsSent(t *testing.T) {
	out := refused(t, denial(), "Accept", browserAccept)
	_, rest, _ := strings.Cut(out.Body.String(), "<style>")
	style, _, _ := strings.Cut(rest, "</style>")
	sum := sha256.Sum256([]byte(style))
	if hash := base64.StdEncoding.EncodeToString(sum[:]); style == "" || !strings.Contains(out.Header().Get("Content-Security-Policy"), hash) {
		t.Error("the hash of the style sheet is not in the policy")
	}
}

func TestAnAddressOfAScriptIsNoLink(t *testing.T) {
	f := denial()
	f.User, f.LoginURL = "", "javascript:alert(1)"
	if out := refused(t, f, "Accept", browserAccept); !strings.Contains(out.Body.String(), "Start again") || strings.Contains(out.Body.String(), "javascript:") {
		t.Error("the page links to a script")
	}
}

func FuzzQuality(f *testing.F) {
	for _, seed := range []string{browserAccept, "", "text/html;q=0.5;level=1", "text/html;q=NaN", "text/html;;q", "TEXT/HTML ; Q=1", ",,;=,"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, accept string) {
		if q := quality(accept, "text/html"); !(q >= 0 && q <= 1) {
			t.Errorf("%q: %v", accept, q)
		}
	})
}

func TestWhoeverAsksTooOftenIsToldHowOftenIsAllowed(t *testing.T) {
	f := authz.Refusal{
		Status: http.StatusTooManyRequests, Code: "too_many_requests", Title: "Too many requests", RetryAfter: 90 * time.Second,
		RateLimit: `"default";r=0;t=90`, RateLimitPolicy: `"default";q=10;w=60`,
	}
	for _, contentType := range []string{"", "application/grpc", "application/grpc-web"} {
		h := refused(t, f, "Accept", "application/json", "Content-Type", contentType).Header()
		if h.Get("Retry-After") != "90" || h.Get("RateLimit") != f.RateLimit || h.Get("RateLimit-Policy") != f.RateLimitPolicy {
			t.Errorf("%q: %v", contentType, h)
		}
	}
	if h := refused(t, denial()).Header(); h.Get("RateLimit") != "" || h.Get("RateLimit-Policy") != "" {
		t.Errorf("a refusal for another reason speaks of limits: %v", h)
	}
}
