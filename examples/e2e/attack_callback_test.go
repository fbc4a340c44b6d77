//go:build e2e

package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestACallbackServesOnceAndOnlyTheBrowserThatBegan(t *testing.T) {
	c := startCluster(t)
	t.Run("the provider's answer, replayed", func(t *testing.T) {
		alice := c.visit(t)
		back, handOver := c.signInStepByStep(t, alice, "alice")
		alice.open(t, handOver)
		alice.isSignedInAs(t, "alice")
		c.refusesStep(t, alice, back)
		alice.isSignedInAs(t, "alice") // nothing is lost by it
		c.refusesStep(t, c.visit(t), back)
	})
	t.Run("the hand-over, replayed", func(t *testing.T) {
		alice := c.visit(t)
		_, handOver := c.signInStepByStep(t, alice, "alice")
		alice.open(t, handOver)
		c.refusesStep(t, alice, handOver)
		c.refusesStep(t, c.visit(t), handOver)
		alice.isSignedInAs(t, "alice")
	})
	t.Run("the provider's answer, in another browser", func(t *testing.T) {
		mallory, alice := c.visit(t), c.visit(t)
		back := mallory.pick(t, mallory.open(t, c.url("app")+"/"), "mallory", c.isCallback)
		c.refusesStep(t, alice, back.next.String())
		alice.open(t, c.url("app")+"/") // with a sign-in of her own under way
		c.refusesStep(t, alice, back.next.String())
	})
	t.Run("the hand-over, in another browser", func(t *testing.T) {
		mallory, alice := c.visit(t), c.visit(t)
		_, handOver := c.signInStepByStep(t, mallory, "bob")
		alice.open(t, c.url("app")+"/")
		c.refusesStep(t, alice, handOver)
		c.refusesStep(t, mallory, handOver) // it has been seen: it serves nobody any more
	})
	t.Run("the hand-over, at another host", func(t *testing.T) {
		alice := c.visit(t)
		alice.open(t, c.url("other")+"/")
		_, handOver := c.signInStepByStep(t, alice, "alice")
		c.refusesStep(t, alice, strings.Replace(handOver, c.url("app"), c.url("other"), 1))
	})
	t.Run("one's own state with another's code", func(t *testing.T) {
		alice, mallory := c.visit(t), c.visit(t)
		hers := alice.pick(t, alice.open(t, c.url("app")+"/"), "alice", c.isCallback).next
		his := mallory.pick(t, mallory.open(t, c.url("app")+"/"), "mallory", c.isCallback).next
		mixed := *hers
		q := hers.Query()
		q.Set("code", his.Query().Get("code"))
		mixed.RawQuery = q.Encode()
		c.refusesStep(t, alice, mixed.String())
		if c.visitsAs(t, alice) != "" {
			t.Error("alice is signed in with mallory's code")
		}
	})
	t.Run("altered, cut short, doubled or empty", func(t *testing.T) { c.refusesMangledCallbacks(t) })
}

// signInStepByStep signs in but for the last step, and gives the addresses of the last two: the provider's answer, which
// has been opened, and the hand-over, which has not.
func (c *cluster) signInStepByStep(t *testing.T, v *visitor, person string) (back, handOver string) {
	t.Helper()
	a := v.pick(t, v.open(t, c.url("app")+"/"), person, c.isCallback)
	back = a.next.String()
	a = v.until(t, asPerson(back), c.isHandOver)
	if a.next == nil {
		t.Fatalf("no hand-over: %s: %s", a, a.words())
	}
	return back, a.next.String()
}

// refusesStep opens an address of a sign-in and wants a page that says no, gives no session and leads nowhere.
func (c *cluster) refusesStep(t *testing.T, v *visitor, at string) {
	t.Helper()
	before := v.cookie(t, "app") + v.cookie(t, "other") + v.cookie(t, "auth")
	a, err := v.send(asPerson(at))
	if err != nil {
		t.Fatal(err)
	}
	if a.status < 400 || a.status >= 500 && a.status != http.StatusBadGateway || a.next != nil {
		t.Errorf("%s, want a page that refuses: %s", a, a.words())
	}
	if after := v.cookie(t, "app") + v.cookie(t, "other") + v.cookie(t, "auth"); after != before {
		t.Errorf("%s gave or took a session", a)
	}
	if strings.Contains(a.body, mustParse(at).Query().Get("code")) && mustParse(at).Query().Get("code") != "" {
		t.Error("the page repeats the code")
	}
}

// visitsAs is who the application sees; "" for nobody.
func (c *cluster) visitsAs(t *testing.T, v *visitor) string {
	t.Helper()
	who, err := v.whoami()
	if err != nil {
		return ""
	}
	return who.Email
}

func (c *cluster) refusesMangledCallbacks(t *testing.T) {
	t.Helper()
	alice := c.visit(t)
	good := alice.pick(t, alice.open(t, c.url("app")+"/"), "alice", c.isCallback).next
	state, code := good.Query().Get("state"), good.Query().Get("code")
	for name, q := range map[string]url.Values{
		"nothing":             {},
		"no state":            {"code": {code}},
		"no code":             {"state": {state}},
		"empty state":         {"state": {""}, "code": {code}},
		"empty code":          {"state": {state}, "code": {""}},
		"two states":          {"state": {state, state}, "code": {code}},
		"two codes":           {"state": {state}, "code": {code, code}},
		"a code and an error": {"state": {state}, "code": {code}, "error": {"access_denied"}},
		"state cut short":     {"state": {state[:len(state)-1]}, "code": {code}},
		"state of one letter": {"state": {"A"}, "code": {code}},
		"state prolonged":     {"state": {state + "A"}, "code": {code}},
		"state altered":       {"state": {other(state[0]) + state[1:]}, "code": {code}},
		"state altered later": {"state": {state[:len(state)/2] + other(state[len(state)/2]) + state[len(state)/2+1:]}, "code": {code}},
		"control characters":  {"state": {state + "\x00\n"}, "code": {code}},
		"another issuer":      {"state": {state}, "code": {code}, "iss": {"https://evil.example"}},
		"a page as error":     {"state": {"<script>alert(1)</script>"}, "error": {"<script>alert(1)</script>"}},
		"the code as state":   {"state": {code}, "code": {state}},
	} {
		at := *good
		at.RawQuery = q.Encode()
		c.refusesStep(t, alice, at.String())
		if a, err := alice.send(asPerson(at.String())); err == nil && strings.Contains(a.body, "<script>") {
			t.Errorf("%s: the page repeats what it was sent", name)
		}
	}
	for _, query := range []string{"%", "state=%zz&code=x", "state=" + strings.Repeat("A", 40000), ";", "state&code"} {
		at := *good
		at.RawQuery = query
		if a, err := alice.send(asPerson(at.String())); err != nil || a.status < 400 || a.status >= 500 {
			t.Errorf("query %.40q: %s, %v", query, a, err)
		}
	}
	alice.open(t, good.String()) // what was not touched is still good
	alice.isSignedInAs(t, "alice")
}
