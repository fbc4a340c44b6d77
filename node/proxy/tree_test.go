package proxy

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"picket/examples/allocs"
	"picket/node/config"
)

// routeAt is a route of a.test for paths as they are written in a configuration, each METHOD,METHOD PATH or PATH alone.
func routeAt(t testing.TB, name string, written ...string) *route {
	t.Helper()
	r := &config.Route{Name: name, From: origin("a.test")}
	for _, text := range written {
		if methods, path, ok := strings.Cut(text, " "); ok {
			r.Methods, text = strings.Split(methods, ","), path
		}
		prefix := max(strings.TrimSuffix(text, "/"), "/")
		p := config.Path{Text: prefix, Below: prefix}
		switch text[0] {
		case '=':
			p = config.Path{Kind: config.ExactPath, Text: text[1:], Below: strings.TrimSuffix(text[1:], "/")}
		case '~':
			expression := regexp.MustCompile(text[1:])
			literal, _ := regexp.MustCompile(strings.TrimPrefix(text[1:], "^")).LiteralPrefix()
			p = config.Path{Kind: config.PatternPath, Text: text[1:], Pattern: expression, Below: literal[:strings.LastIndexByte(literal, '/')]}
		}
		p.Below = max(p.Below, "/")
		r.Paths = append(r.Paths, p)
	}
	slices.SortFunc(r.Paths, config.Path.Before)
	return &route{Route: r}
}

// siteOf is a.test with these routes, each named by what it is for.
func siteOf(t testing.TB, written ...string) *site {
	t.Helper()
	var routes []*route
	for _, text := range written {
		routes = append(routes, routeAt(t, text, text))
	}
	made, err := newTable(routes, config.Origin{})
	if err != nil {
		t.Fatal(err)
	}
	return made.find("a.test")
}

// answer is what a request leads to, in a word or the name of the route.
func (s *site) answer(method, path string) string {
	r, to := s.find(path, method)
	switch to {
	case toRoute:
		return r.Name
	case otherwise:
		return "405 " + strings.Join(s.methods(path), ",")
	case unclear:
		return "400"
	}
	return "404"
}

func TestTheMostSpecificRouteWins(t *testing.T) {
	s := siteOf(t, "/", "/docs", "/docs/api", "=/docs", "=/docs/api/", "=/robots.txt", `~^/v[0-9]+/`, `~^/v[0-9]+/api/`, `~^/docs/.*\.pdf$`,
		"GET,HEAD /admin", "POST /admin", "PUT,GET =/admin/now", "DELETE /")
	for _, c := range []struct{ method, path, want string }{
		{"GET", "/", "/"},
		{"GET", "/x", "/"},
		{"DELETE", "/x", "DELETE /"},
		{"DELETE", "/docs/x", "/docs"},
		{"GET", "/docs", "=/docs"},
		{"GET", "/docs/", "/docs"},
		{"GET", "/docs/api", "/docs/api"},
		{"GET", "/docs/api/", "=/docs/api/"},
		{"GET", "/docs/api/x.pdf", "/docs/api"}, // names one segment more than the expression
		{"GET", "/docs/x.pdf", `~^/docs/.*\.pdf$`},
		{"GET", "/docs/x.pdf/", "/docs"},
		{"GET", "/robots.txt", "=/robots.txt"},
		{"GET", "/robots.txt/", "/"},
		{"GET", "/robots.txtx", "/"},
		{"GET", "/Robots.txt", "/"},
		{"GET", "/v1/", `~^/v[0-9]+/`},
		{"GET", "/v1", "/"},
		{"GET", "/v1/api/x", `~^/v[0-9]+/api/`},
		{"GET", "/x/v1/", "/"},
		{"GET", "/admin", "GET,HEAD /admin"},
		{"HEAD", "/admin/x", "GET,HEAD /admin"},
		{"POST", "/admin/x", "POST /admin"},
		{"PUT", "/admin/x", "/"}, // passed over: the next takes it
		{"DELETE", "/admin/x", "DELETE /"},
		{"GET", "/admin/now", "PUT,GET =/admin/now"},
		{"POST", "/admin/now", "POST /admin"},
		{"get", "/admin", "/"}, // methods tell capitals apart (RFC 9110, section 9.1)
	} {
		if got := s.answer(c.method, c.path); got != c.want {
			t.Errorf("%s %s is for %q; want %q", c.method, c.path, got, c.want)
		}
	}
}

