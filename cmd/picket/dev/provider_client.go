package dev

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// idTokenLifetime is long enough to sign out with, and longer than any access token in use.
const idTokenLifetime = time.Hour

// client is the one client, as the library asks about it.
type client struct{ o ProviderOptions }

var _ op.HasRedirectGlobs = client{}

func (c client) GetID() string                       { return c.o.ClientID }
func (c client) RedirectURIs() []string              { return c.o.RedirectURIs }
func (c client) RedirectURIGlobs() []string          { return nil }
func (c client) ApplicationType() op.ApplicationType { return op.ApplicationTypeWeb }
func (c client) AuthMethod() oidc.AuthMethod         { return oidc.AuthMethodBasic } // and post: the library takes both
func (c client) AccessTokenType() op.AccessTokenType { return op.AccessTokenTypeBearer }
func (c client) IDTokenLifetime() time.Duration      { return idTokenLifetime }
func (c client) DevMode() bool                       { return true } // http on loopback
func (c client) ClockSkew() time.Duration            { return 0 }

// LoginURL is the page on which a person is picked for the request.
func (c client) LoginURL(request string) string {
	return c.o.Issuer + "/login?request=" + escape(request)
}

func (c client) ResponseTypes() []oidc.ResponseType {
	return []oidc.ResponseType{oidc.ResponseTypeCode}
}

func (c client) GrantTypes() []oidc.GrantType {
	return []oidc.GrantType{oidc.GrantTypeCode, oidc.GrantTypeRefreshToken}
}

// PostLogoutRedirectURIs are the ones that are compared whole.
func (c client) PostLogoutRedirectURIs() []string {
	return slices.DeleteFunc(slices.Clone(c.o.PostLogoutRedirectURIs), isBeneath)
}

// PostLogoutRedirectURIGlobs are the "/*" ones, spelt out for the library's matcher, whose star stops at a slash.
func (c client) PostLogoutRedirectURIGlobs() []string {
	const depth = 4
	var globs []string
	for _, uri := range c.o.PostLogoutRedirectURIs {
		for i := range depth {
			if isBeneath(uri) {
				globs = append(globs, uri+strings.Repeat("/*", i))
			}
		}
	}
	return globs
}

func isBeneath(uri string) bool { return strings.HasSuffix(uri, "/*") }

func (c client) RestrictAdditionalIdTokenScopes() func([]string) []string     { return unchanged }
func (c client) RestrictAdditionalAccessTokenScopes() func([]string) []string { return unchanged }

func unchanged(scopes []string) []string { return scopes }

// IsScopeAllowed is asked about scopes that OpenID Connect does not define.
func (c client) IsScopeAllowed(scope string) bool { return scope == scopeGroups }

// IDTokenUserinfoClaimsAssertion: email and profile are in the ID token, as most providers do it.
func (c client) IDTokenUserinfoClaimsAssertion() bool { return true }

func escape(s string) string { return url.QueryEscape(s) }
