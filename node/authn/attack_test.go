package authn

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"picket/node/config"
)

func TestIDTokensThatAreWrongSignNobodyIn(t *testing.T) {
	w := newWorld(t)
	without := func(name string) func(map[string]any) { return func(c map[string]any) { delete(c, name) } }
	with := func(name string, v any) func(map[string]any) { return func(c map[string]any) { c[name] = v } }
	now := w.clock.Now()
	for what, claims := range map[string]func(map[string]any){
		"no iss": without("iss"), "no sub": without("sub"), "no aud": without("aud"), "no exp": without("exp"), "no iat": without("iat"),
		"no nonce": without("nonce"), "wrong nonce": with("nonce", newID()), "wrong iss": with("iss", "https://evil.example"),
		"other audience": with("aud", "somebody"), "audience by prefix": with("aud", "picket-corporate"),
		"several audiences without azp": with("aud", []string{"picket-corp", "other"}),
		"azp of another":                func(c map[string]any) { c["aud"], c["azp"] = []string{"picket-corp", "other"}, "other" },
		"azp that is no text":           with("azp", 7), "expired": with("exp", now.Add(-time.Minute).Unix()), "exp as text": with("exp", "tomorrow"),
		"from the future": with("iat", now.Add(time.Hour).Unix()), "empty sub": with("sub", ""), "sub of no text": with("sub", 7),
		"long sub": with("sub", strings.Repeat("a", 300)), "not yet": with("nbf", now.Add(time.Hour).Unix()),
		"at_hash of another token": with("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"), "at_hash of no text": with("at_hash", 7),
		"c_hash of another code": with("c_hash", "AAAAAAAAAAAAAAAAAAAAAA"), "too much": with("x", strings.Repeat("a", maxClaims)),
		"iss by another case": func(c map[string]any) { c["ISS"] = c["iss"]; delete(c, "iss") },
	} {
		w.idp.set(func() { w.idp.claims = claims })
		refusedBy(t, w, what)
	}
}

func TestATokenMayNameTheCodeAndTheAccessTokenThatItIsFor(t *testing.T) {
	w := newWorld(t)
	w.idp.set(func() {
		w.idp.token = func(rw http.ResponseWriter, r *http.Request) {
			code := r.PostFormValue("code")
			w.idp.set(func() {
				w.idp.claims = func(c map[string]any) {
					c["at_hash"], c["c_hash"] = halfHash("ES256", "access-alice"), halfHash("ES256", code)
				}
			})
			w.idp.honest(rw, r)
		}
	})
	if err := endOf(w); err != nil {
		t.Error(err)
	}
}

func TestSignaturesThatAreWrongSignNobodyIn(t *testing.T) {
	w := newWorld(t)
	other := newIDP(t, w.clock.Now)
	jwk := jose.JSONWebKey{Key: w.idp.key.Public(), KeyID: "k1"}
	public, err := jwk.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	for what, sign := range map[string]func([]byte) string{
		"another's key": func(p []byte) string { return signed(jose.ES256, jose.JSONWebKey{Key: other.key, KeyID: "k1"}, p) },
		"HS256 with the client secret": func(p []byte) string {
			return signed(jose.HS256, []byte(strings.Repeat("a secret: with+signs", 2)), p)
		},
		"HS256 with the public key": func(p []byte) string { return signed(jose.HS256, public, p) },
		"none": func(p []byte) string {
			return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + base64.RawURLEncoding.EncodeToString(p) + "."
		},
		"no signature": func(p []byte) string {
			good := signed(jose.ES256, jose.JSONWebKey{Key: w.idp.key, KeyID: "k1"}, p)
			return good[:strings.LastIndexByte(good, '.')+1]
		},
		"nothing": func([]byte) string { return "" }, "noise": func([]byte) string { return "a.b.c" },
	} {
		w.idp.set(func() { w.idp.sign = sign })
		refusedBy(t, w, what)
	}
}

