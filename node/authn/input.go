package authn

import (
	"context"
	"errors"
	"fmt"

	"picket/broker"
	"picket/policy"
)

// SessionInput is what policies see of a session that is good now, and of its user; nothing of a request.
// broker.ErrNotFound, broker.ErrUnavailable.
func (a *Authn) SessionInput(ctx context.Context, id string) (*policy.Input, error) {
	s, u, err := a.goodSession(ctx, id)
	if err != nil {
		return nil, err
	}
	g, err := a.knownGroups.Get(ctx, s.User)
	if errors.Is(err, broker.ErrNotFound) {
		g, err = &Groups{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading groups: %w", err)
	}
	in := &policy.Input{Now: a.now()}
	Caller{Session: s, User: u, Groups: g}.Fill(in)
	return in, nil
}
