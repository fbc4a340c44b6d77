package dev

import (
	"context"
	"crypto/subtle"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// Counts is what clients have done at the provider since it began.
type Counts struct {
	Authorizations int // requests that the authorization endpoint accepted
	Codes          int // authorization codes redeemed
	CodeReuses     int // codes presented again; each ends what the code had given
	Refreshes      int // refresh tokens redeemed
	Reuses         int // refresh tokens presented again after they had been redeemed; each ends the grant
	Userinfos      int // answers of the userinfo endpoint
	SignOuts       int // sessions ended at end_session or on the provider's own page
	Revocations    int // tokens revoked by the client
}

// store is the provider's memory, in the shape that the library asks for (op.Storage).
type store struct {
	options ProviderOptions
	key     signingKey

	mu       sync.Mutex
	people   map[string]*Person      // by name; guarded by mu, as all below
	requests map[string]*authRequest // by id, until they expire, redeemed or not
	codes    map[string]string       // code → request id
	browsers map[string]*session     // by browser id: who is signed in there
	access   map[string]*accessToken
	refresh  map[string]*refreshToken // redeemed ones too, so that their reuse is noticed
	counts   Counts
	swept    time.Time
}

var (
	_ op.Storage                        = (*store)(nil)
	_ op.CanSetUserinfoFromRequest      = (*store)(nil)
	_ op.CanTerminateSessionFromRequest = (*store)(nil)
)

func newStore(o ProviderOptions, key signingKey) *store {
	s := &store{
		options:  o,
		key:      key,
		people:   make(map[string]*Person),
		requests: make(map[string]*authRequest),
		codes:    make(map[string]string),
		browsers: make(map[string]*session),
		access:   make(map[string]*accessToken),
		refresh:  make(map[string]*refreshToken),
		swept:    time.Now(),
	}
	for _, person := range o.People {
		s.people[person.Name] = &person
	}
	return s
}

// Counts tells what clients have done so far.
func (p *Provider) Counts() Counts {
	p.store.mu.Lock()
	defer p.store.mu.Unlock()
	return p.store.counts
}

// SetGroups changes somebody's groups: from then on userinfo and every new ID token say so.
func (p *Provider) SetGroups(name string, groups ...string) {
	p.store.mu.Lock()
	defer p.store.mu.Unlock()
	if person := p.store.people[name]; person != nil {
		person.Groups = slices.Clone(groups)
	}
}

// Withdraw ends every grant of a person: refresh tokens answer invalid_grant, access tokens are no longer good.
func (p *Provider) Withdraw(name string) {
	p.store.mu.Lock()
	defer p.store.mu.Unlock()
	for _, token := range p.store.refresh {
		if token.grant.subject == name {
			token.grant.ended = true
		}
	}
	for _, token := range p.store.access {
		if token.grant.subject == name {
			token.grant.ended = true
		}
	}
}

// person is a copy, so that it may be read without the lock.
func (s *store) person(name string) (Person, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.people[name]; p != nil {
		return *p, true
	}
	return Person{}, false
}

// sweep forgets what has expired, now and then. The caller holds mu.
func (s *store) sweep(now time.Time) {
	if now.Sub(s.swept) < time.Minute {
		return
	}
	s.swept = now
	for id, r := range s.requests {
		if now.After(r.expires) {
			delete(s.requests, id)
			delete(s.codes, r.code)
		}
	}
	for id, t := range s.access {
		if now.After(t.expires) {
			delete(s.access, id)
		}
	}
	for id, t := range s.refresh {
		if now.After(t.grant.expires) {
			delete(s.refresh, id)
		}
	}
}

// Health is asked by the library's own /ready.
func (s *store) Health(context.Context) error { return nil }

// SigningKey signs ID tokens.
func (s *store) SigningKey(context.Context) (op.SigningKey, error) { return s.key, nil }

// SignatureAlgorithms are those of the key.
func (s *store) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{s.key.SignatureAlgorithm()}, nil
}

// KeySet is what jwks_uri shows.
func (s *store) KeySet(context.Context) ([]op.Key, error) {
	return []op.Key{publicKey{s.key}}, nil
}

// GetClientByClientID knows the one client.
func (s *store) GetClientByClientID(_ context.Context, id string) (op.Client, error) {
	if id != s.options.ClientID {
		return nil, oidc.ErrInvalidClient().WithDescription("no such client")
	}
	return client{s.options}, nil
}

// AuthorizeClientIDSecret compares in constant time.
func (s *store) AuthorizeClientIDSecret(_ context.Context, id, secret string) error {
	same := subtle.ConstantTimeCompare([]byte(id), []byte(s.options.ClientID)) &
		subtle.ConstantTimeCompare([]byte(secret), []byte(s.options.ClientSecret))
	if same != 1 {
		return errors.New("client id or secret is wrong")
	}
	return nil
}

// GetKeyByIDAndClientID is for clients that sign assertions, which ours does not.
func (s *store) GetKeyByIDAndClientID(context.Context, string, string) (*jose.JSONWebKey, error) {
	return nil, errors.New("the client has no keys")
}

// ValidateJWTProfileScopes is for a grant that is not offered.
func (s *store) ValidateJWTProfileScopes(context.Context, string, []string) ([]string, error) {
	return nil, oidc.ErrUnsupportedGrantType()
}
