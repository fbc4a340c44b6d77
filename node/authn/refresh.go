package authn

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/sync/errgroup"

	"picket/broker"
)

// Tokens are refreshed on use of their session, well before they run out, and in the background. A claim is stored before
// a refresh token is shown to the provider, and is never taken over: it needs no lease, and each generation of tokens is
// redeemed once at most, however many ask on however many nodes, whatever dies meanwhile, and however slow the provider
// is. What becomes of the session:
//
//	tokens    the refresh                                   a request              the next refresh
//	good      not due                                       goes on                when due, at 60 to 80 % of their life
//	good      in flight, on any node                        goes on                -
//	good      failed and spent nothing: an answer of        goes on                on use; each session with back-off, and
//	          failure, or nothing was sent                                         a provider that fails again and again
//	                                                                               is tried by one (see breaker)
//	good      unclear: a time-out, a connection cut,        goes on                never of this generation
//	          nonsense, or the node died
//	run out   not begun, or in flight                       waits, then 503        on use
//	run out   failed and spent nothing                      503, cookie kept       on use, as above
//	run out   refused by a provider that is well            session ended
//	run out   unclear                                       session ended; when    never
//	                                                        a node died, after
//	                                                        claimTime
//	any       invalid_grant, or a person is wanted          session ended          never
//	any       done                                          goes on                as at first, of the next generation
//
// Tokens of which the provider did not say when they run out never do. A session that ends while its tokens are refreshed
// has the new ones revoked at the provider.

// refreshTime bounds a refresh from claim to record. Of that the provider has patientTime to renew the tokens, which a node
// that stops waits for (node.finishTime is more), and as much to say what it knows of the person.
const refreshTime = 40 * time.Second

// retryAfter is the most that a session whose tokens could not be refreshed waits for the next try.
const retryAfter = time.Minute

// refreshAll does the refreshes that are asked for, until ctx ends, and waits for those under way.
func (a *Authn) refreshAll(ctx context.Context) error {
	var group errgroup.Group
	group.SetLimit(queueLength)
	err := work(ctx, a.refreshes, func(ctx context.Context, id string) {
		group.Go(func() error { a.inForce.Load().refresh(ctx, id); return nil })
	})
	return errors.Join(err, group.Wait())
}

// refresh renews the tokens of a session that is in use, and what is known of its user, when it is their turn. One that is
// asked for while another ends may be of the tokens that the other brought, and nobody asks again for a while: it is done
// after it.
func (a *Authn) refresh(ctx context.Context, id string) {
	if !a.enter(id) {
		return
	}
	defer a.wake(id)
	for {
		tried := a.refreshInTurn(ctx, id)
		if again := a.leaveFlight(id); !again || !tried || !a.enter(id) {
			return
		}
	}
}

// refreshInTurn refreshes when the provider has room. False when nothing came of it, and a request asks again in time.
func (a *Authn) refreshInTurn(ctx context.Context, id string) bool {
	s, err := a.knownSessions.Get(ctx, id)
	if err != nil || a.providers[s.Identity] == nil {
		return false // gone, or asked for again
	}
	slots := a.providers[s.Identity].slots
	select {
	case slots <- struct{}{}:
		defer func() { <-slots }()
	case <-ctx.Done():
		return false
	}
	outcome, err := a.refreshOnce(ctx, id)
	if outcome == refreshPostponed {
		a.postponed(ctx, id)
	}
	a.metrics.refreshed(outcome)
	if err != nil {
		a.log.Warn().Err(err).Str("session", id).Str("outcome", string(outcome)).Msg("tokens not refreshed")
	}
	return outcome != refreshPostponed
}

// enter is true for the one refresh of a session that this node does at a time; it is told of the others.
func (a *Authn) enter(id string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, busy := a.inFlight[id]; busy {
		a.inFlight[id] = true
		return false
	}
	a.inFlight[id] = false
	return true
}

// leaveFlight tells whether the refresh was asked for again since it was entered.
func (a *Authn) leaveFlight(id string) (again bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	again = a.inFlight[id]
	delete(a.inFlight, id)
	return again
}

