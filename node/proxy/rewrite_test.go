package proxy

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"picket/node/config"
)

// rewriting is a route for paths (as routeAt has them) that makes others of them.
func rewriting(t testing.TB, w config.Rewrite, written ...string) *config.Route {
	t.Helper()
	r := routeAt(t, "r", written...).Route
	r.Rewrite = w
	return r
}

func TestAPathIsRewritten(t *testing.T) {
	prefix := func(to string, written ...string) *config.Route {
		return rewriting(t, config.Rewrite{Prefix: to}, written...)
	}
	pattern := func(from, to string) *config.Route {
		return rewriting(t, config.Rewrite{Pattern: regexp.MustCompile(from), Replace: to})
	}
	for _, c := range []struct {
		route      *config.Route
		path, want string // want "": no path
	}{
		{prefix("/", "/docs"), "/docs", "/"},
		{prefix("/", "/docs"), "/docs/", "/"},
		{prefix("/", "/docs"), "/docs/a/b", "/a/b"},
		{prefix("/new", "/docs"), "/docs/a", "/new/a"},
		{prefix("/new", "/docs"), "/docs", "/new"},
		{prefix("/new", "/docs"), "/docs/", "/new/"},
		{prefix("/new"), "/docs/a", "/new/docs/a"},
		{prefix("/new", "/"), "/", "/new/"},
		{prefix("/"), "/docs/a", "/docs/a"},
		{prefix("/", "/docs", "/docs/api"), "/docs/api/x", "/x"},
		{prefix("/", "/docs", "=/docs/start"), "/docs/start", "/"},
		{prefix("/new", "=/docs/start"), "/docs/start", "/new"},
		{pattern("^/docs/(.*)$", "/${1}"), "/docs/a/b", "/a/b"},
		{pattern("^/docs/(.*)$", "/${1}"), "/docs/", "/"},
		{pattern("^/docs/(.*)$", "/${1}"), "/other", "/other"},
		{pattern("^/([a-z]+)/([0-9]+)", "/${2}/${1}"), "/a/1/x", "/1/a/x"},
		{pattern("x", "y"), "/axbx", "/ayby"},
		{pattern("^/docs(.*)$", "/a/${1}"), "/docs/b", "/a/b"}, // slashes that meet are one
		{pattern("^/docs/(.*)$", "/../${1}"), "/docs/a", ""},
		{pattern("^/(.*)/(.*)$", "/.${1}.${2}/x"), "/a/b", "/.a.b/x"},
		{pattern("^/(.*)x(.*)$", "/${1}${2}/y"), "/.x.", ""},
		{pattern("^/(.*)%25(.*)$", "/${1}%${2}"), "/a%252Fb", ""},     // an escape that was none before
		{pattern("^/(.*)%25(.*)$", "/${1}%${2}"), "/a%250D%250A", ""}, // half of one is left
		{pattern("%25", "%"), "/%252e%252e/b", ""},
		{pattern("^/(.*)%25(.*)$", "/${1}%${2}"), "/a%253Fb", "/a%3Fb"}, // a question mark that is part of the path stays one
		{pattern("^/docs/(.*)$", "${1}"), "/docs/a", ""},
		{pattern("^/docs/(.*)$", ""), "/docs/a", ""},
		{pattern("^/docs/(.*)$", "//evil.test/${1}"), "/docs/a", "/evil.test/a"},
	} {
		got, _, err := rewritten(c.route, c.path)
		if (err != nil) != (c.want == "") || got != c.want {
			t.Errorf("%s of %+v becomes %q, %v; want %q", c.path, c.route.Rewrite, got, err, c.want)
		}
	}
}

// FuzzRewrite holds that whatever a route makes of a path is a path that the door itself would take, without a query, a
// fragment or a line break, and that comes to the same when it is read again.
func FuzzRewrite(f *testing.F) {
	for _, seed := range [][3]string{
		{"/docs/a", "^/docs/(.*)$", "/${1}"}, {"/a%252fb", "%25", "%"}, {"/a/b", "/", ""}, {"/a.b", "a|b", "."},
		{"/x%3Fy", "%3F", "?"}, {"/x", "x", "\r\nX: y"}, {"/x", "x", "#"}, {"/;x", ";", "..;"}, {"/docs/", "", "/new"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, path, expression, replace string) {
		path, err := canonicalPath(path)
		if err != nil {
			return
		}
		var routes []*config.Route
		if pattern, err := regexp.Compile(expression); err == nil {
			routes = append(routes, rewriting(t, config.Rewrite{Pattern: pattern, Replace: replace}))
		}
		if prefix, err := canonicalPath(replace); err == nil {
			routes = append(routes, rewriting(t, config.Rewrite{Prefix: prefix}), rewriting(t, config.Rewrite{Prefix: prefix}, "/docs"))
		}
		for _, r := range routes {
			sent, stripped, err := rewritten(r, path)
			if err != nil {
				continue
			}
			if again, err := canonicalPath(sent); err != nil || again != sent {
				t.Errorf("%q becomes %q, which is read as %q, %v", path, sent, again, err)
			}
			if sent[0] != '/' || strings.ContainsAny(sent, "?#\r\n \\") || strings.Contains(sent, "//") {
				t.Errorf("%q becomes %q", path, sent)
			}
			if slices.ContainsFunc(strings.Split(sent, "/"), climbs) {
				t.Errorf("%q climbs as %q", path, sent)
			}
			if stripped != "" && stripped+sent != path && stripped+sent != path+"/" {
				t.Errorf("%q becomes %q without %q", path, sent, stripped)
			}
		}
	})
}

func TestWhatIsDecidedOnStaysWhatWasAsked(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), func(c *config.Config) {
		open := &c.Routes[1]
		open.Paths = routeAt(t, "", "/docs").Paths
		open.Rewrite.Prefix = "/"
		open.RequestHeaders.Set = []config.HeaderValue{{Name: "X-Asked", Value: template(t, "request.path")}}
	})
	got := mirrored(t, w.ask("GET /docs/a%7e/b?x=%zz&y HTTP/1.1\nHost: open.test\n\n"))
	if got.Target != "/a~/b?x=%zz&y" || got.Header.Get("X-Asked") != "/docs/a~/b" || got.Header.Get("X-Forwarded-Prefix") != "/docs" {
		t.Errorf("the application was sent %s, and told %v", got.Target, got.Header)
	}
	w.until("the line is written", func() bool { return len(w.log.access(t)) == 1 })
	if line := w.log.access(t)[0]; line["path"] != "/docs/a~/b" {
		t.Errorf("the line: %v", line)
	}
	if res := w.ask("GET /docs/../a HTTP/1.1\nHost: open.test\n\n"); res.StatusCode != http.StatusBadRequest {
		t.Errorf("a path that climbs: %s", res.Status)
	}
}

func TestAWebSocketIsOpenedAtTheRewrittenPath(t *testing.T) {
	app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Header().Set("X-Target", r.RequestURI) })
	w := newWorld(t, app, func(c *config.Config) {
		c.Routes[1].WebSocket, c.Routes[1].Rewrite.Prefix, c.Routes[1].Paths = true, "/new", routeAt(t, "", "/docs").Paths
		c.Routes[1].RequestHeaders.Remove = []string{"X-Gone"}
	})
	res := w.ask("GET /docs/a?b HTTP/1.1\nHost: open.test\nX.Gone: 1\n" + upgrade + "\n")
	if got := res.Header.Get("X-Target"); got != "/new/a?b" {
		t.Errorf("it was asked for at %s", got)
	}
}
