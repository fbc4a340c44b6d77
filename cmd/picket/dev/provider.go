package dev

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// DefaultAccessTokenLifetime is how long access tokens are good unless ProviderOptions say otherwise.
const DefaultAccessTokenLifetime = 5 * time.Minute

// ProviderOptions say who the provider is and which client it serves. Everything is required but the last two.
type ProviderOptions struct {
	Issuer                 string   // http://127.0.0.1:PORT, as clients reach it; no path
	ClientID               string   // of the one client
	ClientSecret           string   // sent as basic authentication or in the form
	RedirectURIs           []string // compared whole
	PostLogoutRedirectURIs []string // compared whole; one that ends in "/*" admits everything beneath it

	AccessTokenLifetime time.Duration // zero: DefaultAccessTokenLifetime
	People              []Person      // nil: People()
}

// Provider is an OpenID provider for trying things out: discovery, the code flow (PKCE required, S256), refresh with
// rotation and reuse detection, userinfo, end_session, revocation and JWKS. A person is picked from a page instead of
// proving anything, which is the one thing that it does not do as a real one would. All state is in memory.
type Provider struct {
	options ProviderOptions
	store   *store
	op      *op.Provider
	pages   *pages
	mux     http.Handler
}

// NewProvider makes a provider. It reports all that is missing in o at once.
func NewProvider(o ProviderOptions) (*Provider, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if o.AccessTokenLifetime == 0 {
		o.AccessTokenLifetime = DefaultAccessTokenLifetime
	}
	if o.People == nil {
		o.People = People()
	}
	key, err := newSigningKey()
	if err != nil {
		return nil, err
	}
	p := &Provider{options: o, store: newStore(o, key)}
	if p.pages, err = newPages(); err != nil {
		return nil, err
	}
	config := &op.Config{
		CodeMethodS256:        true,
		AuthMethodPost:        true,
		GrantTypeRefreshToken: true,
		SupportedScopes:       supportedScopes(),
		SupportedClaims:       supportedClaims(),
		// Where end_session goes when it was not told, or not by someone who showed an ID token.
		DefaultLogoutRedirectURI: o.Issuer + "/",
	}
	if _, err := rand.Read(config.CryptoKey[:]); err != nil {
		return nil, fmt.Errorf("making the token key: %w", err)
	}
	p.op, err = op.NewProvider(config, p.store, op.StaticIssuer(o.Issuer),
		op.WithAllowInsecure(), op.WithCORSOptions(nil))
	if err != nil {
		return nil, fmt.Errorf("making the OpenID provider: %w", err)
	}
	p.mux = p.routes()
	return p, nil
}

func (o ProviderOptions) check() error {
	var errs []error
	issuer, err := url.Parse(o.Issuer)
	if err != nil || issuer.Scheme == "" || issuer.Host == "" || strings.Trim(issuer.Path, "/") != "" {
		errs = append(errs, fmt.Errorf("issuer %q is not an origin such as http://127.0.0.1:9000", o.Issuer))
	}
	if strings.HasSuffix(o.Issuer, "/") {
		errs = append(errs, fmt.Errorf("issuer %q must not end in a slash", o.Issuer))
	}
	if o.ClientID == "" || o.ClientSecret == "" {
		errs = append(errs, errors.New("client id and client secret are required"))
	}
	if len(o.RedirectURIs) == 0 {
		errs = append(errs, errors.New("at least one redirect URI is required"))
	}
	return errors.Join(errs...)
}

// ServeHTTP answers as the issuer.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.mux.ServeHTTP(w, r) }

// routes is the whole of what is served: our pages, what the library leaves to its user, and the library.
func (p *Provider) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.home)
	mux.HandleFunc("GET /login", p.login)
	mux.HandleFunc("POST /login", p.pick)
	mux.HandleFunc("POST /sign_out", p.signOut)
	mux.HandleFunc("GET "+oidc.DiscoveryEndpoint, p.discover)
	mux.Handle("/userinfo", p.bearer(p.op))
	mux.Handle("/", p.op)
	guarded := http.NewCrossOriginProtection()
	// These are called from other origins, by programs or by the client's redirect, and carry their own proof.
	for _, path := range []string{"/authorize", "/oauth/token", "/oauth/introspect", "/userinfo", "/revoke", "/end_session"} {
		guarded.AddInsecureBypassPattern(path)
	}
	return uncached(p.known(p.issued(guarded.Handler(mux))))
}

// uncached keeps tokens and pages about a person out of every cache (RFC 6749, section 5.1).
func uncached(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// context is what the library's functions expect when they are called outside its own router.
func (p *Provider) context(ctx context.Context) context.Context {
	return op.ContextWithIssuer(ctx, p.options.Issuer)
}
