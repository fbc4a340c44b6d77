package proxy

import (
	"net/http"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"picket/broker"
	"picket/examples/allocs"
	"picket/node/config"
	"picket/policy"
)

// passing is a header value that may ask for the access token.
func passing(t *testing.T, text string) *policy.Template {
	t.Helper()
	expr, diags := hclsyntax.ParseExpression([]byte(text), "template", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	made, diags := policy.NewTemplate(expr, policy.Options{Tokens: true})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return made
}

// editing has both routes of the world set and remove headers.
func editing(t *testing.T) func(*config.Config) {
	return func(c *config.Config) {
		for i := range c.Routes[:2] {
			c.Routes[i].RequestHeaders = config.Headers{
				Set: []config.HeaderValue{
					{Name: "X-Team", Value: template(t, `"docs"`)},
					{Name: "X-Who", Value: template(t, `user.email`)},
					{Name: "X-Agent", Value: template(t, `request.headers["User-Agent"]`)},
					{Name: "Authorization", Value: passing(t, `"Bearer ${session.access_token}"`)},
				},
				Remove: []string{"Cookie", "X-Gone"},
			}
			c.Routes[i].ResponseHeaders = config.Headers{
				Set:    []config.HeaderValue{{Name: "X-Frame-Options", Value: template(t, `"DENY"`)}, {Name: "X-Told", Value: template(t, `user.email`)}},
				Remove: []string{"Server", "X-Powered-By"},
			}
		}
	}
}

// forged are headers that a client has no business with where a route sets or removes them.
const forged = "X-Team: forged\nX.Team: forged\nx-who: forged\nX-WHO: again\nAuthorization: Basic Zm9yZ2Vk\nX-Gone: 1\nX.gone: 2\nCookie: a=forged\nX-Agent: forged\n"

func TestARouteSetsAndRemovesHeadersOfARequest(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), editing(t))
	cookie := w.signIn("alice", origin("wiki.test"), "wiki")
	got := mirrored(t, w.ask("GET / HTTP/1.1\nHost: wiki.test\nCookie: "+cookie+"\nUser-Agent: curl\n"+strings.ReplaceAll(forged, "Cookie: a=forged\n", "")+"\n")).Header
	for name, want := range map[string]string{"X-Team": "docs", "X-Who": "alice@example.com", "Authorization": "Bearer a", "X-Agent": "curl"} {
		if strings.Join(got[name], ", ") != want {
			t.Errorf("%s: %v; want %s", name, got[name], want)
		}
	}
	nothingForged(t, got)
}

func TestWhatIsNotKnownOfNobodyIsNotSent(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), editing(t))
	got := mirrored(t, w.ask("GET / HTTP/1.1\nHost: open.test\n"+forged+"\n")).Header
	for name, want := range map[string]string{"X-Team": "docs", "X-Who": "", "Authorization": "", "Cookie": ""} {
		if strings.Join(got[name], ", ") != want {
			t.Errorf("%s: %v; want %q", name, got[name], want)
		}
	}
	nothingForged(t, got)
}

func nothingForged(t *testing.T, h http.Header) {
	t.Helper()
	for name, values := range h {
		for _, value := range values {
			if strings.Contains(value, "orged") || strings.Contains(value, "Zm9yZ2Vk") || strings.EqualFold(strings.ReplaceAll(name, ".", "-"), "X-Gone") {
				t.Errorf("the application was told %s: %s", name, value)
			}
		}
	}
}

func TestWhatARouteSetsIsNotForgedInATrailer(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), editing(t))
	got := mirrored(t, w.ask("POST / HTTP/1.1\nHost: open.test\nTransfer-Encoding: chunked\nTrailer: X-Team, X-Checksum\n\n0\nX-Team: forged\nX-Checksum: 1\n\n"))
	if got.Trailer.Get("X-Team") != "" || got.Trailer.Get("X-Checksum") != "1" {
		t.Errorf("the trailer is %v", got.Trailer)
	}
}

// TestATokenThatCannotBeToldIsNotLeftOut holds that an application is asked nothing without the token that its route promises.
func TestATokenThatCannotBeToldIsNotLeftOut(t *testing.T) {
	asked := false
	w := newWorld(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }), editing(t))
	cookie := w.signIn("alice", origin("wiki.test"), "wiki")
	later, err := broker.OpenBucket[string](w.ctx, w.broker, broker.Spec{Name: "tokens"})
	w.must(err)
	_, err = later.Put(w.ctx, w.session(), "what this version does not know", 0)
	w.must(err)
	res := w.ask("GET / HTTP/1.1\nHost: wiki.test\nCookie: " + cookie + "\n\n")
	if f := refusal(t, res); res.StatusCode != http.StatusServiceUnavailable || f.Code != "unavailable" || asked {
		t.Errorf("%s %+v; the application was asked: %v", res.Status, f, asked)
	}
}

func TestARouteSetsAndRemovesHeadersOfAResponse(t *testing.T) {
	app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, name := range []string{"Server", "X-Powered-By", "x-powered-by", "X-Frame-Options", "X-Told", "X-Kept"} {
			w.Header().Add(name, "application")
		}
	})
	w := newWorld(t, app, editing(t))
	h := w.ask("GET / HTTP/1.1\nHost: open.test\n\n").Header
	if h.Get("X-Frame-Options") != "DENY" || len(h["X-Frame-Options"]) != 1 || h.Get("X-Kept") != "application" || h.Get("X-Request-Id") == "" {
		t.Errorf("got %v", h)
	}
	for _, name := range []string{"Server", "X-Powered-By", "X-Told"} {
		if h.Get(name) != "" {
			t.Errorf("%s: %s", name, h.Get(name))
		}
	}
}

func TestAnEditOfNothingCostsNothing(t *testing.T) {
	var e edit
	if n := allocs.Least(0, 100, func() {
		if e.takes("X-Team") || len(e.without(nil)) > 0 || len(appendHeaders(nil, e.set, nil, "")) > 0 {
			t.Error("it changes something")
		}
		e.apply(nil, nil)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
