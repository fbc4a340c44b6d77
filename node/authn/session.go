package authn

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"picket/broker"
)

// defaultLifetime is how long a session lasts when the configuration does not say.
const defaultLifetime = 14 * time.Hour

// record stores what a provider vouched for, and at last the session: when it returns, a quorum has all of it.
func (a *Authn) record(ctx context.Context, from stay, got vouched, r CallbackRequest) (*Session, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	s := a.newSession(from.Identity, got, r)
	if err := a.refuseLocked(s, got); err != nil {
		return nil, err
	}
	s.SteppedUp, s.Program = from.Need != nil, from.Program != nil
	old := a.replaced(ctx, r.Cookie, from.Identity)
	if old != nil {
		s.Replaced = old.ID
	}
	if err := a.describe(ctx, s, got); err != nil {
		_ = a.tokens.Delete(ctx, s.ID) // of no session; should this fail, they expire
		return nil, err
	}
	if _, err := a.sessions.Create(ctx, s.ID, *s, s.Expires.Sub(a.now())); err != nil {
		return nil, fmt.Errorf("storing the session: %w", err)
	}
	if old != nil {
		if err := a.end(ctx, old.ID); err != nil {
			a.log.Warn().Err(err).Str("session", old.ID).Msg("replaced session not ended")
		}
	}
	return s, nil
}

// newSession makes the session of a sign-in; its id was never seen before. Epoch is not set yet.
func (a *Authn) newSession(identity string, got vouched, r CallbackRequest) *Session {
	now := a.now().Round(0) // without the monotonic reading, which no other node has
	return &Session{
		ID:            newID(),
		User:          got.user.ID,
		Identity:      identity,
		SID:           got.sid,
		Begun:         now,
		Expires:       now.Add(a.lifetime()),
		Authenticated: got.authenticated,
		ACR:           got.acr,
		AMR:           got.amr,
		Device:        deviceOf(r.Binding),
		Address:       clip(r.Address, 64),
		UserAgent:     clip(r.UserAgent, 256),
		Seen:          now,
		RefreshAt:     refreshAt(got.tokens, now),
		VouchedUntil:  got.tokens.vouchedUntil(),
	}
}

// describe stores user, groups and tokens of a session at the same time, and sets the session's epoch.
func (a *Authn) describe(ctx context.Context, s *Session, got vouched) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		epoch, err := a.describeUser(ctx, got.user)
		s.Epoch = epoch
		return err
	})
	group.Go(func() error { return a.describeGroups(ctx, s.User, s.Identity, got.groups) })
	group.Go(func() error {
		if _, err := a.tokens.Create(ctx, s.ID, got.tokens, s.Expires.Sub(a.now())); err != nil {
			return fmt.Errorf("storing tokens: %w", err)
		}
		return nil
	})
	return group.Wait()
}

// describeUser replaces what is known of a user, but not whether the user is active, nor the epoch, which it returns.
// ErrInactive when the user is not active: then nothing is changed.
func (a *Authn) describeUser(ctx context.Context, u User) (epoch uint64, err error) {
	for {
		e, err := a.users.Get(ctx, u.ID)
		switch {
		case errors.Is(err, broker.ErrNotFound):
			u.Active, u.Epoch = true, 0
			_, err = a.users.Create(ctx, u.ID, u, 0)
		case err != nil:
		case !e.Value.Active:
			return 0, fmt.Errorf("user %s: %w", u.ID, ErrInactive)
		default:
			u.Active, u.Epoch, u.Rest = true, e.Value.Epoch, e.Value.Rest
			_, err = a.users.Update(ctx, u.ID, u, e.Revision, 0)
		}
		if err == nil {
			return u.Epoch, nil
		}
		if !errors.Is(err, broker.ErrConflict) {
			return 0, fmt.Errorf("storing the user: %w", err)
		}
	}
}

// describeGroups replaces the groups of a user.
func (a *Authn) describeGroups(ctx context.Context, user, source string, names []string) error {
	g := Groups{Names: names, Source: source, AsOf: a.now()}
	if _, err := a.groups.Put(ctx, user, g, 0); err != nil {
		return fmt.Errorf("storing groups: %w", err)
	}
	return nil
}

// replaced is the session that a new one of the same identity takes the place of in this browser, nil when there is
// none. Were it left alone, signing out would end one and leave the other.
func (a *Authn) replaced(ctx context.Context, cookie, identity string) *Session {
	id, ok := a.cookies.open(a.sso(), cookie)
	if !ok {
		return nil
	}
	e, err := a.sessions.Get(ctx, id)
	if err != nil || e.Value.Identity != identity {
		return nil
	}
	return &e.Value
}

// end deletes a session and, as far as can be, its tokens. nil when it was gone.
func (a *Authn) end(ctx context.Context, id string) error {
	if err := a.deleteSession(ctx, id); err != nil {
		return err
	}
	a.endTokens(ctx, id)
	return nil
}

// deleteSession deletes a session, and has the store remember that as long as it can have lasted: no backup brings it back.
func (a *Authn) deleteSession(ctx context.Context, id string) error {
	if err := a.sessions.DeleteFor(ctx, id, a.lifetime()); err != nil {
		return fmt.Errorf("deleting the session: %w", err)
	}
	return nil
}

// lifetime is how long a session lasts.
func (a *Authn) lifetime() time.Duration {
	if a.conf.Session.Lifetime <= 0 {
		return defaultLifetime
	}
	return a.conf.Session.Lifetime
}

// endTokens deletes the tokens of an ended session, as far as can be: they are sealed, and gone when it would have expired.
func (a *Authn) endTokens(ctx context.Context, id string) {
	if err := a.tokens.Delete(ctx, id); err != nil {
		a.log.Warn().Err(err).Str("session", id).Msg("tokens of an ended session not deleted")
	}
}

// clip is the first bytes of s, without a torn character at the end.
func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && s[most]&0xC0 == 0x80 {
		most--
	}
	return s[:most]
}

// refreshAt is when tokens are to be refreshed: well before they run out, and not all at once. Zero: they cannot be.
func refreshAt(t tokens, now time.Time) time.Time {
	if t.Refresh == "" {
		return time.Time{}
	}
	left := time.Hour // the provider did not say
	if !t.Expires.IsZero() {
		left = t.Expires.Sub(now)
	}
	return now.Add(left * time.Duration(60+jitter(20)) / 100).Round(0)
}

// vouchedUntil is until when the provider vouches for what it said with tokens that can be refreshed. Zero: it did not say, or
// there is nothing to refresh, and the session lasts as long as sessions do.
func (t tokens) vouchedUntil() time.Time {
	if t.Refresh == "" {
		return time.Time{}
	}
	return t.Expires
}
