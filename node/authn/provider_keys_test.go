package authn

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

func TestKeysThatAreNotForThisSignNobodyIn(t *testing.T) {
	w := newWorld(t)
	strong, weak := newRSA(t, 2048), newRSA(t, 1024)
	for what, c := range map[string]struct {
		key  map[string]any
		sign func(p []byte) string
		says string
	}{
		"for encryption":         {of(w.idp.key.Public(), "use", "enc"), nil, `its use is "enc"`},
		"for another algorithm":  {of(strong.Public(), "alg", "PS256"), byRSA(strong), "no key"},
		"for another operation":  {of(w.idp.key.Public(), "key_ops", []string{"deriveKey"}), nil, "key_ops"},
		"with few bits":          {of(weak.Public()), byRSA(weak), "1024 bits"},
		"with too many bits":     {of(&rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 100_000), E: 65537}), byRSA(strong), "modulus too large"},
		"of another name":        {of(w.idp.key.Public(), "kid", "../k1"), nil, "no key"},
		"private":                {of(w.idp.key), nil, "public key"},
		"of another type":        {of(strong.Public()), nil, "no key"},
		"the secret of a client": {map[string]any{"kty": "oct", "k": "c2VjcmV0", "kid": "k1"}, nil, "public key"},
	} {
		w.forgetKeys()
		w.idp.set(func() { w.idp.sign, w.idp.keysAnswer = c.sign, keysAre(c.key) })
		if err := endOf(w); !errors.Is(err, ErrAnswer) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v", what, err)
		}
	}
}

func TestAKeyThatIsUselessLeavesTheOthers(t *testing.T) {
	w := newWorld(t)
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	with := func(members ...any) map[string]any { return of(w.idp.key.Public(), members...) }
	for what, key := range map[string]any{
		"off the curve":            with("x", base64.RawURLEncoding.EncodeToString(make([]byte, 32))),
		"cut short":                with("y", "AA"),
		"a member is missing":      map[string]any{"kty": "RSA", "kid": "k1", "e": "AQAB"},
		"of a curve that is not":   with("crv", "secp256k1"),
		"of a type that is not":    map[string]any{"kty": "NTRU", "kid": "k1"},
		"without a type":           map[string]any{"kid": "k1"},
		"no object":                7,
		"null":                     nil,
		"another's certificate":    with("x5c", []string{"AAAA"}),
		"of the same name":         of(other.Public()),
		"a use that is no text":    with("use", 7),
		"operations that are none": with("key_ops", 7),
	} {
		w.forgetKeys()
		w.idp.set(func() { w.idp.keysAnswer = keysAre(key, with()) })
		if err := endOf(w); err != nil {
			t.Errorf("%s: got %v", what, err)
		}
	}
}

func TestAKeyIsFoundWhenItIsNeeded(t *testing.T) {
	w := newWorld(t)
	first := of(w.idp.key.Public())
	second := newIDP(t, w.clock.Now).key
	if err := endOf(w); err != nil {
		t.Fatal(err)
	}
	w.idp.set(func() {
		w.idp.sign = func(p []byte) string { return signed(jose.ES256, jose.JSONWebKey{Key: second, KeyID: "k2"}, p) }
		w.idp.keysAnswer = keysAre(first, of(second.Public(), "kid", "k2"))
	})
	if err := endOf(w); err != nil {
		t.Errorf("a new key: %v", err)
	}
	w.idp.set(func() {
		w.idp.sign = func(p []byte) string { return signed(jose.ES256, second, p) }
	})
	if err := endOf(w); err != nil {
		t.Errorf("a token that names no key: %v", err)
	}
}

func TestAKeyThatTheProviderTookBackIsBelievedAnHourAtMost(t *testing.T) {
	w := newWorld(t)
	w.clock.stand()
	if err := endOf(w); err != nil {
		t.Fatal(err)
	}
	w.idp.set(func() { w.idp.keysAnswer = keysAre() })
	w.clock.pass(metadataLife + time.Second)
	if err := endOf(w); !errors.Is(err, ErrAnswer) {
		t.Errorf("got %v, want an answer that is not acceptable", err)
	}
}