func TestWhereOnlyTheMethodIsWrongTheOthersAreTold(t *testing.T) {
	s := siteOf(t, "GET,HEAD /docs", "POST,PUT /docs/api", "DELETE =/docs/api/x", "PATCH ~^/docs/[a-z]+$", "OPTIONS /other")
	for _, c := range []struct{ method, path, want string }{
		{"PATCH", "/docs/api/x", "405 DELETE,GET,HEAD,POST,PUT"},
		{"DELETE", "/docs", "405 GET,HEAD"},
		{"DELETE", "/docs/x", "405 GET,HEAD,PATCH"},
		{"DELETE", "/docs/api", "405 GET,HEAD,PATCH,POST,PUT"},
		{"GET", "/", "404"},
		{"PATCH", "/docs/x", "PATCH ~^/docs/[a-z]+$"},
	} {
		if got := s.answer(c.method, c.path); got != c.want {
			t.Errorf("%s %s is for %q; want %q", c.method, c.path, got, c.want)
		}
	}
}

// TestNoParameterLeadsAroundARoute holds that a path is refused which one application reads as one route's, and another
// as another's.
func TestNoParameterLeadsAroundARoute(t *testing.T) {
	s := siteOf(t, "/", "/admin", "=/public", "=/open/", `~^/v[0-9]+/`, `~^/files/.*\.pdf$`)
	for path, want := range map[string]string{
		"/admin;x":               "400",
		"/admin%3Bx":             "400",
		"/admin;x/y":             "400",
		"/public;x":              "400",
		"/open;x/":               "400",
		"/v1;x/y":                "400",
		"/v1%3Bx/y":              "400",
		"/;x/v1/y":               "400",
		"/v1/;x/y":               `~^/v[0-9]+/`,
		"/v1/a;x=1":              `~^/v[0-9]+/`,
		"/files/a.pdf;x":         "400",
		"/files/a;x.pdf":         "400", // an application would read /files/a
		"/files/a;b=c":           "/",
		"/page;v=1":              "/",
		"/admin/a;x":             "/admin",
		"/public/;x":             "/",
		"/page;v=1/admin":        "/",
		"/elsewhere/files;x.pdf": "/",
	} {
		if got := s.answer("GET", path); got != want {
			t.Errorf("%s is for %q; want %q", path, got, want)
		}
	}
}

func TestTwoRoutesForTheSameAreRefused(t *testing.T) {
	for _, c := range []struct {
		one, other string
		want       string // "": they can be told apart
	}{
		{"/x", "/x", `is taken by route "one"`},
		{"/x", "/x/", `is taken by route "one"`},
		{"=/x", "=/x", `is taken by route "one"`},
		{"=/x", "=/x/", ""},
		{"=/x", "/x", ""},
		{"~^/x[a-z]", "~^/x[a-z]", `is taken by route "one"`},
		{"~^/x[a-z]", "~^/x[b-z]", ""},
		{"GET /x", "GET,POST /x", `is taken by route "one" for GET`},
		{"GET /x", "POST /x", ""},
		{"GET /x", "/x", ""},
		{"GET =/x", "GET =/x", `is taken by route "one" for GET`},
	} {
		_, err := newTable([]*route{routeAt(t, "one", c.one), routeAt(t, "other", c.other)}, config.Origin{})
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s and %s: %v", c.one, c.other, err)
		}
	}
}

