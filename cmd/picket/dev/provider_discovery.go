package dev

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// scopeGroups may be asked for; the groups claim is there without it too.
const scopeGroups = "groups"

func supportedScopes() []string {
	return []string{oidc.ScopeOpenID, oidc.ScopeProfile, oidc.ScopeEmail, oidc.ScopeOfflineAccess, scopeGroups}
}

func supportedClaims() []string {
	return []string{"iss", "sub", "aud", "azp", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash", "c_hash", "sid",
		"email", "email_verified", "name", "preferred_username", "groups"}
}

// metadata is the library's discovery document with what it has no field for.
type metadata struct {
	*oidc.DiscoveryConfiguration
	IssInResponse bool `json:"authorization_response_iss_parameter_supported"` // RFC 9207, section 3
}

// discover tells what there really is: the library announces every grant and response type that it knows.
func (p *Provider) discover(w http.ResponseWriter, r *http.Request) {
	c := op.CreateDiscoveryConfig(p.context(r.Context()), p.op, p.store)
	c.ResponseTypesSupported = []string{string(oidc.ResponseTypeCode)}
	c.ResponseModesSupported = []string{string(oidc.ResponseModeQuery)}
	c.GrantTypesSupported = []oidc.GrantType{oidc.GrantTypeCode, oidc.GrantTypeRefreshToken}
	c.ACRValuesSupported = []string{acrPicked}
	c.DeviceAuthorizationEndpoint = ""
	c.TokenEndpointAuthMethodsSupported = []oidc.AuthMethod{oidc.AuthMethodBasic, oidc.AuthMethodPost}
	c.RevocationEndpointAuthMethodsSupported = c.TokenEndpointAuthMethodsSupported
	c.IntrospectionEndpointAuthMethodsSupported = []oidc.AuthMethod{oidc.AuthMethodBasic}
	c.RevocationEndpointAuthSigningAlgValuesSupported = nil
	c.IntrospectionEndpointAuthSigningAlgValuesSupported = nil
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(metadata{DiscoveryConfiguration: c, IssInResponse: true}) // the client went away
}

// issued names the issuer in every answer that goes back to the client through the browser (RFC 9207).
func (p *Provider) issued(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(&issuing{ResponseWriter: w, issuer: p.options.Issuer, redirects: p.options.RedirectURIs}, r)
	})
}

// issuing adds iss to redirects to a client.
type issuing struct {
	http.ResponseWriter
	issuer    string
	redirects []string
}

// WriteHeader adds iss to the Location when that is one of the client's redirect URIs.
func (i *issuing) WriteHeader(status int) {
	location := i.Header().Get("Location")
	if at, query, ok := strings.Cut(location, "?"); ok && slices.Contains(i.redirects, at) {
		i.Header().Set("Location", at+"?"+query+"&iss="+escape(i.issuer))
	}
	i.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController through.
func (i *issuing) Unwrap() http.ResponseWriter { return i.ResponseWriter }
