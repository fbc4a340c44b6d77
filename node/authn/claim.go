package authn

import (
	"context"
	"errors"
	"fmt"
	"time"

	"picket/broker"
)

// claimTime is after how long a claim that came to no end will come to none, by another node's clock.
const claimTime = refreshTime + skew

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
		a.unsent.Remove(s.ID)
		return nil, refreshNotNeeded, nil
	}
	if err != nil {
		return nil, refreshPostponed, fmt.Errorf("reading tokens: %w", err)
	}
	t, now, mine := e.Value, a.now(), a.attempt(s.ID)
	switch {
	case t.Refresh == "":
		return nil, refreshNotNeeded, nil
	case t.Generation > s.Generation && now.Before(t.Stored.Add(refreshTime)):
		return nil, refreshNotNeeded, nil // another node has just stored it, and is about to tell the session
	case t.Claimed != nil && t.Claimed.ID != mine:
		a.unsent.Remove(s.ID)
		outcome, err := a.giveUp(ctx, s, t, now)
		return nil, outcome, err
	}
	t.Claimed = &claim{ID: mine, Node: a.conf.Cluster.Broker.Node, At: now}
	return a.win(ctx, s, t, e.Revision)
}

// win stores a claim, which nobody else may have done since the revision, and reads it again. An earlier claim of ours of
// which nothing was sent is stored anew: what was read of it may be old.
func (a *Authn) win(ctx context.Context, s Session, t tokens, revision uint64) (*claimed, outcome, error) {
	mine := t.Claimed.ID
	_, err := a.tokens.Update(ctx, s.ID, t, revision, s.Expires.Sub(a.now()))
	if errors.Is(err, broker.ErrConflict) {
		return nil, refreshNotNeeded, nil
	}
	if err != nil {
		a.unsent.Add(s.ID, mine)
		return nil, refreshPostponed, fmt.Errorf("claiming tokens: %w", err)
	}
	e, err := a.tokens.Get(ctx, s.ID)
	if err != nil {
		a.unsent.Add(s.ID, mine)
		return nil, refreshPostponed, fmt.Errorf("reading the claim: %w", err)
	}
	if e.Value.Claimed == nil || e.Value.Claimed.ID != mine {
		return nil, refreshNotNeeded, nil
	}
	return &claimed{session: s, tokens: e.Value, revision: e.Revision}, "", nil
}

// attempt is the id of this node's claim of a session's tokens: the one of an earlier claim that may have been stored though
// the store did not say so, of which nothing was sent, or a new one.
func (a *Authn) attempt(session string) string {
	if id, ok := a.unsent.Get(session); ok {
		return id
	}
	return newID()
}

// giveUp ends a session whose tokens were claimed, came to no end, and have run out: what the provider would say of the
// person now is not to be had. Signing in again is one redirect, mostly.
func (a *Authn) giveUp(ctx context.Context, s Session, t tokens, now time.Time) (outcome, error) {
	over := t.Claimed.Lost || !now.Before(t.Claimed.At.Add(claimTime))
	if !over || t.Expires.IsZero() || now.Before(t.Expires) {
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
	a.unsent.Add(c.session.ID, c.tokens.Claimed.ID)
	return fmt.Errorf("releasing the claim: %w", err)
}

// lose notes that nobody will ever know what became of a claimed token, so that other nodes need not wait for it.
func (a *Authn) lose(ctx context.Context, c *claimed) error {
	t, lost := c.tokens, *c.tokens.Claimed
	lost.Lost = true
	t.Claimed = &lost
	_, err := a.tokens.Update(ctx, c.session.ID, t, c.revision, c.session.Expires.Sub(a.now()))
	if err == nil || errors.Is(err, broker.ErrConflict) {
		return nil
	}
	return fmt.Errorf("noting that the token may be spent: %w", err)
}
