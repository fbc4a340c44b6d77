package authn

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/oauth2"
)

// errSomebodyElse says that refreshed tokens are of another person than the session.
var errSomebodyElse = errors.New("refreshed tokens are of somebody else")

// learn replaces what is known of a user by what refreshed tokens say. When they say nothing, it stays.
func (a *Authn) learn(ctx context.Context, p *provider, m *metadata, s Session, t *oauth2.Token, raw string) error {
	c := claims{}
	if raw != "" {
		var err error
		if c, err = p.verify(ctx, m, raw, beside{access: t.AccessToken}); err != nil {
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
	if err := p.complete(ctx, p.patient, m, c, t); err != nil {
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