// TestTheTreeFindsWhatTheOrderSays compares the tree with the order of paths, which every route is held against.
func TestTheTreeFindsWhatTheOrderSays(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	words := []string{"a", "b", "v1", "v2", "x.pdf"}
	path := func() string {
		b := ""
		for range random.IntN(4) {
			b += "/" + words[random.IntN(len(words))]
		}
		if b == "" || random.IntN(3) == 0 {
			b += "/"
		}
		return b
	}
	patterns := []string{"~^/v[0-9]", "~^/v[0-9]/", "~^/a/.*b", "~^/a/v[0-9]/?$", `~^/[ab]/.*\.pdf$`, "~^/a/b/v[12]"}
	for range 500 {
		var routes []*route
		for i := range 1 + random.IntN(8) {
			text := path()
			switch random.IntN(4) {
			case 0:
				text = patterns[random.IntN(len(patterns))]
			case 1:
				text = "=" + text
			}
			if random.IntN(2) == 0 {
				text = []string{"GET", "POST", "GET,POST"}[random.IntN(3)] + " " + text
			}
			added := append(slices.Clone(routes), routeAt(t, fmt.Sprint(i, " ", text), text))
			if _, err := newTable(added, config.Origin{}); err == nil {
				routes = added
			}
		}
		made, err := newTable(routes, config.Origin{})
		if err != nil {
			t.Fatal(err)
		}
		for range 50 {
			p, method := path(), []string{"GET", "POST", "PUT"}[random.IntN(3)]
			got, _ := made.find("a.test").find(p, method)
			if want := first(routes, p, method); got != want {
				t.Fatalf("%s %s is for %s; want %s", method, p, nameOf(got), nameOf(want))
			}
		}
	}
}

func nameOf(r *route) string {
	if r == nil {
		return "none"
	}
	return r.Name
}

// first is the route of a path and a method by the order of paths.
func first(routes []*route, path, method string) (best *route) {
	var by config.Path
	for _, r := range routes {
		p, takes := r.Match(path)
		if !takes || len(r.Methods) > 0 && !slices.Contains(r.Methods, method) {
			continue
		}
		order := -1
		if best != nil {
			order = p.Before(by)
		}
		if order < 0 || order == 0 && len(r.Methods) > 0 && len(best.Methods) == 0 {
			best, by = r, p
		}
	}
	return best
}

func TestALookupAllocatesNothing(t *testing.T) {
	s := siteOf(t, "/", "=/robots.txt", "GET,HEAD /docs", "POST /docs", `~^/v[0-9]+/`)
	for _, path := range []string{"/", "/robots.txt", "/docs/a/b", "/v17/x", "/page;v=1"} {
		if n := allocs.Least(0, 100, func() { _, _ = s.walk(path, "GET") }); n != 0 {
			t.Errorf("%s: %v allocations", path, n)
		}
	}
}

// BenchmarkRouteLookupAmongPaths is a lookup among 10,000 routes of one host, of each kind.
func BenchmarkRouteLookupAmongPaths(b *testing.B) {
	var routes []*route
	for i := range 3_333 {
		routes = append(routes,
			routeAt(b, "prefix", fmt.Sprintf("/app/%d", i)),
			routeAt(b, "exact", fmt.Sprintf("GET =/app/%d/robots.txt", i)),
			routeAt(b, "method", fmt.Sprintf("POST /app/%d", i)))
	}
	routes = append(routes, routeAt(b, "rest", "/"))
	made, err := newTable(routes, config.Origin{})
	if err != nil {
		b.Fatal(err)
	}
	paths := make([]string, 64)
	for i := range paths {
		paths[i] = fmt.Sprintf("/app/%d/%s", i*51, []string{"some/page.html", "robots.txt"}[i&1])
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		if r, _ := made.find("a.test").find(paths[i&63], "GET"); r == nil {
			b.Fatal("not found")
		}
	}
}
