package authn

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"golang.org/x/oauth2"
	"golang.org/x/sync/singleflight"

	"picket/node/config"
)

// metadataLife is how long a provider's metadata is used before it is read again.
const metadataLife = time.Hour

// algorithms are the signatures that are believed: asymmetric ones (RFC 8725, section 3.1).
var algorithms = [...]jose.SignatureAlgorithm{
	jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512,
	jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
}

// reserved are the parameters of an authorization request that are ours alone to set.
var reserved = [...]string{
	"client_id", "code_challenge", "code_challenge_method", "nonce", "redirect_uri", "request", "request_uri",
	"response_mode", "response_type", "state",
}

// provider is one identity provider as this node sees it. It is safe for concurrent use.
type provider struct {
	identity *config.Identity
	redirect string // redirect_uri
	now      func() time.Time
	quick    *client // while a person waits
	patient  *client // for what must not be cut short
	flight   singleflight.Group

	slots   chan struct{}       // one for each refresh that it is asked for at a time
	changed func(Circuit, bool) // told after each answer and failure (true)
	ahead   func(time.Duration) // told how far the provider's clock is ahead of ours

	mu      sync.Mutex
	known   *metadata // guarded by mu; nil: never read
	readAt  time.Time // guarded by mu: when known was read
	failure error     // guarded by mu: what went wrong last; nil: nothing
	since   time.Time // guarded by mu: how long it has been reachable, or not
	breaker breaker   // guarded by mu
	clocks  error     // guarded by mu: that its last ID token was of another time; nil: it was not
}

func newProvider(id *config.Identity, sso string, now func() time.Time) (*provider, error) {
	for name := range id.AuthParams {
		if slices.Contains(reserved[:], name) {
			return nil, fmt.Errorf("auth_params cannot set %q", name)
		}
	}
	u, err := url.Parse(id.Issuer)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fmt.Errorf("issuer %q is not a URL", id.Issuer)
	}
	roots, err := certificates(id.CA)
	if err != nil {
		return nil, err
	}
	return &provider{
		identity: id,
		redirect: sso + "/.picket/callback",
		now:      now,
		quick:    newClient(roots, quickTime),
		patient:  newClient(roots, patientTime),

		slots:   make(chan struct{}, refreshers),
		changed: func(Circuit, bool) {},
		ahead:   func(time.Duration) {},
	}, nil
}

// metadata is what a provider says of itself (OpenID Connect Discovery 1.0, section 3).
type metadata struct {
	Issuer     string   `json:"issuer"`
	Authorize  string   `json:"authorization_endpoint"`
	Token      string   `json:"token_endpoint"`
	Keys       string   `json:"jwks_uri"`
	UserInfo   string   `json:"userinfo_endpoint"`
	EndSession string   `json:"end_session_endpoint"`
	Revoke     string   `json:"revocation_endpoint"`
	Algorithms []string `json:"id_token_signing_alg_values_supported"`
	ClientAuth []string `json:"token_endpoint_auth_methods_supported"`
	SaysIssuer bool     `json:"authorization_response_iss_parameter_supported"` // RFC 9207

	keys *providerKeys
}

// metadata is the provider's, from memory or read now. While the provider fails, it is asked seldom. ErrProvider.
func (p *provider) metadata(ctx context.Context) (*metadata, error) {
	m, stale, err := p.remembered()
	if err != nil || m != nil && !stale {
		return m, err
	}
	read := p.flight.DoChan("metadata", func() (any, error) {
		return p.read(context.WithoutCancel(ctx)) // others wait for it, too
	})
	select {
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for the provider's metadata: %w", errors.Join(ErrProvider, ctx.Err()))
	case r := <-read:
		if r.Err == nil {
			return r.Val.(*metadata), nil
		}
		if m != nil {
			return m, nil // an hour old is better than none
		}
		return nil, r.Err
	}
}

// remembered is the metadata in memory, nil when there is none; the error of the last attempt while the provider rests.
func (p *provider) remembered() (m *metadata, stale bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	rests := p.breaker.circuit(p.now()) == Open
	if p.known == nil && rests {
		return nil, true, p.failure
	}
	return p.known, !rests && p.now().Sub(p.readAt) > metadataLife, nil
}

// read asks the provider for its metadata, and remembers the answer or the failure.
func (p *provider) read(ctx context.Context) (*metadata, error) {
	m, err := p.discover(ctx)
	if err != nil {
		err = fmt.Errorf("reading the metadata of %s: %s: %w", p.identity.Issuer, clip(err.Error(), 256), ErrProvider)
		return nil, p.failedFor(err, restLeast) // without, nothing can be asked of it
	}
	p.mu.Lock()
	p.known, p.readAt = m, p.now()
	p.mu.Unlock()
	p.answered()
	return m, nil
}