// postponed has the requests of a session on this node not ask again for a while.
func (a *Authn) postponed(ctx context.Context, id string) {
	if s, err := a.knownSessions.Get(ctx, id); err == nil {
		s.postpone(a.now())
	}
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

// refreshOnce goes from looking whether it is needed to what is known after it. Until the claim, ctx may end it; from there
// on it goes to its own end.
func (a *Authn) refreshOnce(ctx context.Context, id string) (outcome, error) {
	looking, cancel := context.WithTimeout(ctx, refreshTime)
	defer cancel()
	s, err := a.due(looking, id)
	if err != nil {
		return refreshPostponed, err
	}
	if s == nil {
		return refreshNotNeeded, nil
	}
	p := a.providers[s.Identity]
	if p == nil {
		return refreshPostponed, nil
	}
	done, ok := p.enter()
	if !ok {
		return refreshPostponed, nil
	}
	defer done()
	m, err := p.metadata(looking)
	if err != nil {
		return refreshPostponed, err
	}
	detached, cancel := context.WithTimeout(context.WithoutCancel(ctx), refreshTime)
	defer cancel()
	c, outcome, err := a.claim(detached, *s)
	if c == nil {
		return outcome, err
	}
	if ctx.Err() != nil { // the node stops: another one does it
		return refreshPostponed, a.release(detached, c)
	}
	return a.exchange(detached, p, m, c)
}

// exchange shows a claimed token to the provider, once, and acts on the answer.
func (a *Authn) exchange(ctx context.Context, p *provider, m *metadata, c *claimed) (outcome, error) {
	a.unsent.Remove(c.session.ID)
	fresh, verdict, err := p.renew(ctx, m, c.tokens.Refresh)
	switch verdict {
	case spent:
		return a.renewed(ctx, p, m, c, fresh)
	case invalid:
		return refreshEnded, errors.Join(err, a.end(ctx, c.session.ID))
	case refused:
		if c.session.lapsed(a.now()) { // signing in may succeed
			return refreshEnded, errors.Join(err, a.end(ctx, c.session.ID))
		}
		return refreshPostponed, errors.Join(err, a.release(ctx, c))
	case unspent:
		return refreshPostponed, errors.Join(err, a.release(ctx, c))
	}
	if c.session.lapsed(a.now()) {
		return refreshUnclear, errors.Join(err, a.end(ctx, c.session.ID))
	}
	return refreshUnclear, errors.Join(err, a.lose(ctx, c))
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

// learnTries is as how many failures in a row one counts after which the provider renewed tokens but did not say whose.
const learnTries = 5

// renewed stores what the provider gave for a claimed token: first the tokens, which nobody can get again, then what they
// say. If the session ended meanwhile, the new tokens are revoked.
func (a *Authn) renewed(ctx context.Context, p *provider, m *metadata, c *claimed, t *oauth2.Token) (outcome, error) {
	raw, _ := t.Extra("id_token").(string)
	next := p.keep(t, raw)
	next.Rest, next.Generation, next.Stored = c.tokens.Rest, c.tokens.Generation+1, a.now().Round(0)
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
	at, until := refreshAt(next, a.now()), next.vouchedUntil()
	err = a.learn(ctx, p, m, c.session, t, raw)
	switch {
	case errors.Is(err, errSomebodyElse), errors.Is(err, ErrInactive):
		return refreshEnded, errors.Join(err, p.revoke(ctx, m, next), a.end(ctx, c.session.ID))
	case err != nil: // the tokens are new, what is known of the person is not
		at, until = a.now().Add(backOff(learnTries)).Round(0), c.session.VouchedUntil
	}
	gone := a.changeSession(ctx, c.session.ID, func(s *Session) bool {
		s.RefreshAt, s.VouchedUntil, s.Generation = at, until, next.Generation
		return true
	})
	void, unknown := a.void(ctx, c.session)
	if void || errors.Is(gone, broker.ErrNotFound) {
		return refreshRevoked, errors.Join(p.revoke(ctx, m, next), a.end(ctx, c.session.ID))
	}
	return refreshDone, errors.Join(err, gone, unknown)
}
