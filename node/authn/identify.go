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
// When the tokens of the session have run out, it waits for their refresh, some seconds; the state of a session is told
// above refresh.
//
// The answer is Absent when the cookie is not ours or not of this origin, and when its session is gone, expired, idle
// for too long, revoked, or not of an identity of the route. It is Locked when a lock bars whose cookie it is: that counts as no use, and
// no token is refreshed. (A lock of an address is for whoever knows the address to ask for: AddressLock.) It is Unknown,
// with no Caller but its Doubt, when this node cannot tell.
// A hit costs under a microsecond and allocates nothing; a miss costs a read of the store.
func (a *Authn) Identify(ctx context.Context, o config.Origin, cookie string, r *config.Route) (Caller, Answer) {
	return a.IdentifyAt(ctx, a.now(), o, cookie, r)
}

// IdentifyAt is Identify for who has just read the clock of Options.
func (a *Authn) IdentifyAt(ctx context.Context, now time.Time, o config.Origin, cookie string, r *config.Route) (Caller, Answer) {
	id, held, ok := a.opened(a.cookies, o, cookie)
	if !ok {
		return Caller{}, Absent
	}
	return a.identify(ctx, id, held, r, now)
}

// Recheck is Identify for a request that is under way already. It does not count as use, so that a page left open does not
// keep an idle session; but its tokens are refreshed, and it does not wait for that: while they have run out, the answer is
// Unknown.
func (a *Authn) Recheck(ctx context.Context, o config.Origin, cookie string, r *config.Route) (Caller, Answer) {
	id, held, ok := a.opened(a.cookies, o, cookie)
	if !ok {
		return Caller{}, Absent
	}
	return a.recheck(ctx, id, held, r)
}

// identify is Identify by the id of a session. held is the session as this node has it in memory; nil: it is looked for. now was
// just read.
func (a *Authn) identify(ctx context.Context, id string, held *Session, r *config.Route, now time.Time) (Caller, Answer) {
	c, answer := a.caller(ctx, id, held, r, now)
	if answer != Found {
		return c, answer
	}
	a.use(c.Session, now)
	if c.Session.lapsed(now) {
		return a.awaitTokens(ctx, id, r)
	}
	return c, answer
}

// recheck is Recheck by the id of a session, as identify has it.
func (a *Authn) recheck(ctx context.Context, id string, held *Session, r *config.Route) (Caller, Answer) {
	now := a.now()
	c, answer := a.caller(ctx, id, held, r, now)
	if answer != Found {
		return c, answer
	}
	a.askRefresh(c.Session, now)
	if c.Session.lapsed(now) {
		return Caller{Doubt: ProviderSilent}, Unknown
	}
	return c, answer
}

// caller tells whose session this is (s: as this node has it in memory, nil: it is looked for), without counting that as use of it,
// and whether or not its tokens have run out. now was just read.
func (a *Authn) caller(ctx context.Context, id string, s *Session, r *config.Route, now time.Time) (Caller, Answer) {
	if !a.fresh(now) {
		return Caller{}, Unknown
	}
	if s != nil && a.holds(s, r, now) {
		if c, ok := a.admitted(s, now); ok {
			return c, Found
		}
	}
	long := s == nil // something may have to be read, which may take long
	if long {
		var err error
		if s, err = a.knownSessions.Get(ctx, id); err != nil {
			return Caller{}, failed(err)
		}
	}
	if !a.holds(s, r, now) {
		return Caller{}, Absent
	}
	u, user, err := have(ctx, a.knownUsers, s.User)
	if err != nil {
		return Caller{}, failed(err)
	}
	if !u.Active || s.Epoch < u.Epoch {
		return Caller{}, Absent
	}
	g, groups, err := have(ctx, a.knownGroups, s.User)
	if err != nil {
		return Caller{}, failed(err) // without groups nobody, too: a policy may deny by group
	}
	long = long || user == nil || groups == nil
	c, locks := Caller{Session: s, User: u, Groups: g}, a.locks.known()
	c.Lock = locks.caller(c, now)
	switch {
	case !locks.whole || long && !a.broker.Fresh(): // again: meanwhile this node may have lost touch
		return Caller{}, Unknown
	case c.Lock != nil:
		return c, Locked
	}
	if !long && locks.caller(c, time.Time{}) == nil { // nor a lock that is over, which holds again where the clock is set back
		s.admit(&admission{user: user, groups: groups, locks: locks.number})
	}
	return c, Found
}

// have gives a record as broker.Cache.Get does, and the fact that it is where it was in memory; nil: it had to be read from
// the store.
func have[T any](ctx context.Context, from *broker.Cache[T], key string) (*T, *broker.Fact[T], error) {
	if known := from.Fact(key); known != nil {
		return known.Value(), known, nil
	}
	value, err := from.Get(ctx, key)
	return value, nil, err
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
	if a.idle > 0 && nano-s.Seen.UnixNano() > int64(a.grain()) && ask(&s.touched, nano) {
		queue(a.touches, s.ID)
	}
	a.askRefresh(s, now)
}

// askRefresh has the tokens of a session refreshed in the background when it is time. It never waits.
func (a *Authn) askRefresh(s *Session, now time.Time) {
	nano := now.UnixNano()
	if s.RefreshAt.IsZero() || nano < s.RefreshAt.UnixNano() || nano < atomic.LoadInt64(&s.retry) {
		return
	}
	if ask(&s.asked, nano) && !queue(a.refreshes, s.ID) {
		s.postpone(now)
	}
}

// askAgain is how long background work that was asked for may take before a request asks again.
const askAgain = 10 * time.Second

// ask is true for the one who may ask now for what is not asked for again before the time in until.
func ask(until *int64, nano int64) bool {
	before := atomic.LoadInt64(until)
	return nano >= before && atomic.CompareAndSwapInt64(until, before, nano+int64(askAgain))
}

// queue hands something to a worker. False when there is no room, and it is dropped.
func queue[T any](c chan<- T, item T) bool {
	select {
	case c <- item:
		return true
	default:
		return false
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
