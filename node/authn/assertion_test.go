package authn

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"picket/node/config"
)

// checked verifies an assertion as an upstream does, and gives its claims.
func checked(t *testing.T, a *Authn, token string) map[string]any {
	t.Helper()
	jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	var keys jose.JSONWebKeySet
	if err := json.Unmarshal(a.JWKS(), &keys); err != nil {
		t.Fatal(err)
	}
	header := jws.Signatures[0].Header
	if header.ExtraHeaders["typ"] != "JWT" || len(keys.Key(header.KeyID)) != 1 || !keys.Key(header.KeyID)[0].IsPublic() {
		t.Fatalf("header is %+v", header)
	}
	payload, err := jws.Verify(keys.Key(header.KeyID)[0])
	if err != nil {
		t.Fatal(err)
	}
	c := map[string]any{}
	if err := json.Unmarshal(payload, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func asserted(t *testing.T, w *world, b *browser, r *config.Route) string {
	t.Helper()
	c, _ := b.who(wikiHost)
	made, err := w.assertion(c, r, w.ring.present.Load(), w.now())
	if err != nil {
		t.Fatal(err)
	}
	return made.token
}

func TestAnAssertionSaysWhoForWhomAndUntilWhen(t *testing.T) {
	w := newWorld(t, func(c *config.Config) {
		c.Routes[0].Assertion = config.Assertion{Audience: "wiki", Lifetime: time.Minute}
	})
	w.idp.set(func() { w.idp.people["bob"]["groups"] = nil })
	b := w.browser("bob")
	b.visit(wikiHost, "wiki", "/")
	who, _ := b.who(wikiHost)
	c := checked(t, w.node(), asserted(t, w, b, &w.config.Routes[0])) // another node's JWKS
	for name, want := range map[string]any{
		"iss": "https://auth.example.com", "aud": "wiki", "sub": who.User.ID, "sid": who.Session.ID, "email": "bob@example.com", "name": "Bob",
	} {
		if c[name] != want {
			t.Errorf("%s is %v, want %v", name, c[name], want)
		}
	}
	if groups, ok := c["groups"].([]any); !ok || len(groups) != 0 {
		t.Errorf("groups are %v, want an empty list", c["groups"])
	}
	if c["jti"] == "" || c["exp"].(float64)-c["iat"].(float64) != 60 {
		t.Errorf("claims are %v", c)
	}
}

func TestAnAssertionTellsOnlyWhatTheRouteAsksFor(t *testing.T) {
	w := newWorld(t, func(c *config.Config) { c.Routes[0].Assertion.Claims = []string{"email_verified", "department", "iss"} })
	w.idp.set(func() { w.idp.people["alice"]["department"] = "docs" })
	b := w.browser("alice")
	b.visit(wikiHost, "wiki", "/")
	c := checked(t, w.Authn, asserted(t, w, b, &w.config.Routes[0]))
	if c["department"] != "docs" || c["email_verified"] != true || c["email"] != nil || c["groups"] != nil || c["iss"] != "https://auth.example.com" {
		t.Errorf("claims are %v", c)
	}
}

func TestAnAssertionIsMadeAnewAtHalfItsLifeAndWhenTheGroupsChange(t *testing.T) {
	w := newWorld(t)
	b := w.browser("alice")
	b.visit(wikiHost, "wiki", "/")
	wiki, git := &w.config.Routes[0], &w.config.Routes[1]
	first := asserted(t, w, b, wiki)
	if asserted(t, w, b, wiki) != first {
		t.Error("made anew at once")
	}
	if asserted(t, w, b, git) == first {
		t.Error("one assertion for two routes")
	}
	w.clock.pass(defaultAssertionLife/2 + time.Second)
	second := asserted(t, w, b, wiki)
	if second == first {
		t.Error("not made anew at half its life")
	}
	c, _ := b.who(wikiHost)
	if err := w.describeGroups(w.ctx, c.User.ID, "corp", []string{"other"}); err != nil {
		t.Fatal(err)
	}
	w.until("it has the new groups", func() bool {
		groups := checked(t, w.Authn, asserted(t, w, b, wiki))["groups"].([]any)
		return len(groups) == 1 && groups[0] == "other"
	})
}

func TestAnAssertionEndsWithItsSession(t *testing.T) {
	w := newWorld(t)
	b := w.browser("alice")
	b.visit(wikiHost, "wiki", "/")
	w.clock.pass(14*time.Hour - time.Minute)
	c, _ := b.who(wikiHost)
	if exp := checked(t, w.Authn, asserted(t, w, b, &w.config.Routes[0]))["exp"].(float64); int64(exp) > c.Session.Expires.Unix() {
		t.Errorf("good until %v, the session until %v", exp, c.Session.Expires.Unix())
	}
}

func TestNobodyIsVouchedFor(t *testing.T) {
	w := newWorld(t)
	if _, err := w.Vouch(Caller{}, &w.config.Routes[0], w.now(), assertionAlone); err == nil {
		t.Error("nobody was vouched for")
	}
}

func TestKeysAreRotatedAndThoseBeforeStillVerify(t *testing.T) {
	w := newWorld(t)
	b := w.browser("alice")
	second := w.node()
	b.visit(wikiHost, "wiki", "/")
	old := asserted(t, w, b, &w.config.Routes[0])
	before, next := w.ring.present.Load().id, string(w.JWKS())
	w.clock.pass(keyLife)
	for _, a := range []*Authn{w.Authn, second} {
		if err := a.loadKeys(w.ctx); err != nil {
			t.Fatal(err)
		}
	}
	now := w.ring.present.Load()
	if now.id == before || second.ring.present.Load().id != now.id {
		t.Errorf("was %s, is %s here and %s there", before, now.id, second.ring.present.Load().id)
	}
	var published jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(next), &published); err != nil || len(published.Key(now.id)) != 1 {
		t.Errorf("the key that signs now was not published before: %v", err)
	}
	checked(t, second, old)
	if len(w.JWKS()) == 0 || string(w.JWKS()) != string(second.JWKS()) {
		t.Error("nodes publish different keys")
	}
}

func TestARotationReachesTheOtherNodes(t *testing.T) {
	w := newWorld(t)
	second := w.node()
	e, err := w.keys.Get(w.ctx, keysName)
	if err != nil {
		t.Fatal(err)
	}
	turned, err := e.Value.turned(w.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.keys.Update(w.ctx, keysName, turned, e.Revision, 0); err != nil {
		t.Fatal(err)
	}
	for _, a := range []*Authn{w.Authn, second} {
		w.until("the rotated key signs", func() bool { return a.ring.present.Load().id == turned.Current.ID })
	}
}

func TestAnAssertionThatIsMadeAfterAWaitIsGoodFromThenOn(t *testing.T) {
	w := newWorld(t, func(c *config.Config) {
		c.Routes[0].Assertion = config.Assertion{Header: "X-Assertion", Lifetime: 10 * time.Second}
	})
	b, _, _ := visited(t, w)
	c, _ := b.who(wikiHost)
	came := w.now()
	w.clock.pass(12 * time.Second)
	least := w.now().Add(10 * time.Second).Unix()
	token, err := w.Vouch(c, &w.config.Routes[0], came, assertionAlone)
	if err != nil {
		t.Fatal(err)
	}
	if got := int64(checked(t, w.Authn, token.(string))["exp"].(float64)); got < least {
		t.Errorf("it is good until %d, want %d at least", got, least)
	}
}