func TestTokenAnswersThatAreWrongSignNobodyIn(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("led to another host")
	}))
	defer elsewhere.Close()
	w := newWorld(t)
	for what, token := range map[string]http.HandlerFunc{
		"huge": func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Type", "application/json")
			_, _ = fmt.Fprintf(rw, `{"access_token":"a","x":"%s"}`, strings.Repeat("a", 2*answerLimit))
		},
		"redirect": func(rw http.ResponseWriter, r *http.Request) {
			http.Redirect(rw, r, elsewhere.URL, http.StatusTemporaryRedirect)
		},
		"redirect by GET": func(rw http.ResponseWriter, r *http.Request) {
			http.Redirect(rw, r, elsewhere.URL, http.StatusSeeOther)
		},
		"not JSON":    func(rw http.ResponseWriter, _ *http.Request) { _, _ = rw.Write([]byte("<html>")) },
		"empty":       func(rw http.ResponseWriter, _ *http.Request) { answer(rw, map[string]any{}) },
		"no ID token": func(rw http.ResponseWriter, _ *http.Request) { answer(rw, map[string]any{"access_token": "a"}) },
		"refusal":     func(rw http.ResponseWriter, _ *http.Request) { refuse(rw, "invalid_grant") },
		"torn": func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Length", "1000")
			_, _ = rw.Write([]byte(`{"access_`))
		},
	} {
		b := w.browser("alice")
		w.idp.set(func() { w.idp.token = nil })
		w.clock.pass(restMost) // the provider has rested
		q := b.toCallback(wikiHost, "wiki", "/")
		w.idp.set(func() { w.idp.token = token })
		if _, err := b.callback(q); !errors.Is(err, ErrProvider) {
			t.Errorf("%s: got %v, want a failed provider", what, err)
		}
		b.is(authHost, Absent)
	}
}

func TestUserinfoThatIsWrongSignsNobodyIn(t *testing.T) {
	w := newWorld(t)
	for what, userinfo := range map[string]func(map[string]any){
		"of somebody else": func(c map[string]any) { c["sub"] = "bob" },
		"of nobody":        func(c map[string]any) { delete(c, "sub") },
		"too much":         func(c map[string]any) { c["x"] = strings.Repeat("a", maxClaims) },
	} {
		w.idp.set(func() { w.idp.userinfo = userinfo })
		refusedBy(t, w, what)
	}
}

func TestUserinfoOnlyFillsWhatTheIDTokenLeavesOut(t *testing.T) {
	w := newWorld(t)
	w.idp.set(func() {
		w.idp.claims = func(c map[string]any) { c["email"], c["email_verified"] = "signed@example.com", false }
		w.idp.userinfo = func(c map[string]any) { c["acr"], c["groups"] = "forged", []any{"a", 7, "", "b"} }
	})
	b := w.browser("alice")
	b.visit(wikiHost, "wiki", "/")
	c, _ := b.who(wikiHost)
	if c.User.Email != "signed@example.com" || c.User.EmailVerified || c.User.Name != "Alice" || c.Session.ACR != "phr" {
		t.Errorf("user %+v, session %+v", c.User, c.Session)
	}
	if fmt.Sprint(c.Groups.Names) != "[a b]" {
		t.Errorf("groups are %q", c.Groups.Names)
	}
}

func TestASubjectIsText(t *testing.T) {
	w := newWorld(t)
	for _, sub := range []string{"alice\x00", "alice\nbob", "\x7f", "alice\u009b2J", "alice\ufffd"} { // the last: as what is no Unicode is read
		w.idp.set(func() {
			is := func(c map[string]any) { c["sub"] = sub }
			w.idp.claims, w.idp.userinfo = is, is
		})
		refusedBy(t, w, fmt.Sprintf("%q", sub))
	}
}

func TestOneAddressIsNotVerifiedByAnother(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		token, info map[string]any
		want        bool
	}{
		{map[string]any{"email": "a@example.com"}, map[string]any{"email": "b@example.com", "email_verified": true}, false},
		{map[string]any{"email": "a@example.com"}, map[string]any{"email": "a@example.com", "email_verified": true}, true},
		{map[string]any{"email": []string{"a"}}, map[string]any{"email": []string{"a"}, "email_verified": true}, false},
		{map[string]any{"email": "a@example.com"}, map[string]any{"email": "A@example.com", "email_verified": true}, true},
		{map[string]any{"email": "a@example.com"}, map[string]any{"email_verified": true}, true},
		{map[string]any{"email": "a@example.com", "email_verified": true}, map[string]any{"email": "b@example.com"}, true},
		{nil, map[string]any{"email": "b@example.com", "email_verified": true}, true},
	} {
		w.idp.set(func() {
			w.idp.claims = func(all map[string]any) { maps.Copy(all, c.token) }
			w.idp.userinfo = func(all map[string]any) {
				delete(all, "email")
				delete(all, "email_verified")
				maps.Copy(all, c.info)
			}
		})
		b := w.browser("alice")
		b.visit(wikiHost, "wiki", "/")
		if who, _ := b.who(wikiHost); who.User.EmailVerified != c.want {
			t.Errorf("token %v, userinfo %v: %q is verified: %v", c.token, c.info, who.User.Email, who.User.EmailVerified)
		}
	}
}

