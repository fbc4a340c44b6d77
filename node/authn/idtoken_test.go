package authn

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

func TestIDTokensThatTwoReadersCouldReadDifferentlySignNobodyIn(t *testing.T) {
	w := newWorld(t)
	good := func(p []byte) string { return typed(w.idp, "JWT", p) }
	with := func(member string) func([]byte) string {
		return func(p []byte) string {
			return good(append(append(bytes.TrimSuffix(p, []byte("}")), ","+member...), '}'))
		}
	}
	for what, sign := range map[string]func([]byte) string{
		"a second email":                   with(`"email":"eve@example.com"`),
		"a second email, spelt by escapes": with(`"acr":"a","\u0061cr":"b"`),
		"another acr, and first":           func(p []byte) string { return good(append([]byte(`{"acr":"low",`), p[1:]...)) },
		"another address":                  with(`"address":{"locality":"Bonn"},"address":{"locality":"Köln"}`),
		"a second header":                  func(p []byte) string { return resigned(w.idp, `{"alg":"ES256","kid":"k1","kid":"k1"}`, p) },
		"a list":                           func([]byte) string { return good([]byte(`["iss"]`)) },
		"cut off":                          func(p []byte) string { return good(p[:len(p)-1]) },
		"the JSON form":                    func(p []byte) string { return spread(good(p)) },
		"a space before it":                func(p []byte) string { return " " + good(p) },
		"an access token":                  func(p []byte) string { return typed(w.idp, "at+jwt", p) },
		"a logout token":                   func(p []byte) string { return typed(w.idp, "application/Logout+JWT", p) },
		"a security event":                 func(p []byte) string { return typed(w.idp, "secevent+jwt", p) },
	} {
		w.idp.set(func() { w.idp.claims = func(c map[string]any) { c["email"] = "alice@example.com" }; w.idp.sign = sign })
		if err := endOf(w); !errors.Is(err, ErrAnswer) {
			t.Errorf("%s: got %v, want an answer that is not acceptable", what, err)
		}
	}
	for _, sign := range []func([]byte) string{
		good,
		with(`"address":{"locality":"Bonn"},"address":{"locality":"Bonn"}`), // as some releases of Keycloak have it
	} {
		w.idp.set(func() { w.idp.sign = sign })
		b := w.browser("alice")
		b.visit(wikiHost, "wiki", "/")
		b.is(wikiHost, Found)
	}
}

func TestWhoAnsweredWronglyIsNotSaidToBeSilent(t *testing.T) {
	w := newWorld(t)
	other := newIDP(t, w.clock.Now)
	for what, turn := range map[string]func(){
		"another issuer":   func() { w.idp.claims = func(c map[string]any) { c["iss"] = "https://evil.example" } },
		"another audience": func() { w.idp.claims = func(c map[string]any) { c["aud"] = "somebody" } },
		"another's key": func() {
			w.idp.sign = func(p []byte) string { return signed(jose.ES256, jose.JSONWebKey{Key: other.key, KeyID: "k1"}, p) }
		},
		"a code that it does not know": func() { w.idp.token = func(rw http.ResponseWriter, _ *http.Request) { refuse(rw, "invalid_grant") } },
	} {
		w.idp.set(func() { w.idp.claims, w.idp.sign, w.idp.token = nil, nil, nil; turn() })
		if err := endOf(w); !errors.Is(err, ErrAnswer) || !errors.Is(err, ErrProvider) {
			t.Errorf("%s: got %v, want an answer that is not acceptable", what, err)
		}
	}
}

func TestWhoDoesNotAnswerIsSaidToBeSilent(t *testing.T) {
	for what, turn := range map[string]func(p *idp){
		"its keys": func(p *idp) {
			p.sign = func(text []byte) string {
				p.down = true // before it is asked for its keys
				return typed(p, "JWT", text)
			}
		},
		"its tokens": func(p *idp) {
			p.token = func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusServiceUnavailable) }
		},
		"its tokens for now": func(p *idp) {
			p.token = func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusTooManyRequests) }
		},
	} {
		t.Run(what, func(t *testing.T) {
			w := newWorld(t)
			w.idp.set(func() { turn(w.idp) })
			if err := endOf(w); errors.Is(err, ErrAnswer) || !errors.Is(err, ErrProvider) {
				t.Errorf("got %v, want a provider that does not answer", err)
			}
		})
	}
}

// endOf is how a sign-in of alice ends.
func endOf(w *world) error {
	b := w.browser("alice")
	_, err := b.callback(b.toCallback(wikiHost, "wiki", "/"))
	return err
}

// typed signs a token as the provider does, with a typ.
func typed(p *idp, typ string, payload []byte) string {
	head, _ := json.Marshal(map[string]string{"alg": "ES256", "kid": "k1", "typ": typ})
	return resigned(p, string(head), payload)
}

// resigned signs a token as the provider does, with a header that is given.
func resigned(p *idp, header string, payload []byte) string {
	text := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString(payload)
	sum := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, p.key, sum[:])
	if err != nil {
		panic(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
}

// spread is a token in the JSON form.
func spread(token string) string {
	parts := strings.Split(token, ".")
	text, _ := json.Marshal(map[string]string{"protected": parts[0], "payload": parts[1], "signature": parts[2]})
	return string(text)
}

func FuzzFormOfAnIDToken(f *testing.F) {
	for _, s := range []string{`{"a":1}`, `{"a":1,"a":2}`, `{"a":{"b":1,"b":2}}`, `{`, `[]`, `{"a"`, `{"a":1}}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		members, err := once([]byte(s))
		if err != nil {
			return
		}
		var read map[string]any
		if err := json.Unmarshal([]byte(s), &read); err != nil || len(read) != len(members) {
			t.Errorf("%q was read as %d members; it has %d, %v", s, len(members), len(read), err)
		}
		_ = form(base64.RawURLEncoding.EncodeToString([]byte(s)) + ".e30.")
	})
}
