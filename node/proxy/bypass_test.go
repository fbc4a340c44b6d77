package proxy

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"picket/node/config"
)

// publicBesideProtected is a host where everything is for staff, but one path, what is below another, what an expression
// matches, and reading what is below a third.
func publicBesideProtected(t *testing.T) func(*config.Config) {
	return func(c *config.Config) {
		wiki := c.Routes[0]
		for _, text := range []string{"=/robots.txt", "/static", `~^/v[0-9]+/open$`, "GET,HEAD /read"} {
			made := routeAt(t, text, text)
			made.From, made.To, made.Access, made.Timeout = wiki.From, wiki.To, config.Public, wiki.Timeout
			c.Routes = append(c.Routes, *made.Route)
		}
	}
}

// TestNothingProtectedIsReachedByWayOfWhatIsPublic asks, as nobody, for what is protected in all the ways that could be taken for
// what is public: none of them arrives at the application.
func TestNothingProtectedIsReachedByWayOfWhatIsPublic(t *testing.T) {
	app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = fmt.Fprint(w, "arrived: ", r.RequestURI) })
	w := newWorld(t, app, publicBesideProtected(t))
	asked := func(line, more string) (int, string) {
		res := w.ask(line + " HTTP/1.1\nHost: wiki.test\n" + more + "Connection: close\n\n")
		text, err := io.ReadAll(res.Body)
		w.must(err)
		return res.StatusCode, string(text)
	}
	for _, line := range []string{
		"GET /robots.txt", "GET /%72obots.txt", "GET //robots.txt", "GET /./robots.txt", "GET /static", "GET /static/a/b", "GET /static//a",
		"GET /v1/open", "GET /read/a", "GET /robots.txt?x=/admin",
	} {
		if status, text := asked(line, ""); status != http.StatusOK {
			t.Errorf("%s: %d %s; it is public", line, status, text)
		}
	}
	for line, more := range map[string]string{
		"GET /robots.txt/":               "",
		"GET /robots.txt/admin":          "",
		"GET /Robots.txt":                "",
		"GET /ROBOTS.TXT":                "",
		"GET /robots.txt%20":             "",
		"GET /robots.txt%3Fx":            "",
		"GET /robots.txt%23x":            "",
		"GET /robots.txt;x":              "",
		"GET /robots.txt%3Bx":            "",
		"GET /robots.txt%00":             "",
		"GET /robots.txt%2f":             "",
		"GET /robots%2etxt/../admin":     "",
		"GET /x/robots.txt":              "",
		"GET /staticx":                   "",
		"GET /static/../admin":           "",
		"GET /static/..":                 "",
		"GET /static/%2e%2e/admin":       "",
		"GET /static/.%2e/admin":         "",
		"GET /static/..;/admin":          "",
		"GET /static/..%3B/admin":        "",
		"GET /static%2f..%2fadmin":       "",
		"GET /static%5c..%5cadmin":       "",
		"GET /static\\..\\admin":         "",
		"GET /static/%252e%252e/admin":   "X-Note: stays below static, whose application may do with it what it likes\n",
		"GET /Static/a":                  "",
		"GET /static;x/a":                "",
		"GET /;/static/a":                "",
		"GET /admin/;/static":            "",
		"GET /v1/open/":                  "",
		"GET /v1/open;x":                 "",
		"GET /v1;x/open":                 "",
		"GET /v1/openx":                  "",
		"GET /v/open":                    "",
		"GET /a/v1/open":                 "",
		"GET /v1/%6fpen/x":               "",
		"GET /admin":                     "X-Original-URL: /robots.txt\n",
		"GET /admin/":                    "X-Rewrite-URL: /robots.txt\n",
		"GET /admin?/static/":            "",
		"GET http://wiki.test/static/":   "",
		"GET http://open.test/admin":     "",
		"GET wiki.test/static":           "",
		"GET *":                          "",
		"POST /read/a":                   "Content-Length: 0\n",
		"POST /read":                     "Content-Length: 0\nX-HTTP-Method-Override: GET\n",
		"DELETE /read/a":                 "X-Method-Override: GET\n",
		"get /read/a":                    "",
		"PROPFIND /read/a":               "",
		"TRACE /read/a":                  "",
		"GET /read/../admin":             "",
		"OPTIONS /read/a":                "Origin: https://wiki.test\nAccess-Control-Request-Method: GET\n",
		"OPTIONS /admin":                 "Origin: https://wiki.test\nAccess-Control-Request-Method: GET\n",
		"GET /read;x/a":                  "",
		"GET /read\t/a":                  "",
		"GET /static/\x00":               "",
		"GET /st\xc3\xa4tic":             "",
		"GET /admin#/static":             "",
		"GET /static#/../admin":          "",
		"GET /%2e/admin":                 "",
		"GET /.//admin":                  "",
		"GET /%61dmin":                   "",
		"GET /robots.txt/..;/admin":      "",
		"GET /static/%2e%2e%2fadmin":     "",
		"GET /static/%c0%ae%c0%ae/admin": "X-Note: stays below static\n",
		"GET /static/%u002e%u002e/admin": "",
		"GET /static/.../admin":          "X-Note: stays below static\n",
	} {
		status, text := asked(line, more)
		below := strings.HasPrefix(text, "arrived: /static/") && strings.Contains(more, "stays below static")
		if strings.HasPrefix(text, "arrived") && !below {
			t.Errorf("%q: %d %s", line, status, text)
		}
	}
}

