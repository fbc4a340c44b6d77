package authn

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/oauth2"

	"picket/broker"
)

// refreshTime bounds a refresh from claim to record. A node that stops waits so long for those under way.
const refreshTime = time.Minute

// retryAfter is when a session whose tokens could not be refreshed now is tried again.
const retryAfter = time.Minute

// refresh renews the tokens of a session that is in use, and what is known of its user. However many ask on however many
// nodes, and whatever dies meanwhile, each generation of tokens is redeemed once at most: a claim is stored before the
// provider is asked, and never taken over.
func (a *Authn) refresh(ctx context.Context, id string) {
	if !a.enter(id) {
		return
	}
	defer a.leaveFlight(id)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), refreshTime)
	defer cancel()
	outcome, err := a.refreshOnce(ctx, id)
	a.metrics.refreshed(outcome)
	if err != nil {
		a.log.Warn().Err(err).Str("session", id).Str("outcome", string(outcome)).Msg("tokens not refreshed")
	}
}

// enter is true for the one refresh of a session that this node does at a time.
func (a *Authn) enter(id string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.inFlight[id] {
		return false
	}
	a.inFlight[id] = true
	return true
}

func (a *Authn) leaveFlight(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.inFlight, id)
}

// outcome is what became of a refresh.
type outcome string

const (
	refreshDone      outcome = "done"
	refreshNotNeeded outcome = "not_needed" // another node did it, or is at it, or the session is gone
	refreshEnded     outcome = "ended"      // the provider ended the session, or nobody can refresh it any more
	refreshPostponed outcome = "postponed"  // nothing was spent; tried again later
	refreshUnclear   outcome = "unclear"    // the token may have been spent: it is not tried again
	refreshRevoked   outcome = "revoked"    // the session ended meanwhile; so did its new tokens
)

func (a *Authn) refreshOnce(ctx context.Context, id string) (outcome, error) {
	s, err := a.due(ctx, id)
	if s == nil {
		return refreshNotNeeded, err
	}
	p := a.providers[s.Identity]
	if p == nil || p.rests() {
		return refreshPostponed, nil
	}
	m, err := p.metadata(ctx)
	if err != nil {
		return refreshPostponed, err
	}
	c, outcome, err := a.claim(ctx, *s)
	if c == nil {
		return outcome, err
	}
	a.forgetAttempt(id)
	fresh, verdict, err := p.renew(ctx, m, c.tokens.Refresh)
	switch verdict {
	case spent:
		return a.renewed(ctx, p, m, c, fresh)
	case invalid:
		return refreshEnded, errors.Join(err, a.end(ctx, id))
	case unspent:
		return refreshPostponed, errors.Join(err, a.release(ctx, c))
	}
	return refreshUnclear, err
}

// due is the stored session when its tokens are to be refreshed now, else nil.
func (a *Authn) due(ctx context.Context, id string) (*Session, error) {
	e, err := a.sessions.Get(ctx, id)
	if errors.Is(err, broker.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the session: %w", err)
	}
	now, s := a.now(), e.Value
	if s.RefreshAt.IsZero() || now.Before(s.RefreshAt) || !now.Before(s.Expires) {
		return nil, nil
	}
	if void, err := a.void(ctx, s); void || err != nil {
		return nil, err
	}
	return &s, nil
}

// void tells whether a stored session is none any more because of its user.
func (a *Authn) void(ctx context.Context, s Session) (bool, error) {
	u, err := a.users.Get(ctx, s.User)
	if errors.Is(err, broker.ErrNotFound) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("reading the user: %w", err)
	}
	return !u.Value.Active || s.Epoch < u.Value.Epoch, nil
}

// renewed stores what the provider gave for a claimed token: first the tokens, which nobody can get again, then what they
// say. If the session ended meanwhile, the new tokens are revoked.
func (a *Authn) renewed(ctx context.Context, p *provider, m *metadata, c *claimed, t *oauth2.Token) (outcome, error) {
	raw, _ := t.Extra("id_token").(string)
	next := p.keep(t, raw)
	next.Rest, next.Generation = c.tokens.Rest, c.tokens.Generation+1
	if raw == "" {
		next.ID = c.tokens.ID // still what a sign-out shows the provider
	}
	_, err := a.tokens.Update(ctx, c.session.ID, next, c.revision, c.session.Expires.Sub(a.now()))
	if errors.Is(err, broker.ErrConflict) {
		return refreshRevoked, p.revoke(ctx, m, next)
	}
	if err != nil {
		return refreshUnclear, fmt.Errorf("storing refreshed tokens: %w", err)
	}
	at := refreshAt(next, a.now())
	err = a.learn(ctx, p, m, c.session, t, raw)
	switch {
	case errors.Is(err, errSomebodyElse), errors.Is(err, ErrInactive):
		return refreshEnded, errors.Join(err, p.revoke(ctx, m, next), a.end(ctx, c.session.ID))
	case err != nil:
		at = a.now().Add(retryAfter).Round(0)
	}
	gone := a.changeSession(ctx, c.session.ID, func(s *Session) bool { s.RefreshAt = at; return true })
	void, unknown := a.void(ctx, c.session)
	if void || errors.Is(gone, broker.ErrNotFound) {
		return refreshRevoked, errors.Join(p.revoke(ctx, m, next), a.end(ctx, c.session.ID))
	}
	return refreshDone, errors.Join(err, gone, unknown)
}

// errSomebodyElse says that refreshed tokens are of another person than the session.
var errSomebodyElse = errors.New("refreshed tokens are of somebody else")

// learn replaces what is known of a user by what refreshed tokens say. When they say nothing, it stays.
func (a *Authn) learn(ctx context.Context, p *provider, m *metadata, s Session, t *oauth2.Token, raw string) error {
	c := claims{}
	if raw != "" {
		var err error
		if c, err = p.verify(ctx, m, raw, t.AccessToken); err != nil {
			return err
		}
	}
	if raw == "" {
		if m.UserInfo == "" {
			return nil
		}
		known, err := a.users.Get(ctx, s.User)
		if err != nil {
			return fmt.Errorf("reading the user: %w", err)
		}
		c["sub"] = known.Value.Subject
	}
	if err := p.complete(p.patient.context(ctx), m, c, t); err != nil {
		return err
	}
	v := c.vouch(m.Issuer, p.identity.GroupsClaim)
	if v.user.ID != s.User {
		return errSomebodyElse
	}
	if _, err := a.describeUser(ctx, v.user); err != nil {
		return err
	}
	return a.describeGroups(ctx, s.User, s.Identity, v.groups)
}
