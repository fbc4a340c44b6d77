package authn

import (
	"context"
	"errors"
	"fmt"
	"time"

	"picket/broker"
)

// claimTime is after how long a claim that came to no end will come to none.
const claimTime = 2 * refreshTime

// claimed is a generation of tokens that is ours to redeem.
type claimed struct {
	session  Session
	tokens   tokens
	revision uint64 // of the claim: what comes next is written only onto it
}

// claim takes the present generation of a session's tokens for this node: stored, and read again from the leader.
// nil when it is not ours.
func (a *Authn) claim(ctx context.Context, s Session) (*claimed, outcome, error) {
	e, err := a.tokens.Get(ctx, s.ID)
	if errors.Is(err, broker.ErrNotFound) {
		a.forgetAttempt(s.ID)
		return nil, refreshNotNeeded, nil
	}
	if err != nil {
		return nil, refreshPostponed, fmt.Errorf("reading tokens: %w", err)
	}
	t, now, mine := e.Value, a.now(), a.attempt(s.ID)
	switch {
	case t.Refresh == "":
		return nil, refreshNotNeeded, nil
	case t.Claimed != nil && t.Claimed.ID == mine:
		return &claimed{session: s, tokens: t, revision: e.Revision}, "", nil
	case t.Claimed != nil:
		a.forgetAttempt(s.ID)
		outcome, err := a.giveUp(ctx, s, t, now)
		return nil, outcome, err
	}
	t.Claimed = &claim{ID: mine, Node: a.conf.Cluster.Broker.Node, At: now}
	_, err = a.tokens.Update(ctx, s.ID, t, e.Revision, s.Expires.Sub(now))
	if errors.Is(err, broker.ErrConflict) {
		return nil, refreshNotNeeded, nil
	}
	if err != nil {
		a.unspent(s.ID, mine)
		return nil, refreshPostponed, fmt.Errorf("claiming tokens: %w", err)
	}
	e, err = a.tokens.Get(ctx, s.ID)
	if err != nil {
		a.unspent(s.ID, mine)
		return nil, refreshPostponed, fmt.Errorf("reading the claim: %w", err)
	}
	if e.Value.Claimed == nil || e.Value.Claimed.ID != mine {
		return nil, refreshNotNeeded, nil
	}
	return &claimed{session: s, tokens: e.Value, revision: e.Revision}, "", nil
}

// attempt is the id of this node's claim of a session's tokens: the one of an earlier claim that may have been stored though
// the store did not say so, of which nothing was spent, or a new one.
func (a *Authn) attempt(session string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if id := a.unsent[session]; id != "" {
		return id
	}
	return newID()
}

// unspent remembers a claim that may be stored, of which nothing was spent.
func (a *Authn) unspent(session, attempt string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.unsent[session] = attempt
}

// forgetAttempt is for when the token is about to be shown, or is not ours to show.
func (a *Authn) forgetAttempt(session string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.unsent, session)
}

// giveUp ends a session whose tokens were claimed, came to no end, and have run out: what the provider would say of the
// person now is not to be had. Signing in again is one redirect, mostly.
func (a *Authn) giveUp(ctx context.Context, s Session, t tokens, now time.Time) (outcome, error) {
	if now.Before(t.Claimed.At.Add(claimTime)) || now.Before(t.Expires) {
		return refreshNotNeeded, nil
	}
	return refreshEnded, a.end(ctx, s.ID)
}

// release gives a claim back whose token was surely not spent.
func (a *Authn) release(ctx context.Context, c *claimed) error {
	t := c.tokens
	t.Claimed = nil
	_, err := a.tokens.Update(ctx, c.session.ID, t, c.revision, c.session.Expires.Sub(a.now()))
	if err == nil || errors.Is(err, broker.ErrConflict) {
		return nil
	}
	a.unspent(c.session.ID, c.tokens.Claimed.ID)
	return fmt.Errorf("releasing the claim: %w", err)
}