// TestOnlyTheMethodIsWrong is told the methods that there are.
func TestOnlyTheMethodIsWrong(t *testing.T) {
	app := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it arrived") })
	w := newWorld(t, app, func(c *config.Config) {
		read := routeAt(t, "read", "GET,HEAD /read")
		read.From, read.To, read.Access = origin("read.test"), c.Routes[0].To, config.Public
		c.Routes = append(c.Routes, *read.Route)
	})
	res := w.ask("POST /read/a HTTP/1.1\nHost: read.test\nContent-Length: 0\n\n")
	if res.StatusCode != http.StatusMethodNotAllowed || res.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("%d, Allow: %s", res.StatusCode, res.Header.Get("Allow"))
	}
}

// TestPathsAreWrittenAsRequestsAreRead holds that a path of the configuration, however it is spelt, has the form that
// paths of requests are brought into; else no request would match it.
func TestPathsAreWrittenAsRequestsAreRead(t *testing.T) {
	paths := []string{"/", "/a", "/a/", "/a b", "/é", "/a[b]", "/{x}", "/x|y", "/x^y", "/a+b", "/a;b=c", "/a:b@c", "/a\"b", "/~a", "/a'b", "/a`b"}
	for c := 0; c < 256; c++ {
		paths = append(paths, fmt.Sprintf("/x%%%02x", c), fmt.Sprintf("/x%%%02X", c))
	}
	var text strings.Builder
	text.WriteString("cluster {\n  name = \"t\"\n  secrets = [\"" + strings.Repeat("s", 32) + "\"]\n}\nlisten \"a\" {\n  address = \":8080\"\n}\n")
	written := 0
	for i, path := range paths {
		if _, err := canonicalPath(strings.NewReplacer(" ", "%20", "é", "%C3%A9", "\"", "%22", "`", "%60").Replace(path)); err != nil {
			continue // no request has it
		}
		written++
		fmt.Fprintf(&text, "route \"r%d\" {\n  from = \"https://r%d.example.com\"\n  paths = [%q, %q]\n  to = \"http://10.0.0.1\"\n  public = true\n}\n",
			i, i, path, "="+path)
	}
	name := filepath.Join(t.TempDir(), "cluster.hcl")
	if err := os.WriteFile(name, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	c, problems := config.Load(name)
	if problems.Failed() {
		t.Fatal(problems)
	}
	if len(c.Routes) != written || written < 450 {
		t.Fatalf("%d routes, of %d", len(c.Routes), written)
	}
	for _, r := range c.Routes {
		if !slices.ContainsFunc(r.Paths, func(p config.Path) bool { return p.Kind == config.ExactPath }) {
			t.Errorf("%s has no path alone", r.Name)
		}
		for _, p := range r.Paths {
			if canonical, err := canonicalPath(p.Text); err != nil || canonical != p.Text {
				t.Errorf("%s is read as %s: %v", p, canonical, err)
			}
		}
	}
}
