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

const (
	requestLifetime = 15 * time.Minute // to pick somebody
	codeLifetime    = time.Minute      // to redeem the code (RFC 6749, section 4.1.2: at most ten)
)

// What the provider says about how somebody was authenticated: they were picked from a page, which is as good as
// pressing a button (RFC 8176, "user").
const (
	acrPicked = "urn:picket:dev:picked"
	amrUser   = "user"
)

var (
	errNoRequest    = errors.New("no such sign-in request, or it has expired")
	errOtherBrowser = errors.New("the sign-in request belongs to another browser")
)

// authRequest is one visit to the authorization endpoint, from the question to the redeemed code.
type authRequest struct {
	id       string
	browser  string // that began it, and alone may go on with it
	asked    oidc.AuthRequest
	expires  time.Time
	session  *session // who was picked; nil: nobody yet
	code     string
	codeGood time.Time // until when
	grant    *grant    // what the code was redeemed for; nil: not yet
}

var _ op.AuthRequest = (*authRequest)(nil)

func (r *authRequest) GetID() string                         { return r.id }
func (r *authRequest) GetACR() string                        { return acrPicked }
func (r *authRequest) GetAMR() []string                      { return []string{amrUser} }
func (r *authRequest) GetAudience() []string                 { return []string{r.asked.ClientID} }
func (r *authRequest) GetClientID() string                   { return r.asked.ClientID }
func (r *authRequest) GetNonce() string                      { return r.asked.Nonce }
func (r *authRequest) GetRedirectURI() string                { return r.asked.RedirectURI }
func (r *authRequest) GetResponseType() oidc.ResponseType    { return r.asked.ResponseType }
func (r *authRequest) GetResponseMode() oidc.ResponseMode    { return r.asked.ResponseMode }
func (r *authRequest) GetScopes() []string                   { return r.asked.Scopes }
func (r *authRequest) GetState() string                      { return r.asked.State }
func (r *authRequest) Done() bool                            { return r.session != nil }
func (r *authRequest) GetAuthTime() time.Time                { return r.who().at }
func (r *authRequest) GetSubject() string                    { return r.who().person }
func (r *authRequest) GetCodeChallenge() *oidc.CodeChallenge { return challenge(r.asked) }

// who is never nil: the zero session is nobody's.
func (r *authRequest) who() *session {
	if r.session == nil {
		return &session{}
	}
	return r.session
}

func challenge(asked oidc.AuthRequest) *oidc.CodeChallenge {
	return &oidc.CodeChallenge{Challenge: asked.CodeChallenge, Method: asked.CodeChallengeMethod}
}

// needsPage tells whether the client asked that the person be asked, or the session is not enough for it.
func (r *authRequest) needsPage(s *session, now time.Time) bool {
	if s == nil {
		return true
	}
	for _, prompt := range r.asked.Prompt {
		if slices.Contains([]string{oidc.PromptLogin, oidc.PromptSelectAccount, oidc.PromptConsent}, prompt) {
			return true
		}
	}
	return r.asked.MaxAge != nil && now.Sub(s.at) > time.Duration(*r.asked.MaxAge)*time.Second
}

// CreateAuthRequest takes in a valid request. PKCE is not optional here (RFC 9700, section 2.1.1).
func (s *store) CreateAuthRequest(ctx context.Context, asked *oidc.AuthRequest, _ string) (op.AuthRequest, error) {
	if asked.CodeChallenge == "" || asked.CodeChallengeMethod != oidc.CodeChallengeMethodS256 {
		return nil, oidc.ErrInvalidRequest().WithDescription("code_challenge with method S256 is required")
	}
	now := time.Now()
	r := &authRequest{id: rand.Text(), browser: browserOf(ctx), asked: *asked, expires: now.Add(requestLifetime)}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep(now)
	silent := !r.needsPage(s.browsers[r.browser], now)
	if slices.Contains(asked.Prompt, oidc.PromptNone) && !silent {
		return nil, oidc.ErrLoginRequired().WithDescription("nobody is signed in at the provider")
	}
	if silent {
		r.session = s.browsers[r.browser]
	}
	s.requests[r.id] = r
	s.counts.Authorizations++
	return r, nil
}

// pick signs a person in, in the browser and for the request.
func (s *store) pick(ctx context.Context, id, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.request(ctx, id)
	if err != nil {
		return err
	}
	if s.people[name] == nil {
		return errors.New("nobody of that name")
	}
	r.session = s.begin(r.browser, name)
	return nil
}

// request is the one of that id, if it belongs to the browser that asks. The caller holds mu.
func (s *store) request(ctx context.Context, id string) (*authRequest, error) {
	r := s.requests[id]
	if r == nil || time.Now().After(r.expires) {
		return nil, errNoRequest
	}
	if r.browser != browserOf(ctx) {
		return nil, errOtherBrowser
	}
	return r, nil
}

// AuthRequestByID is asked when the browser comes back from the page.
func (s *store) AuthRequestByID(ctx context.Context, id string) (op.AuthRequest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.request(ctx, id)
	if err != nil {
		return nil, oidc.ErrInvalidRequest().WithDescription("%s", err.Error())
	}
	return r, nil
}

// SaveAuthCode remembers the code that is about to be sent.
func (s *store) SaveAuthCode(_ context.Context, id, code string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.requests[id]
	if r == nil || r.code != "" {
		return oidc.ErrInvalidRequest().WithDescription("the sign-in request was answered before")
	}
	r.code, r.codeGood = code, time.Now().Add(codeLifetime)
	s.codes[code] = id
	return nil
}

// AuthRequestByCode is asked at the token endpoint. A code that comes a second time ends what it gave the first time
// (RFC 6749, section 4.1.2).
func (s *store) AuthRequestByCode(_ context.Context, code string) (op.AuthRequest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.requests[s.codes[code]]
	if r == nil || r.code != code || time.Now().After(r.codeGood) {
		return nil, errors.New("the code is unknown or has expired")
	}
	if r.grant != nil {
		s.counts.CodeReuses++
		r.grant.ended = true
		return nil, errors.New("the code was redeemed before")
	}
	return r, nil
}

// DeleteAuthRequest keeps it: a code that comes again is to be known again. Sweeping takes it away.
func (s *store) DeleteAuthRequest(context.Context, string) error { return nil }
