package authn

import (
	"context"
	"errors"
	"fmt"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"

	"picket/broker"
)

// Access tokens in memory, for the routes that pass them on. The store has them sealed; a node opens those that it is asked for.
const (
	tokenEntries = 8192
	tokenTime    = 5 * time.Second // that the store may take to answer for one
	tokenAgain   = time.Second     // after which a session that had none is looked at again, when it may get one
)

// passed is what is known of the access token of a session.
type passed struct {
	access     string    // "": there is none
	generation uint64    // of the session that it was read for
	until      time.Time // when to look again; zero: not before the next generation
}

// passedOn are the access tokens that routes pass on.
type passedOn struct {
	known *lru.Cache[string, passed] // by session id
	reads singleflight.Group         // by session id
}

// newPassedOn knows of none.
func newPassedOn() (*passedOn, error) {
	known, err := lru.New[string, passed](tokenEntries)
	if err != nil {
		return nil, fmt.Errorf("making the cache of access tokens: %w", err)
	}
	return &passedOn{known: known}, nil
}

// AccessToken is the access token that the identity provider gave for a caller's session, to be passed on to an
// application; "" when there is none, or it has run out and nothing renews it. An error when that cannot be told:
// broker.ErrUnavailable. A hit reads nothing; a miss costs one read of the store.
func (a *Authn) AccessToken(ctx context.Context, c Caller) (string, error) {
	if !c.Known() {
		return "", nil
	}
	id, generation := c.Session.ID, c.Session.Generation
	if access, ok := a.knownAccess(id, generation); ok {
		return access, nil
	}
	read := a.passedOn.reads.DoChan(fmt.Sprintf("%s %d", id, generation), func() (any, error) {
		return a.readAccess(context.WithoutCancel(ctx), id, generation)
	})
	select {
	case <-ctx.Done():
		return "", fmt.Errorf("reading tokens: %w", ctx.Err())
	case r := <-read:
		access, _ := r.Val.(string)
		return access, r.Err
	}
}

// knownAccess is the token of a session as far as it is remembered.
func (a *Authn) knownAccess(id string, generation uint64) (access string, ok bool) {
	p, ok := a.passedOn.known.Get(id)
	return p.access, ok && p.generation == generation && (p.until.IsZero() || a.now().Before(p.until))
}

// readAccess reads the token of a session from the store, and remembers it.
func (a *Authn) readAccess(ctx context.Context, id string, generation uint64) (string, error) {
	if access, ok := a.knownAccess(id, generation); ok { // by who read it a moment ago
		return access, nil
	}
	ctx, cancel := context.WithTimeout(ctx, tokenTime)
	defer cancel()
	e, err := a.tokens.Get(ctx, id)
	if errors.Is(err, broker.ErrNotFound) {
		e, err = broker.Entry[tokens]{}, nil // the session is about to end, or its sign-in gave none
	}
	if err != nil {
		return "", fmt.Errorf("reading tokens: %w", err)
	}
	t, now := e.Value, a.now()
	p := passed{access: t.Access, generation: generation, until: t.Expires}
	if ran := !t.Expires.IsZero() && !now.Before(t.Expires); ran || t.Access == "" {
		p.access, p.until = "", time.Time{}
		if t.Refresh != "" {
			p.until = now.Add(tokenAgain)
		}
	}
	a.passedOn.known.Add(id, p)
	return p.access, nil
}
