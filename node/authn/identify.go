package authn

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"picket/broker"
	"picket/node/config"
)

// Identify tells whose cookie this is. o is the origin that it was sent to, cookie the value of the cookie CookieName(o)
// ("": none was sent), and r the route asked for, nil for a page of ours.
//
// The answer is Absent when the cookie is not ours or not of this origin, and when its session is gone, expired, idle
// for too long, revoked, or not of an identity of the route. It is Unknown, with no Caller, when this node cannot tell.
// A hit costs under a microsecond and allocates nothing; a miss costs a read of the store.
func (a *Authn) Identify(ctx context.Context, o config.Origin, cookie string, r *config.Route) (Caller, Answer) {
	id, ok := a.cookies.open(o, cookie)
	if !ok {
		return Caller{}, Absent
	}
	now := a.now()
	c, answer := a.caller(ctx, id, r, now)
	if answer == Found {
		a.use(c.Session, now)
	}
	return c, answer
}

// Recheck is Identify for a request that is under way already: it does not count as use, so that a page left open does not
// keep an idle session.
func (a *Authn) Recheck(ctx context.Context, o config.Origin, cookie string, r *config.Route) (Caller, Answer) {
	id, ok := a.cookies.open(o, cookie)
	if !ok {
		return Caller{}, Absent
	}
	return a.caller(ctx, id, r, a.now())
}

// caller tells whose session this is, without counting that as use of it.
func (a *Authn) caller(ctx context.Context, id string, r *config.Route, now time.Time) (Caller, Answer) {
	if !a.broker.Fresh() {
		return Caller{}, Unknown
	}
	s, err := a.knownSessions.Get(ctx, id)
	if err != nil {
		return Caller{}, failed(err)
	}
	if !a.holds(s, r, now) {
		return Caller{}, Absent
	}
	u, err := a.knownUsers.Get(ctx, s.User)
	if err != nil {
		return Caller{}, failed(err)
	}
	if !u.Active || s.Epoch < u.Epoch {
		return Caller{}, Absent
	}
	g, err := a.knownGroups.Get(ctx, s.User)
	if err != nil {
		return Caller{}, failed(err) // without groups nobody, too: a policy may deny by group
	}
	if !a.broker.Fresh() { // again: a read may have taken long
		return Caller{}, Unknown
	}
	return Caller{Session: s, User: u, Groups: g}, Found
}

// failed is the answer when a record could not be had.
func failed(err error) Answer {
	if errors.Is(err, broker.ErrNotFound) {
		return Absent
	}
	return Unknown
}

// holds tells whether a session is good at this time for this route (nil: any).
func (a *Authn) holds(s *Session, r *config.Route, now time.Time) bool {
	lifetime, idle := a.conf.Session.Lifetime, a.conf.Session.Idle
	if r != nil {
		lifetime, idle = stricter(lifetime, r.Session.Lifetime), stricter(idle, r.Session.Idle)
		if len(r.Identities) > 0 && !slices.Contains(r.Identities, s.Identity) {
			return false
		}
	}
	if !now.Before(s.Expires) || lifetime > 0 && !now.Before(s.Begun.Add(lifetime)) {
		return false
	}
	if a.providers[s.Identity] == nil {
		return false // the identity is not, or no longer, configured
	}
	return idle == 0 || now.UnixNano() <= s.lastSeen()+int64(idle+a.grain())
}

// grain is how far the stored time of last use may lag behind: it is written when it is that old.
func (a *Authn) grain() time.Duration { return a.idle / 16 }

// use notes that a session is being used now, and asks for what follows from that in the background. It never waits.
func (a *Authn) use(s *Session, now time.Time) {
	nano := now.UnixNano()
	if a.idle > 0 && nano-atomic.LoadInt64(&s.seen) > int64(a.grain()/16) {
		atomic.StoreInt64(&s.seen, nano)
	}
	touch := a.idle > 0 && nano-s.Seen.UnixNano() > int64(a.grain())
	refresh := !s.RefreshAt.IsZero() && nano >= s.RefreshAt.UnixNano()
	if !touch && !refresh {
		return
	}
	asked := atomic.LoadInt64(&s.asked)
	if nano < asked || !atomic.CompareAndSwapInt64(&s.asked, asked, nano+int64(askAgain)) {
		return
	}
	if touch {
		queue(a.touches, s.ID)
	}
	if refresh {
		queue(a.refreshes, s.ID)
	}
}

// askAgain is how long background work that was asked for may take before a request asks again.
const askAgain = 10 * time.Second

// queue hands an id to a worker, or drops it when there is no room: the next use asks again.
func queue(c chan<- string, id string) {
	select {
	case c <- id:
	default:
	}
}

// touchTime bounds a touch; it is tried anew on a later use.
const touchTime = 5 * time.Second

// touch stores that a session is in use.
func (a *Authn) touch(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(ctx, touchTime)
	defer cancel()
	now := a.now()
	err := a.changeSession(ctx, id, func(s *Session) bool {
		if now.Sub(s.Seen) <= a.grain() || !now.Before(s.Expires) {
			return false
		}
		s.Seen = now
		return true
	})
	if err != nil && !errors.Is(err, broker.ErrNotFound) {
		a.log.Debug().Err(err).Str("session", id).Msg("last use not noted")
	}
}

// changeSession changes a stored session, anew as often as others change it meanwhile. change returns false to leave
// it. broker.ErrNotFound when the session is gone: it is never brought back.
func (a *Authn) changeSession(ctx context.Context, id string, change func(*Session) bool) error {
	for {
		e, err := a.sessions.Get(ctx, id)
		if err != nil {
			return err
		}
		if !change(&e.Value) {
			return nil
		}
		_, err = a.sessions.Update(ctx, id, e.Value, e.Revision, e.Value.Expires.Sub(a.now()))
		if err == nil || !errors.Is(err, broker.ErrConflict) {
			return err
		}
	}
}
