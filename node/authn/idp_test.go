package authn

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"picket/node/config"
)

// idp is a small OpenID provider with real keys and tokens, and switches by which it turns hostile.
type idp struct {
	server *httptest.Server
	key    *ecdsa.PrivateKey
	now    func() time.Time

	mu           sync.Mutex
	people       map[string]map[string]any // by subject: what is said of them
	grants       map[string]grant          // by code
	refreshes    map[string]string         // subject by refresh token
	redemptions  map[string]int            // of each code and refresh token
	revoked      []string
	asked        url.Values // the last authorization request
	accessLife   time.Duration
	saysIssuer   bool                        // RFC 9207
	issuerAnswer string                      // what iss says; "": the truth
	metadata     func(m map[string]any)      // changes what discovery says
	claims       func(c map[string]any)      // changes what an ID token says
	sign         func(payload []byte) string // signs otherwise
	token        http.HandlerFunc            // answers otherwise; nil: as it should
	userinfo     func(c map[string]any)      // changes what userinfo says
	infoAnswer   http.HandlerFunc            // answers otherwise at userinfo; nil: as it should
	down         bool                        // answers nothing but 500
	before       func()                      // runs before a refresh is answered
	answers      func(m map[string]any)      // changes what comes for a code or a refresh token
	revoking     func()                      // runs before a revocation is answered
	seen         func(r *http.Request)       // is told of each refresh
	keysAnswer   http.HandlerFunc            // answers otherwise when asked for keys; nil: as it should
}

type grant struct{ subject, nonce, challenge, redirect string }

