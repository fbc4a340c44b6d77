package proxy

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"picket/node/config"
)

// provider is a small OpenID provider. Whom it signs in stands in the parameter "person" of the authorization request.
type provider struct {
	server *httptest.Server
	key    *ecdsa.PrivateKey

	mu     sync.Mutex
	grants map[string]url.Values // by code: the authorization request; guarded by mu
	groups []string              // of everybody; guarded by mu
}

func newProvider(t testing.TB) *provider {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &provider{key: key, grants: make(map[string]url.Values), groups: []string{"staff"}}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", p.discovery)
	mux.HandleFunc("/authorize", p.authorize)
	mux.HandleFunc("/token", p.token)
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k", Algorithm: "ES256", Use: "sig"}}})
	})
	p.server = httptest.NewServer(mux)
	t.Cleanup(p.server.Close)
	return p
}

func (p *provider) identity() config.Identity {
	return config.Identity{
		Name: "corp", Kind: "oidc", Issuer: p.server.URL, ClientID: "picket", ClientSecret: "secret",
		Scopes: []string{"openid"}, GroupsClaim: "groups", InsecureHTTP: true,
	}
}

func (p *provider) discovery(w http.ResponseWriter, _ *http.Request) {
	u := p.server.URL
	reply(w, map[string]any{
		"issuer": u, "authorization_endpoint": u + "/authorize", "token_endpoint": u + "/token", "jwks_uri": u + "/keys",
		"id_token_signing_alg_values_supported": []string{"ES256"},
	})
}

func (p *provider) authorize(w http.ResponseWriter, r *http.Request) {
	q, code := r.URL.Query(), rand.Text()
	p.mu.Lock()
	p.grants[code] = q
	p.mu.Unlock()
	back := url.Values{"code": {code}, "state": {q.Get("state")}}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+back.Encode(), http.StatusFound)
}

func (p *provider) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	q, groups := p.grants[r.PostFormValue("code")], p.groups
	p.mu.Unlock()
	now, person := time.Now(), q.Get("person")
	claims, _ := json.Marshal(map[string]any{
		"iss": p.server.URL, "sub": person, "aud": "picket", "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(), "nonce": q.Get("nonce"),
		"email": person + "@example.com", "email_verified": true, "name": person, "groups": groups,
		"auth_time": now.Unix(), "acr": q.Get("acr_values"),
	})
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: p.key, KeyID: "k"}}, nil)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	signed, _ := signer.Sign(claims)
	text, _ := signed.CompactSerialize()
	reply(w, map[string]any{"access_token": "a", "token_type": "Bearer", "expires_in": 3600, "id_token": text})
}

func reply(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}
