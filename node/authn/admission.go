package authn

import (
	"sync/atomic"
	"time"

	"picket/broker"
	"picket/node/config"
)

// admission is what was found out of a session that was admitted and does not change by itself: whose it is, that the user is
// active and its epoch not over, and that no lock bars anybody of it. It stands and falls with all that it was found out from:
// the session as it was read, whose it is; the records of user and groups; the locks. What time alone ends is not in it, nor
// is anything that a route says; and no answer but a yes comes from it. It lasts as long as the session is in memory, and so
// holds on to nothing great that may have gone meanwhile: no index of locks, and no configuration.
type admission struct {
	user   *broker.Fact[User]
	groups *broker.Fact[Groups]
	locks  uint64 // the number of the index of all of them, which name nobody of the session

	looked  atomic.Int64 // Unix ns when the caches were last asked for the records
	vouched [mostVouched]atomic.Pointer[vouching]
}

// lookAgain is how long the records may be used without the caches knowing: they forget first what nobody asks for.
const lookAgain = time.Second

// holds tells whether all is as it was found.
func (m *admission) holds(locks *lockIndex) bool {
	return m.locks == locks.number && m.user.Holds() && m.groups.Holds()
}

// admit remembers that a session was admitted.
func (s *Session) admit(m *admission) { s.admitted.Store(m) }

// admitted is the caller of a session that was admitted before and still would be; ok is false when that is to be found out.
func (a *Authn) admitted(s *Session, now time.Time) (c Caller, ok bool) {
	m, _ := s.admitted.Load().(*admission)
	if m == nil || !m.holds(a.locks.known()) {
		return Caller{}, false
	}
	if nano := now.UnixNano(); nano-m.looked.Load() > int64(lookAgain) {
		m.looked.Store(nano)
		a.knownSessions.Fact(s.ID)
		a.knownUsers.Fact(s.User)
		a.knownGroups.Fact(s.User)
	}
	return Caller{Session: s, User: m.user.Value(), Groups: m.groups.Value(), by: m}, true
}

// mostVouched is for how many routes an admission remembers what their applications are told.
const mostVouched = 4

// vouching is what the application of a route is told of a session, by one configuration.
type vouching struct {
	by    uint64 // the Authn's number
	route string // its name, of which a configuration has one
	keys  *keySet
	told  any
	renew time.Time
}

// told is what was made for a route, while it is good; nil: nothing is.
func (m *admission) told(by *Authn, r *config.Route, keys *keySet, now time.Time) any {
	for i := range m.vouched {
		if v := m.vouched[i].Load(); v != nil && v.by == by.number && v.route == r.Name && v.keys == keys && now.Before(v.renew) {
			return v.told
		}
	}
	return nil
}

// vouch remembers what was made, in place of what is no longer good where there is such.
func (m *admission) vouch(v *vouching) {
	place := &m.vouched[0]
	for i := range m.vouched {
		old := m.vouched[i].Load()
		if old == nil || old.by != v.by || old.route == v.route || old.keys != v.keys {
			place = &m.vouched[i]
			break
		}
	}
	place.Store(v)
}