func newIDP(t *testing.T, now func() time.Time) *idp {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &idp{
		key: key, now: now, grants: map[string]grant{}, refreshes: map[string]string{}, redemptions: map[string]int{},
		accessLife: time.Hour,
		people: map[string]map[string]any{
			"alice": {"email": "alice@example.com", "email_verified": true, "name": "Alice", "groups": []string{"admins", "staff"}},
			"bob":   {"email": "bob@example.com", "email_verified": true, "name": "Bob", "groups": []string{"staff"}},
		},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", p.discovery)
	mux.HandleFunc("/authorize", p.authorize)
	mux.HandleFunc("/token", p.exchange)
	mux.HandleFunc("/keys", p.keys)
	mux.HandleFunc("/userinfo", p.info)
	mux.HandleFunc("/revoke", p.revoke)
	p.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		down := p.down
		p.mu.Unlock()
		if down {
			http.Error(w, "down", http.StatusInternalServerError)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(p.server.Close)
	return p
}

// set changes the provider while nobody else looks.
func (p *idp) set(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

func (p *idp) identity(name string) config.Identity {
	return config.Identity{
		Name: name, Kind: "oidc", Issuer: p.server.URL, ClientID: "picket-" + name, ClientSecret: "a secret: with+signs",
		Scopes: []string{"openid", "email"}, GroupsClaim: "groups", InsecureHTTP: true,
		AuthParams: map[string]string{"prompt": "select_account"},
	}
}

func (p *idp) discovery(w http.ResponseWriter, _ *http.Request) {
	u := p.server.URL
	p.mu.Lock()
	defer p.mu.Unlock()
	m := map[string]any{
		"issuer": u, "authorization_endpoint": u + "/authorize", "token_endpoint": u + "/token", "jwks_uri": u + "/keys",
		"userinfo_endpoint": u + "/userinfo", "end_session_endpoint": u + "/logout", "revocation_endpoint": u + "/revoke",
		"id_token_signing_alg_values_supported":          []string{"ES256", "RS256", "HS256", "none"},
		"authorization_response_iss_parameter_supported": p.saysIssuer,
	}
	if p.metadata != nil {
		p.metadata(m)
	}
	answer(w, m)
}

// authorize signs the person in that the parameter "person" names, without asking.
func (p *idp) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" || q.Get("prompt") != "select_account" && q.Get("prompt") != "login" {
		http.Error(w, "not the code flow with PKCE", http.StatusBadRequest)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	code := newID()
	p.asked = q
	p.grants[code] = grant{q.Get("person"), q.Get("nonce"), q.Get("code_challenge"), q.Get("redirect_uri")}
	back := url.Values{"code": {code}, "state": {q.Get("state")}}
	if p.saysIssuer {
		back.Set("iss", p.server.URL)
	}
	if p.issuerAnswer != "" {
		back.Set("iss", p.issuerAnswer)
	}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+back.Encode(), http.StatusFound)
}

func (p *idp) exchange(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	instead := p.token
	p.mu.Unlock()
	if instead != nil {
		instead(w, r)
		return
	}
	p.honest(w, r)
}

// honest is what the token endpoint does unless a test has it do something else.
func (p *idp) honest(w http.ResponseWriter, r *http.Request) {
	client, secret, ok := r.BasicAuth()
	client, _ = url.QueryUnescape(client)
	secret, _ = url.QueryUnescape(secret)
	if !ok || secret != "a secret: with+signs" {
		refuse(w, "invalid_client")
		return
	}
	switch r.PostFormValue("grant_type") {
	case "authorization_code":
		p.redeemCode(w, r, client)
	case "refresh_token":
		p.redeemRefresh(w, r, client)
	default:
		refuse(w, "unsupported_grant_type")
	}
}

func (p *idp) redeemCode(w http.ResponseWriter, r *http.Request, client string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	code := r.PostFormValue("code")
	g, ok := p.grants[code]
	delete(p.grants, code)
	p.redemptions[code]++
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if !ok || g.challenge != base64.RawURLEncoding.EncodeToString(sum[:]) || g.redirect != r.PostFormValue("redirect_uri") {
		refuse(w, "invalid_grant")
		return
	}
	answer(w, p.issue(g.subject, client, g.nonce))
}

func (p *idp) redeemRefresh(w http.ResponseWriter, r *http.Request, client string) {
	p.mu.Lock()
	before := p.before
	p.mu.Unlock()
	if before != nil {
		before()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.seen != nil {
		p.seen(r)
	}
	token := r.PostFormValue("refresh_token")
	subject, ok := p.refreshes[token]
	delete(p.refreshes, token)
	p.redemptions[token]++
	if !ok {
		refuse(w, "invalid_grant")
		return
	}
	answer(w, p.issue(subject, client, ""))
}

// issue makes the tokens of a person; p.mu is held.
func (p *idp) issue(subject, client, nonce string) map[string]any {
	now := p.now()
	c := map[string]any{
		"iss": p.server.URL, "sub": subject, "aud": client, "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
		"auth_time": now.Add(-time.Minute).Unix(), "acr": "phr", "amr": []string{"pwd", "mfa"}, "sid": "sid-" + subject,
	}
	if nonce != "" {
		c["nonce"] = nonce
	}
	if p.claims != nil {
		p.claims(c)
	}
	payload, _ := json.Marshal(c)
	token := ""
	if p.sign != nil {
		token = p.sign(payload)
	} else {
		token = signed(jose.ES256, jose.JSONWebKey{Key: p.key, KeyID: "k1"}, payload)
	}
	refresh := "refresh-" + newID()
	p.refreshes[refresh] = subject
	m := map[string]any{
		"access_token": "access-" + subject, "token_type": "Bearer", "expires_in": int(p.accessLife.Seconds()),
		"refresh_token": refresh, "id_token": token,
	}
	if p.answers != nil {
		p.answers(m)
	}
	return m
}

func signed(alg jose.SignatureAlgorithm, key any, payload []byte) string {
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, nil)
	if err != nil {
		panic(err)
	}
	jws, err := s.Sign(payload)
	if err != nil {
		panic(err)
	}
	text, err := jws.CompactSerialize()
	if err != nil {
		panic(err)
	}
	return text
}

func (p *idp) keys(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	instead := p.keysAnswer
	p.mu.Unlock()
	if instead != nil {
		instead(w, r)
		return
	}
	answer(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: p.key.Public(), KeyID: "k1", Algorithm: "ES256", Use: "sig"}}})
}

func (p *idp) info(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	instead := p.infoAnswer
	p.mu.Unlock()
	if instead != nil {
		instead(w, r)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	const prefix = "Bearer access-"
	subject := r.Header.Get("Authorization")
	if len(subject) <= len(prefix) || p.people[subject[len(prefix):]] == nil {
		http.Error(w, "who?", http.StatusUnauthorized)
		return
	}
	subject = subject[len(prefix):]
	c := maps.Clone(p.people[subject])
	c["sub"] = subject
	if p.userinfo != nil {
		p.userinfo(c)
	}
	answer(w, c)
}

func (p *idp) revoke(_ http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	revoking := p.revoking
	p.mu.Unlock()
	if revoking != nil {
		revoking()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.revoked = append(p.revoked, r.PostFormValue("token"))
	delete(p.refreshes, r.PostFormValue("token"))
}

// mostRedemptions is how often the most used code or refresh token was shown, and how many were shown at all.
func (p *idp) mostRedemptions() (most, all int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, n := range p.redemptions {
		most, all = max(most, n), all+1
	}
	return most, all
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func refuse(w http.ResponseWriter, code string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadRequest)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": code})
}