func (p *provider) discover(ctx context.Context) (*metadata, error) {
	ctx = p.quick.context(ctx)
	found, err := oidc.NewProvider(ctx, p.identity.Issuer)
	if err != nil {
		return nil, err
	}
	m := &metadata{}
	if err := found.Claims(m); err != nil {
		return nil, err
	}
	if err := m.check(p.identity); err != nil {
		return nil, err
	}
	m.keys = p.keysAt(m.Keys)
	return m, nil
}

// keysAt are the provider's keys: those that are known of, where they have not moved.
func (p *provider) keysAt(url string) *providerKeys {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known != nil && p.known.Keys == url {
		return p.known.keys
	}
	return &providerKeys{url: url, client: p.quick, now: p.now}
}

// check refuses metadata that sends people, codes or tokens where they could be read.
func (m *metadata) check(id *config.Identity) error {
	if m.Issuer != id.Issuer {
		return fmt.Errorf("issuer is %.256q, not %q", m.Issuer, id.Issuer)
	}
	plain := strings.HasPrefix(id.Issuer, "http://")
	for _, e := range []struct {
		name, url string
		needed    bool
	}{
		{"authorization_endpoint", m.Authorize, true}, {"token_endpoint", m.Token, true}, {"jwks_uri", m.Keys, true},
		{"userinfo_endpoint", m.UserInfo, false}, {"end_session_endpoint", m.EndSession, false}, {"revocation_endpoint", m.Revoke, false},
	} {
		if e.url == "" && !e.needed {
			continue
		}
		u, err := url.Parse(e.url)
		if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || u.Scheme != "https" && (u.Scheme != "http" || !plain) {
			return fmt.Errorf("%s %.256q is not a https URL", e.name, e.url)
		}
	}
	if len(m.believed()) == 0 {
		return fmt.Errorf("none of its signature algorithms %.256q is believed", m.Algorithms)
	}
	return nil
}

// believed are those of the provider's signature algorithms that we believe; RS256 when it does not say.
func (m *metadata) believed() []jose.SignatureAlgorithm {
	if len(m.Algorithms) == 0 {
		return []jose.SignatureAlgorithm{jose.RS256}
	}
	var both []jose.SignatureAlgorithm
	for _, alg := range m.Algorithms {
		if alg := jose.SignatureAlgorithm(alg); slices.Contains(algorithms[:], alg) {
			both = append(both, alg)
		}
	}
	return both
}

// config is what the oauth2 package needs to know. How the client authenticates is said, not probed: a probe would
// redeem twice.
func (p *provider) config(m *metadata) *oauth2.Config {
	style := oauth2.AuthStyleInHeader // the default (OpenID Connect Discovery 1.0, section 3)
	if p.identity.ClientSecret == "" || len(m.ClientAuth) > 0 && !slices.Contains(m.ClientAuth, "client_secret_basic") {
		style = oauth2.AuthStyleInParams
	}
	scopes := p.identity.Scopes
	if len(scopes) == 0 {
		scopes = []string{oidc.ScopeOpenID, "profile", "email"}
	}
	if !slices.Contains(scopes, oidc.ScopeOpenID) {
		scopes = append([]string{oidc.ScopeOpenID}, scopes...)
	}
	return &oauth2.Config{
		ClientID:     p.identity.ClientID,
		ClientSecret: p.identity.ClientSecret,
		Endpoint:     oauth2.Endpoint{AuthURL: m.Authorize, TokenURL: m.Token, AuthStyle: style},
		RedirectURL:  p.redirect,
		Scopes:       scopes,
	}
}

// authorization is where a person signs in (RFC 6749, 4.1.1; PKCE: RFC 7636, 4.3). What is asked for goes before what the
// configuration says.
func (p *provider) authorization(m *metadata, state, nonce, verifier string, asked ...oauth2.AuthCodeOption) string {
	options := []oauth2.AuthCodeOption{oidc.Nonce(nonce), oauth2.S256ChallengeOption(verifier)}
	for name, value := range p.identity.AuthParams {
		options = append(options, oauth2.SetAuthURLParam(name, value))
	}
	return p.config(m).AuthCodeURL(state, append(options, asked...)...)
}

// withQuery adds to the query of an endpoint, which may have one.
func withQuery(endpoint string, v url.Values) string {
	if strings.Contains(endpoint, "?") {
		return endpoint + "&" + v.Encode()
	}
	return endpoint + "?" + v.Encode()
}
