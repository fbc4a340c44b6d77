//go:build e2e

package e2e

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// forgery is what a client adds to its request to be taken for somebody else.
type forgery []string

// victim is who the forger wants to be.
const victim = "root@example.com"

// forgeries are the ways to write a header that some server behind us reads as one of ours, and the ways to have ours
// removed.
func forgeries(genuineAssertion string) map[string]forgery {
	return map[string]forgery{
		"plain":                       {"X-Forwarded-Email: " + victim},
		"lower case":                  {"x-forwarded-email: " + victim},
		"odd case":                    {"x-fOrWaRdEd-EmAiL: " + victim},
		"underscores":                 {"X_Forwarded_Email: " + victim},
		"one underscore":              {"X-Forwarded_Email: " + victim},
		"dots":                        {"X.Forwarded.Email: " + victim},
		"twice":                       {"X-Forwarded-Email: " + victim, "X-Forwarded-Email: " + victim},
		"all of them":                 {"X-Forwarded-User: " + victim, "X-Forwarded-Groups: " + victim, "X-Forwarded-Preferred-Username: " + victim},
		"another's assertion":         {"X-Picket-Jwt-Assertion: " + genuineAssertion},
		"an assertion, dotted":        {"X.Picket.Jwt.Assertion: " + genuineAssertion},
		"an assertion, underscored":   {"X_Picket_Jwt_Assertion: " + genuineAssertion},
		"names of ours not in use":    {"X-Picket-User: " + victim, "X-Picket: " + victim},
		"nominated away":              {"Connection: X-Forwarded-Email"},
		"nominated with others":       {"Connection: close, X-Forwarded-Email, X-Picket-Jwt-Assertion"},
		"nominated twice":             {"Connection: close", "Connection: x-forwarded-email"},
		"nominated and forged":        {"Connection: X-Forwarded-Email, close", "X-Forwarded-Email: " + victim},
		"nominated in underscores":    {"Connection: x_forwarded_email", "X-Forwarded-Email: " + victim},
		"in a trailer":                {"Transfer-Encoding: chunked", "Trailer: X-Forwarded-Email", "", "0", "X-Forwarded-Email: " + victim},
		"folded line":                 {"X-Harmless: a", " X-Forwarded-Email: " + victim},
		"space before the colon":      {"X-Forwarded-Email : " + victim},
		"host and address":            {"X-Forwarded-Host: evil.example", "X-Forwarded-For: 10.0.0.1", "X-Real-Ip: 10.0.0.1", "Forwarded: for=10.0.0.1;host=evil.example"},
		"another path":                {"X-Original-Url: /admin", "X-Rewrite-Url: /admin"},
		"a bearer of nobody":          {"Authorization: Bearer " + genuineAssertion},
		"CGI's proxy":                 {"Proxy: http://evil.example"},
		"hidden behind a control":     {"X-Harmless: a\rX-Forwarded-Email: " + victim},
		"hidden behind a line feed":   {"X-Harmless: a\nX-Forwarded-Email: " + victim},
		"a second request underneath": {"Content-Length: 4", "Transfer-Encoding: chunked", "", "0", "", "GET /smuggled HTTP/1.1", "Host: app.localhost"},
	}
}

func TestForgedIdentityHeadersNeverReachTheApplication(t *testing.T) {
	c := startCluster(t)
	bob, alice := c.visit(t), c.visit(t)
	bob.signIn(t, "bob", c.url("app")+"/")
	alice.signIn(t, "alice", c.url("app")+"/seen-by-the-application")
	seen := c.upstream.requests("/seen-by-the-application")
	assertion := seen[0].Header.Get("X-Picket-Jwt-Assertion")
	if assertion == "" {
		t.Fatal("the application was sent no assertion")
	}
	cookie := bob.cookie(t, "app")
	number := 0
	for name, forged := range forgeries(assertion) {
		t.Run(name, func(t *testing.T) {
			number++
			for _, who := range []struct {
				host, email string
				fields      []string
			}{
				{"app", "bob@example.com", []string{c.withCookie(cookie)}},
				{"public", "", nil},
				{"public", "", []string{c.withCookie(cookie)}},
				{"app", "", []string{"Accept: application/json"}}, // nobody: must not pass at all
			} {
				path := "/forged/" + strconv.Itoa(number) + "/" + who.host + "/" + who.email
				a := c.sendRaw(t, c.authority(who.host), "GET "+path, append(slices.Clone(who.fields), forged...)...)
				c.holdsNothingForged(t, path, who.email, assertion)
				if asked := c.upstream.requests(path); who.host == "app" && who.email == "" && len(asked) > 0 {
					t.Errorf("nobody passed: %s", a)
				} else if a.status == http.StatusOK && len(asked) == 0 {
					t.Errorf("%s, and yet the application was not asked", a)
				}
			}
		})
	}
	if smuggled := c.upstream.requests("/smuggled"); len(smuggled) > 0 {
		t.Error("a request was smuggled in")
	}
}

// holdsNothingForged looks at everything that reached the application at a path: it must be about the person, or about
// nobody when email is "".
func (c *cluster) holdsNothingForged(t *testing.T, path, email, assertion string) {
	t.Helper()
	for _, r := range c.upstream.requests(path) {
		for name, values := range r.Header {
			for _, value := range values {
				if strings.Contains(value, victim) && name != "X-Harmless" || // a folded line is the rest of its value (RFC 9112, section 5.2)
					strings.Contains(value, "evil.example") ||
					value == "10.0.0.1" || value == "/admin" {
					t.Errorf("the application was sent %s: %s", name, value)
				}
				if value == assertion && fold(name) != "authorization" {
					t.Errorf("the application was sent another's assertion as %s", name)
				}
			}
		}
		for name, values := range r.Trailer {
			t.Errorf("the application was sent the trailer %s: %s", name, values)
		}
		if got := r.Header.Values("X-Forwarded-Email"); email != "" && (len(got) != 1 || got[0] != email) {
			t.Errorf("the application was told of %q, want %s alone", got, email)
		}
		if got := r.Header.Values("X-Picket-Jwt-Assertion"); email != "" && len(got) != 1 {
			t.Errorf("the application was sent %d assertions, want one", len(got))
		}
		if got := r.Header.Values("X-Forwarded-Email"); email == "" && len(got) > 0 {
			t.Errorf("the application was told of %q, want nobody", got)
		}
	}
}
