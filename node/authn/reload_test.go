package authn

import (
	"slices"
	"testing"
	"time"

	"picket/node/config"
)

// with is the world's Authn under a changed configuration, put in force.
func (w *world) with(change func(*config.Config)) *Authn {
	w.t.Helper()
	c := *w.config
	c.Routes, c.Identities = slices.Clone(c.Routes), slices.Clone(c.Identities)
	change(&c)
	a, err := w.With(&c)
	if err != nil {
		w.t.Fatal(err)
	}
	a.Use()
	return a
}

func TestAnAssertionIsMadeAnewWhereTheConfigurationOfItChanged(t *testing.T) {
	w := newWorld(t)
	b := w.browser("bob")
	b.visit(wikiHost, "wiki", "/")
	who, _ := b.who(wikiHost)
	route := &w.config.Routes[0]
	first := asserted(t, w, b, route)
	token := func(a *Authn) string {
		t.Helper()
		got, err := a.assertion(who, a.route(route.Name), a.ring.present.Load(), a.now())
		if err != nil {
			t.Fatal(err)
		}
		return got.token
	}
	if got := token(w.with(func(*config.Config) {})); got != first {
		t.Error("a configuration that says the same signs anew")
	}
	for what, change := range map[string]func(*config.Route){
		"claims":    func(r *config.Route) { r.Assertion.Claims = []string{"email"} },
		"no claims": func(r *config.Route) { r.Assertion.Claims = []string{} },
		"audience":  func(r *config.Route) { r.Assertion.Audience = "elsewhere" },
		"lifetime":  func(r *config.Route) { r.Assertion.Lifetime = time.Second },
		"host":      func(r *config.Route) { r.From.Port = "8443" },
	} {
		before := token(w.with(func(*config.Config) {}))
		got := token(w.with(func(c *config.Config) { change(&c.Routes[0]) }))
		if got == before {
			t.Errorf("%s changed, and the assertion is of before", what)
		}
	}
	c := checked(t, w.Authn, token(w.with(func(c *config.Config) { c.Routes[0].Assertion.Claims = []string{"email"} })))
	if c["email"] != "bob@example.com" || c["groups"] != nil {
		t.Errorf("it claims %v", c)
	}
}

func TestWhatIsKnownOfAProviderStaysKnown(t *testing.T) {
	w := newWorld(t)
	name := w.config.Identities[0].Name
	known := w.Authn.providers[name]
	if got := w.with(func(*config.Config) {}); got.providers[name] != known {
		t.Error("nothing changed, and it is forgotten")
	}
	for what, change := range map[string]func(*config.Config){
		"secret": func(c *config.Config) { c.Identities[0].ClientSecret = "another" },
		"host":   func(c *config.Config) { c.Authenticate.URL.Port = "8443" },
	} {
		if got := w.with(change); got.providers[name] == known {
			t.Errorf("another %s, and it is asked as before", what)
		}
	}
	if got := w.with(func(c *config.Config) { c.Identities = nil }); len(got.Providers()) != 0 || len(w.Authn.Providers()) == 0 {
		t.Error("what is in force and what was are one")
	}
}
