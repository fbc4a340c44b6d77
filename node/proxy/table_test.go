package proxy

import (
	"fmt"
	"strings"
	"testing"

	"picket/examples/allocs"
	"picket/node/config"
)

func origin(host string) config.Origin { return config.Origin{Scheme: "https", Host: host} }

// tableOf is the table of routes that are named by host and prefix.
func tableOf(t testing.TB, names ...string) *table {
	t.Helper()
	var routes []*route
	for _, name := range names {
		host, prefix, _ := strings.Cut(name, "/")
		routes = append(routes, &route{Route: &config.Route{Name: name, From: origin(host), Prefix: "/" + prefix}})
	}
	made, err := newTable(routes, origin("auth.test"))
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func (t *table) named(host, path string) string {
	s := t.find(host)
	if s == nil {
		return "no host"
	}
	r, _ := s.find(path, "GET")
	if r == nil {
		return "no route"
	}
	return r.Name
}

func TestAnApplicationIsToldTheOriginThatWasAskedFor(t *testing.T) {
	for _, c := range []struct {
		of         config.Origin
		host, told string
	}{
		{origin("wiki.test"), "wiki.test", "wiki.test"},
		{config.Origin{Scheme: "https", Host: "wiki.test", Port: "8443"}, "wiki.test", "wiki.test:8443"},
		{origin("[::1]"), "::1", "[::1]"},
		{origin("*.apps.test"), "a.b.apps.test", "a.b.apps.test"},
		{config.Origin{Scheme: "http", Host: "*.localhost", Port: "8080"}, "a.localhost", "a.localhost:8080"},
	} {
		made, err := newTable([]*route{{Route: &config.Route{Name: "r", From: c.of, Prefix: "/"}}}, config.Origin{})
		if err != nil {
			t.Fatal(err)
		}
		s := made.find(c.host)
		told := s.tell(nil, s.at(c.host))
		scheme, _ := told.Get("X-Forwarded-Proto")
		host, _ := told.Get("X-Forwarded-Host")
		if scheme != c.of.Scheme || host != c.told || len(told) != 2 {
			t.Errorf("%s at %s: %v", c.of, c.host, told)
		}
	}
}

func TestTheLongestPrefixOfTheNearestHostWins(t *testing.T) {
	routes := tableOf(t, "a.test/", "a.test/docs", "a.test/docs/api/v1/", "*.test/", "*.b.test/x", "b.test/x")
	for _, c := range []struct{ host, path, want string }{
		{"a.test", "/", "a.test/"},
		{"a.test", "/doc", "a.test/"},
		{"a.test", "/docs", "a.test/docs"},
		{"a.test", "/docs/", "a.test/docs"},
		{"a.test", "/docsx", "a.test/"},
		{"a.test", "/docs/api/v2", "a.test/docs"},
		{"a.test", "/docs/api/v1", "a.test/docs/api/v1/"},
		{"a.test", "/docs/api/v1/x/y", "a.test/docs/api/v1/"},
		{"a.test", "/Docs", "a.test/"},
		{"b.test", "/x/y", "b.test/x"},
		{"b.test", "/y", "no route"},
		{"c.test", "/", "*.test/"},
		{"c.b.test", "/x", "*.b.test/x"},
		{"c.b.test", "/", "no route"},
		{"d.c.a.test", "/", "*.test/"},
		{"test", "/", "no host"},
		{"xtest", "/", "no host"},
		{"a.test.evil", "/", "no host"},
		{"auth.test", "/", "no route"},
	} {
		if got := routes.named(c.host, c.path); got != c.want {
			t.Errorf("%s%s is for %q; want %q", c.host, c.path, got, c.want)
		}
	}
}

func TestTheSiteOfAWildcardIsTheHostAskedFor(t *testing.T) {
	routes := tableOf(t, "*.b.test/", "a.test/")
	if got := routes.find("x.b.test").at("x.b.test").String(); got != "https://x.b.test" {
		t.Errorf("got %s", got)
	}
	if got := routes.find("a.test").at("a.test").String(); got != "https://a.test" {
		t.Errorf("got %s", got)
	}
}

func TestATableWithMistakesIsRefusedWithAllOfThem(t *testing.T) {
	port := origin("a.test")
	port.Port = "8443"
	_, err := newTable([]*route{
		{Route: &config.Route{Name: "one", From: origin("a.test"), Prefix: "/x/"}},
		{Route: &config.Route{Name: "two", From: origin("A.test"), Prefix: "/%78"}},
		{Route: &config.Route{Name: "three", From: port, Prefix: "/y"}},
		{Route: &config.Route{Name: "four", From: origin("a test")}},
		{Route: &config.Route{Name: "five", From: origin("a.test"), Prefix: "/.."}},
	}, config.Origin{})
	for _, want := range []string{`"two": https://A.test/%78 is taken by route "one"`, `"three"`, `"four"`, `"five"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
}

func TestALookupIsLinearInThePath(t *testing.T) {
	routes := tableOf(t, "a.test/", "a.test/a/a/a/a")
	deep := strings.Repeat("/a", 20_000)
	if n := allocs.Least(0, 10, func() { routes.named("a.test", deep) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkRouteLookup(b *testing.B) {
	const count = 10_000
	names := make([]string, 0, count)
	for i := range count {
		names = append(names, fmt.Sprintf("host-%d.example.com/app/%d", i%500, i/500))
	}
	routes := tableOf(b, names...)
	hosts := make([]string, 64)
	paths := make([]string, 64)
	for i := range hosts {
		hosts[i], paths[i] = fmt.Sprintf("host-%d.example.com", i*7%500), fmt.Sprintf("/app/%d/some/page.html", i%20)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		s := routes.find(hosts[i&63])
		if r, _ := s.find(paths[i&63], "GET"); r == nil {
			b.Fatal("not found")
		}
	}
}

func TestAParameterDoesNotLeadAroundAnotherRoute(t *testing.T) {
	s := tableOf(t, "a.test/", "a.test/admin", "a.test/x/y").find("a.test")
	for path, clear := range map[string]bool{
		"/admin;x":        false,
		"/admin;x/y":      false,
		"/admin%3Bx/y":    false,
		"/x;p/y":          false,
		"/x/y;p/z":        false,
		"/other;x/admin":  true,
		"/admin/a;x":      true,
		"/page;v=1/admin": true,
		"/;admin":         true,
		"/;x/admin":       false, // servers drop the parameter, and merge the slashes
		"/;/;x/admin":     false,
		"/%3Bx/admin":     false,
		"/x/;p/y":         false,
	} {
		if _, to := s.find(path, "GET"); (to != unclear) != clear {
			t.Errorf("%s leads to %v", path, to)
		}
	}
}
