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
	c, signed, err := a.refreshed(ctx, p, m, s, t, raw)
	if c == nil || err != nil {
		return err
	}
	v := c.vouch(m.Issuer, p.identity.GroupsClaim)
	if v.user.ID != s.User {
		return errSomebodyElse
	}
	v.user.Signed = signed
	if _, err := a.describeUser(ctx, v.user); err != nil {
		return err
	}
	return a.describeGroups(ctx, s.User, s.Identity, v.groups)
}

// refreshed are the claims of refreshed tokens, and the names of those that an ID token told; nil when nothing is said. A refresh may
// bring no ID token (OpenID Connect Core 1.0, section 12.2): of what only that tells, such as groups perhaps, nothing new is known
// then, and the last one's word stands.
func (a *Authn) refreshed(ctx context.Context, p *provider, m *metadata, s Session, t *oauth2.Token, raw string) (c claims, signed []string, err error) {
	if raw != "" {
		if c, err = p.verify(ctx, m, raw, beside{access: t.AccessToken}); err != nil {
			return nil, nil, err
		}
		signed = c.person()
		return c, signed, p.complete(ctx, p.patient, m, c, t)
	}
	if m.UserInfo == "" {
		return nil, nil, nil
	}
	known, err := a.users.Get(ctx, s.User)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the user: %w", err)
	}
	c = claims{"sub": known.Value.Subject}
	if err := p.complete(ctx, p.patient, m, c, t); err != nil {
		return nil, nil, err
	}
	told := claims{}
	for _, name := range known.Value.Signed {
		told[name] = known.Value.Claims[name]
	}
	c.fill(told)
	return c, known.Value.Signed, nil
}