func TestMetadataThatIsWrongIsRefused(t *testing.T) {
	for what, change := range map[string]func(map[string]any){
		"another issuer":        func(m map[string]any) { m["issuer"] = "https://evil.example" },
		"issuer with a slash":   func(m map[string]any) { m["issuer"] = m["issuer"].(string) + "/" },
		"no token endpoint":     func(m map[string]any) { delete(m, "token_endpoint") },
		"script":                func(m map[string]any) { m["authorization_endpoint"] = "javascript:alert(1)" },
		"someone in the URL":    func(m map[string]any) { m["token_endpoint"] = "http://a:b@127.0.0.1/" },
		"symmetric only":        func(m map[string]any) { m["id_token_signing_alg_values_supported"] = []string{"HS256", "none"} },
		"more than we read":     func(m map[string]any) { m["x"] = strings.Repeat("a", 2*answerLimit) },
		"an endpoint of a file": func(m map[string]any) { m["end_session_endpoint"] = "file:///etc/passwd" },
	} {
		t.Run(what, func(t *testing.T) {
			server := newIDP(t, time.Now)
			server.metadata = change
			id := server.identity("corp")
			p, err := newProvider(&id, "https://auth.example.com", time.Now)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.metadata(t.Context()); !errors.Is(err, ErrProvider) {
				t.Errorf("got %v, want a failed provider", err)
			}
			if s := p.status(); s.Reachable || s.Error == "" || s.Since.IsZero() {
				t.Errorf("status is %+v", s)
			}
		})
	}
}

func TestPlainEndpointsOfASecureIssuerAreRefused(t *testing.T) {
	m := metadata{
		Issuer: "https://idp.example", Authorize: "https://idp.example/a", Token: "http://idp.example/t", Keys: "https://idp.example/k",
	}
	if err := m.check(&config.Identity{Issuer: m.Issuer}); err == nil {
		t.Error("took a token endpoint without TLS")
	}
}

func TestAProviderThatIsDownIsAskedSeldomAndComesBack(t *testing.T) {
	w := newWorld(t)
	w.clock.stand()
	w.idp.set(func() { w.idp.down = true })
	fresh := w.node()
	b := w.browser("alice")
	request := b.begin(wikiHost, "wiki", "/")
	if _, err := fresh.SignIn(w.ctx, SignInRequest{Sealed: request}); !errors.Is(err, ErrProvider) || Again(err) != "https://wiki.example.com/" {
		t.Fatalf("got %v, want a failed provider", err)
	}
	w.idp.set(func() { w.idp.down = false })
	if _, err := fresh.SignIn(w.ctx, SignInRequest{Sealed: request}); !errors.Is(err, ErrProvider) {
		t.Errorf("asked again at once: %v", err)
	}
	w.clock.pass(restMost)
	if _, err := fresh.SignIn(w.ctx, SignInRequest{Sealed: request}); err != nil {
		t.Errorf("did not come back: %v", err)
	}
	if s := fresh.Providers()[0]; !s.Reachable || s.Error != "" {
		t.Errorf("status is %+v", s)
	}
}

func TestAProviderThatIsDownChangesNothingForThoseSignedIn(t *testing.T) {
	w := newWorld(t)
	b := w.browser("alice")
	b.visit(wikiHost, "wiki", "/")
	w.idp.server.Close()
	b.is(wikiHost, Found)
	if _, err := b.redeem(gitHost, b.codeAtOnce(gitHost, "git", "/")); err != nil {
		t.Errorf("hand-over: %v", err)
	}
}

func TestAuthParamsCannotReplaceOurs(t *testing.T) {
	w := newWorld(t)
	id := w.idp.identity("corp")
	for _, name := range reserved {
		id.AuthParams = map[string]string{name: "x"}
		if _, err := newProvider(&id, "https://auth.example.com", time.Now); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

// refusedBy fails the test unless a sign-in ends with a provider that failed, and with no session.
func refusedBy(t *testing.T, w *world, what string) {
	t.Helper()
	b := w.browser("alice")
	if _, err := b.callback(b.toCallback(wikiHost, "wiki", "/")); !errors.Is(err, ErrProvider) {
		t.Errorf("%s: got %v, want a failed provider", what, err)
	}
	b.is(authHost, Absent)
}
