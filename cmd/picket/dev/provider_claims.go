package dev

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// describe fills in what the scopes allow to be told. The groups are always told.
func (p Person) describe(info *oidc.UserInfo, scopes []string) {
	info.Subject = p.Name
	if slices.Contains(scopes, oidc.ScopeEmail) {
		info.Email, info.EmailVerified = p.Email(), true
	}
	if slices.Contains(scopes, oidc.ScopeProfile) {
		info.Name, info.PreferredUsername = p.FullName, p.Name
	}
	info.AppendClaims("groups", append([]string{}, p.Groups...)) // an empty list, not null
}

// SetUserinfoFromRequest fills an ID token. What the library leaves out of refreshed ones is added as plain claims.
func (s *store) SetUserinfoFromRequest(_ context.Context, info *oidc.UserInfo, request op.IDTokenRequest, scopes []string) error {
	person, ok := s.person(request.GetSubject())
	if !ok {
		return oidc.ErrInvalidGrant().WithDescription("the person is gone")
	}
	person.describe(info, scopes)
	info.AppendClaims("acr", acrPicked)
	switch r := request.(type) {
	case *authRequest:
		info.AppendClaims("sid", r.who().sid)
	case *refreshRequest:
		info.AppendClaims("sid", r.sid)
	}
	return nil
}

// SetUserinfoFromScopes is superseded by SetUserinfoFromRequest.
func (s *store) SetUserinfoFromScopes(context.Context, *oidc.UserInfo, string, string, []string) error {
	return nil
}

// SetUserinfoFromToken answers the userinfo endpoint.
func (s *store) SetUserinfoFromToken(_ context.Context, info *oidc.UserInfo, id, _, _ string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.live(id)
	if !ok || s.people[t.grant.subject] == nil {
		return oidc.ErrAccessDenied().WithDescription("the access token is not good, or no longer")
	}
	s.people[t.grant.subject].describe(info, t.scopes)
	s.counts.Userinfos++
	return nil
}

// SetIntrospectionFromToken answers the introspection endpoint (RFC 7662).
func (s *store) SetIntrospectionFromToken(_ context.Context, answer *oidc.IntrospectionResponse, id, _, client string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.live(id)
	if !ok {
		return oidc.ErrAccessDenied().WithDescription("the access token is not good, or no longer")
	}
	answer.Subject = t.grant.subject
	answer.Scope, answer.ClientID = t.scopes, client
	answer.IssuedAt, answer.Expiration = oidc.FromTime(t.issued), oidc.FromTime(t.expires)
	return nil
}

// GetPrivateClaimsFromScopes is about access tokens that are JWTs; ours are opaque.
func (s *store) GetPrivateClaimsFromScopes(context.Context, string, string, []string) (map[string]any, error) {
	return nil, nil
}

// bearer refuses access tokens that are not good with the status that RFC 6750, section 3.1 gives: the library
// would answer 403.
func (p *Provider) bearer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, ok := strings.CutPrefix(r.Header.Get("Authorization"), oidc.PrefixBearer)
		if ok && !p.good(token) {
			w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
			http.Error(w, "the access token is not good, or no longer", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (p *Provider) good(token string) bool {
	plain, err := p.op.Crypto().Decrypt(token)
	if err != nil {
		return false
	}
	id, _, _ := strings.Cut(plain, ":")
	p.store.mu.Lock()
	defer p.store.mu.Unlock()
	_, ok := p.store.live(id)
	return ok
}
