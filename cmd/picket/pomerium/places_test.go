package pomerium_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"picket/cmd/picket/pomerium"
	"picket/node/config"
	"picket/policy"
)

// where is a route of Pomerium's on one host, for the members of a group of its own.
type where struct{ setting, value string }

func (w where) matches(path string) bool {
	switch w.setting {
	case "path":
		return path == w.value
	case "regex":
		return regexp.MustCompile("^(?:" + w.value + ")$").MatchString(path)
	}
	return strings.HasPrefix(path, w.value)
}

// first is the route that Pomerium takes for a path; -1: none.
func first(routes []where, path string) int {
	best := -1
	for i, w := range routes {
		if w.matches(path) && (best < 0 || before(w, routes[best])) {
			best = i
		}
	}
	return best
}

// before tells whether Pomerium looks at a before b: exact paths, then regular expressions, then prefixes, each from the
// end of the alphabet.
func before(a, b where) bool {
	order := []string{"path", "regex", "prefix"}
	if a.setting != b.setting {
		return slices.Index(order, a.setting) < slices.Index(order, b.setting)
	}
	return a.value > b.value
}

// TestNoRequestPassesByAnotherPolicy makes routes at random places of one host and asks for paths: who passes is a
// member of the group of the route that Pomerium would have taken, and the request goes where it went.
func TestNoRequestPassesByAnotherPolicy(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	places := []where{
		{"prefix", "/"}, {"prefix", "/a"}, {"prefix", "/a/"}, {"prefix", "/a/b"}, {"prefix", "/ab"}, {"prefix", "/b"},
		{"path", "/"}, {"path", "/a"}, {"path", "/a/b"}, {"path", "/a/b/"}, {"path", "/b"},
		{"regex", "/a/.*"}, {"regex", "^/a/[a-c]$"}, {"regex", "/(a|b)/.*"}, {"regex", "/.*b"}, {"regex", "^/a/b"},
	}
	paths := []string{"/", "/a", "/a/", "/ab", "/ab/c", "/a/b", "/a/b/", "/a/bc", "/a/c", "/a/b/c", "/b", "/b/a", "/bb", "/c", "/a/b/b"}
	carried := 0
	for range 150 {
		routes := slices.Clone(places)
		random.Shuffle(len(routes), func(i, j int) { routes[i], routes[j] = routes[j], routes[i] })
		routes = routes[:1+random.IntN(6)]
		c := loadRoutes(t, routes)
		for _, path := range paths {
			for group := range routes {
				to, passes := served(c, path, fmt.Sprint("g", group))
				if !passes {
					continue
				}
				carried++
				want := first(routes, path)
				if want < 0 && path == "/a" {
					continue // the notes say so: there is no other route that it could be
				}
				if want != group || to != fmt.Sprintf("http://10.0.0.%d", want) {
					t.Fatalf("%v: %s passes for the group of %d to %s, and was of %d", routes, path, group, to, want)
				}
			}
		}
	}
	if carried < 500 {
		t.Errorf("only %d requests pass: the import closes too much for this test to say anything", carried)
	}
}

func loadRoutes(t *testing.T, routes []where) *config.Config {
	t.Helper()
	var b strings.Builder
	b.WriteString("authenticate_service_url: https://auth.example.com\nidp_provider: google\nidp_client_id: picket\nroutes:\n")
	for i, w := range routes {
		fmt.Fprintf(&b, "  - {from: https://a.example.com, to: http://10.0.0.%d, %s: %q, policy: {allow: {or: [{groups: g%d}]}}}\n", i, w.setting, w.value, i)
	}
	result, err := pomerium.Import("in.yaml", []byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	c, problems := load(t, result.HCL)
	if problems.Failed() {
		t.Fatalf("%s\n%s", problems.Error(), result.HCL)
	}
	return c
}

// served is what picket does with a request of a member of a group: it takes the route with the most specific path, all of
// whose policies must admit.
func served(c *config.Config, path, group string) (to string, passes bool) {
	var taken *config.Route
	var by config.Path
	for i := range c.Routes {
		p, takes := c.Routes[i].Match(path)
		if takes && (taken == nil || p.Before(by) < 0) {
			taken, by = &c.Routes[i], p
		}
	}
	if taken == nil {
		return "", false
	}
	in := &policy.Input{Authenticated: true, User: policy.User{ID: "u", Groups: []string{group}}, Request: policy.Request{Path: path}}
	for _, name := range taken.Policies {
		if !c.Policies.Evaluate(name, in).Allowed() {
			return "", false
		}
	}
	return taken.To[0], true
}