func TestKeysThatAreKnownServeWhileTheyCannotBeRead(t *testing.T) {
	w := newWorld(t)
	w.clock.stand()
	if err := endOf(w); err != nil {
		t.Fatal(err)
	}
	w.idp.set(func() {
		w.idp.keysAnswer = func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusBadGateway) }
	})
	w.clock.pass(metadataLife + time.Second)
	if err := endOf(w); err != nil {
		t.Errorf("got %v", err)
	}
}

func TestKeysThatCannotBeReadSignNobodyIn(t *testing.T) {
	w := newWorld(t)
	for what, answers := range map[string]http.HandlerFunc{
		"HTML":     func(rw http.ResponseWriter, _ *http.Request) { _, _ = rw.Write([]byte("<html>")) },
		"a list":   func(rw http.ResponseWriter, _ *http.Request) { _, _ = rw.Write([]byte("[]")) },
		"an error": func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusForbidden) },
		"huge": func(rw http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprintf(rw, `{"x":"%s","keys":[]}`, strings.Repeat("a", 2*answerLimit))
		},
		"elsewhere": func(rw http.ResponseWriter, r *http.Request) {
			http.Redirect(rw, r, "http://169.254.169.254/", http.StatusFound)
		},
		"round in circles": func(rw http.ResponseWriter, r *http.Request) { http.Redirect(rw, r, "/keys", http.StatusFound) },
	} {
		w.forgetKeys()
		w.idp.set(func() { w.idp.keysAnswer = answers })
		refusedBy(t, w, what)
	}
}

// forgetKeys has the node forget what it knows of its provider.
func (w *world) forgetKeys() {
	p := w.providers["corp"]
	p.mu.Lock()
	defer p.mu.Unlock()
	p.known = nil
}

// of is a key as a provider tells it, with members that are changed: names and values by turns.
func of(key any, members ...any) map[string]any {
	text, err := jose.JSONWebKey{Key: key, KeyID: "k1"}.MarshalJSON()
	if err != nil {
		panic(err)
	}
	all := map[string]any{}
	if err := json.Unmarshal(text, &all); err != nil {
		panic(err)
	}
	for i := 0; i < len(members); i += 2 {
		all[members[i].(string)] = members[i+1]
	}
	return all
}

func keysAre(all ...any) http.HandlerFunc {
	return func(rw http.ResponseWriter, _ *http.Request) {
		answer(rw, map[string]any{"keys": append([]any{}, all...)})
	}
}

func newRSA(t *testing.T, bits int) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func byRSA(key *rsa.PrivateKey) func([]byte) string {
	return func(p []byte) string { return signed(jose.RS256, jose.JSONWebKey{Key: key, KeyID: "k1"}, p) }
}

func FuzzKeysOfAProvider(f *testing.F) {
	for _, s := range []string{
		`{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}`, `{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB","use":"sig"}]}`,
		`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AA"},7,null,{}]}`, `{"keys":null}`, `{"keys":{}}`, `[]`, `{"keys":[{"kty":"AKP"}]}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		known, err := parseKeys([]byte(s))
		if err != nil {
			return
		}
		for _, key := range known.keys {
			if !key.Valid() || !key.IsPublic() || key.Use == "enc" {
				t.Errorf("%q: took %+v", s, key)
			}
		}
	})
}

func TestAHashInATokenIsOfItsAlgorithm(t *testing.T) {
	for alg, want := range map[string]string{ // of "abc" (FIPS 180-4)
		"ES256": "ungWv48Bz-pBQUDeXa4iIw", "PS256": "ungWv48Bz-pBQUDeXa4iIw", "RS384": "ywB1P0WjXou1oD1pmsZQBycsMqsO3tFj",
		"EdDSA": "3a81oZNherrMQXNJriBBMRLm-k6JqX6iCp7u5ktV05o", "RS512": "3a81oZNherrMQXNJriBBMRLm-k6JqX6iCp7u5ktV05o",
	} {
		if got := halfHash(alg, "abc"); got != want {
			t.Errorf("%s: %s", alg, got)
		}
	}
}
