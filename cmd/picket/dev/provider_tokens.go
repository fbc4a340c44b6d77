package dev

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// grantLifetime is how long a person need not come back to the provider.
const grantLifetime = 24 * time.Hour

// grant is what a person let the client have: every token of one sign-in hangs from it.
type grant struct {
	subject string
	sid     string // of the session at the provider
	scopes  []string
	at      time.Time // when the person was authenticated
	expires time.Time
	ended   bool // guarded by store.mu
}

type accessToken struct {
	grant   *grant
	scopes  []string
	issued  time.Time
	expires time.Time
}

// refreshToken is good for one redemption.
type refreshToken struct {
	grant    *grant
	redeemed bool // guarded by store.mu
}

// refreshRequest is a refresh token presented, as the library passes it on.
type refreshRequest struct {
	*grant
	client string
	scopes []string // of this refresh: those of the grant, or fewer
}

var _ op.RefreshTokenRequest = (*refreshRequest)(nil)

func (r *refreshRequest) GetAMR() []string                 { return []string{amrUser} }
func (r *refreshRequest) GetAudience() []string            { return []string{r.client} }
func (r *refreshRequest) GetAuthTime() time.Time           { return r.at }
func (r *refreshRequest) GetClientID() string              { return r.client }
func (r *refreshRequest) GetScopes() []string              { return r.scopes }
func (r *refreshRequest) GetSubject() string               { return r.subject }
func (r *refreshRequest) SetCurrentScopes(scopes []string) { r.scopes = scopes }

// CreateAccessToken redeems a code without offline_access.
func (s *store) CreateAccessToken(_ context.Context, request op.TokenRequest) (string, time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := request.(*authRequest)
	if !ok {
		return "", time.Time{}, oidc.ErrUnsupportedGrantType()
	}
	g, err := s.redeemCode(r)
	if err != nil {
		return "", time.Time{}, err
	}
	id, expires := s.newAccess(g, r.GetScopes())
	return id, expires, nil
}

// CreateAccessAndRefreshTokens redeems a code, or a refresh token for its successor.
func (s *store) CreateAccessAndRefreshTokens(_ context.Context, request op.TokenRequest, current string) (id, refresh string, expires time.Time, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var g *grant
	switch r := request.(type) {
	case *authRequest:
		g, err = s.redeemCode(r)
	case *refreshRequest:
		g, err = s.redeemRefresh(current)
	default:
		err = oidc.ErrUnsupportedGrantType()
	}
	if err != nil {
		return "", "", time.Time{}, err
	}
	id, expires = s.newAccess(g, request.GetScopes())
	refresh = rand.Text()
	s.refresh[refresh] = &refreshToken{grant: g}
	return id, refresh, expires, nil
}

// redeemCode looks again, under the lock: two requests may have come this far with one code.
func (s *store) redeemCode(r *authRequest) (*grant, error) {
	if r.grant != nil {
		s.counts.CodeReuses++
		r.grant.ended = true
		return nil, oidc.ErrInvalidGrant().WithDescription("the code was redeemed before")
	}
	s.counts.Codes++
	who := r.who()
	r.grant = &grant{subject: who.person, sid: who.sid, scopes: r.GetScopes(), at: who.at, expires: time.Now().Add(grantLifetime)}
	return r.grant, nil
}

// redeemRefresh takes a refresh token out of use. One that was redeemed before is in two hands: the grant ends, for
// both of them (RFC 9700, section 4.14.2).
func (s *store) redeemRefresh(token string) (*grant, error) {
	t, err := s.presented(token)
	if err != nil {
		return nil, oidc.ErrInvalidGrant().WithDescription("%s", err.Error())
	}
	t.redeemed = true
	s.counts.Refreshes++
	return t.grant, nil
}

// presented is the refresh token as it stands, and where reuse is noticed. The caller holds mu.
func (s *store) presented(token string) (*refreshToken, error) {
	t := s.refresh[token]
	switch {
	case t == nil || time.Now().After(t.grant.expires):
		return nil, errors.New("the refresh token is unknown or has expired")
	case t.redeemed:
		s.counts.Reuses++
		t.grant.ended = true
		return nil, errors.New("the refresh token was redeemed before")
	case t.grant.ended:
		return nil, errors.New("the grant has ended")
	}
	return t, nil
}

// newAccess makes an access token. The caller holds mu.
func (s *store) newAccess(g *grant, scopes []string) (id string, expires time.Time) {
	now := time.Now()
	id, expires = rand.Text(), now.Add(s.options.AccessTokenLifetime)
	s.access[id] = &accessToken{grant: g, scopes: slices.Clone(scopes), issued: now, expires: expires}
	return id, expires
}

// TokenRequestByRefreshToken is asked at the token endpoint, after the client has been authenticated.
func (s *store) TokenRequestByRefreshToken(_ context.Context, token string) (op.RefreshTokenRequest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.presented(token)
	if err != nil {
		return nil, err
	}
	return &refreshRequest{grant: t.grant, client: s.options.ClientID, scopes: t.grant.scopes}, nil
}

// GetRefreshTokenInfo is asked by the revocation endpoint: what kind of token is this?
func (s *store) GetRefreshTokenInfo(_ context.Context, _, token string) (subject, id string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.refresh[token]
	if t == nil {
		return "", "", op.ErrInvalidRefreshToken
	}
	return t.grant.subject, token, nil
}

// RevokeToken ends one access token, or with a refresh token the whole grant (RFC 7009, section 2.1).
func (s *store) RevokeToken(_ context.Context, tokenOrID, _, _ string) *oidc.Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.refresh[tokenOrID]; t != nil {
		t.grant.ended = true
		s.counts.Revocations++
	}
	if s.access[tokenOrID] != nil {
		delete(s.access, tokenOrID)
		s.counts.Revocations++
	}
	return nil // an unknown token is revoked already (RFC 7009, section 2.2)
}

// live is the access token if it is still good. The caller holds mu.
func (s *store) live(id string) (*accessToken, bool) {
	t := s.access[id]
	if t == nil || t.grant.ended || time.Now().After(t.expires) {
		return nil, false
	}
	return t, true
}
