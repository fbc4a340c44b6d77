package authn

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"picket/broker"
)

// SessionInfo is a session as an operator sees it.
type SessionInfo struct {
	ID            string    `json:"id"`
	User          string    `json:"user"` // id
	Email         string    `json:"email,omitempty"`
	Name          string    `json:"name,omitempty"`
	Groups        []string  `json:"groups"`
	Identity      string    `json:"identity"`
	Begun         time.Time `json:"begun"`
	Expires       time.Time `json:"expires"`
	Authenticated time.Time `json:"authenticated,omitzero"` // zero: the provider did not say
	Seen          time.Time `json:"seen"`
	Address       string    `json:"address,omitempty"`
	Device        string    `json:"device,omitempty"`
	Lock          string    `json:"lock,omitempty"`       // id of the lock that bars it; of the address where it is used nobody knows here
	UserAgent     string    `json:"user_agent,omitempty"` // of the browser that signed in
	Program       bool      `json:"program,omitempty"`    // a program holds it, not that browser
}

// Sessions are those that are good now, of one user (an id or an email address) or, for "", of all, oldest first. It reads
// them all from the store. broker.ErrUnavailable.
func (a *Authn) Sessions(ctx context.Context, user string) ([]SessionInfo, error) {
	all := map[string]SessionInfo{} // by id: one that changed meanwhile may be listed twice
	people := people{a: a, users: map[string]*User{}}
	for e, err := range a.sessions.List(ctx) {
		if err != nil {
			return nil, err
		}
		u, err := people.get(ctx, e.Value.User)
		if err != nil {
			return nil, err
		}
		if u == nil || user != "" && user != u.ID && !strings.EqualFold(user, u.Email) || !a.good(&e.Value, u) {
			delete(all, e.Key)
			continue
		}
		if all[e.Key], err = a.info(ctx, &e.Value, u); err != nil {
			return nil, err
		}
	}
	return slices.SortedFunc(maps.Values(all), func(x, y SessionInfo) int {
		return cmp.Or(x.Begun.Compare(y.Begun), cmp.Compare(x.ID, y.ID))
	}), nil
}

// SessionByID is one session that is good now. broker.ErrNotFound, broker.ErrUnavailable.
func (a *Authn) SessionByID(ctx context.Context, id string) (SessionInfo, error) {
	s, u, err := a.goodSession(ctx, id)
	if err != nil {
		return SessionInfo{}, err
	}
	return a.info(ctx, s, u)
}

// goodSession is a session that is good now, and its user, from the leader. broker.ErrNotFound, broker.ErrUnavailable.
func (a *Authn) goodSession(ctx context.Context, id string) (*Session, *User, error) {
	if len(id) != idLength || !wellFormedBinding(id) {
		return nil, nil, fmt.Errorf("session %.64q: %w", id, broker.ErrNotFound)
	}
	e, err := a.sessions.Get(ctx, id)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the session: %w", err)
	}
	people := people{a: a, users: map[string]*User{}}
	u, err := people.get(ctx, e.Value.User)
	if err != nil {
		return nil, nil, err
	}
	if u == nil || !a.good(&e.Value, u) {
		return nil, nil, fmt.Errorf("session %s has ended: %w", id, broker.ErrNotFound)
	}
	return &e.Value, u, nil
}

// Revoke ends a session: when it returns nil, a quorum has it. It ends also one that cannot be read, and one that holds
// nowhere now: by another configuration it may hold again. broker.ErrNotFound, broker.ErrUnavailable.
func (a *Authn) Revoke(ctx context.Context, id string) error {
	if len(id) != idLength || !wellFormedBinding(id) {
		return fmt.Errorf("session %.64q: %w", id, broker.ErrNotFound)
	}
	e, err := a.sessions.Get(ctx, id)
	if unreadable := err != nil && e.Key != ""; err != nil && !unreadable {
		return fmt.Errorf("reading the session: %w", err)
	}
	return a.endAndForget(ctx, id, e.Value.Identity)
}

// RevokeUser ends all sessions of a user (an id, or an email address, which may be of several users), by one write for each
// user, and tells how many sessions that were. broker.ErrNotFound; broker.ErrUnavailable, also when it was done for those
// who are meant as far as users can be read.
func (a *Authn) RevokeUser(ctx context.Context, user string) (n int, err error) {
	ids, unread := a.userIDs(ctx, user)
	if len(ids) == 0 {
		return 0, unread
	}
	epochs := map[string]uint64{}
	for _, id := range ids {
		if epochs[id], err = a.raiseEpoch(ctx, id); err != nil {
			return 0, err
		}
	}
	return a.sweep(ctx, epochs), unread
}

// sweep deletes the sessions of users that are below these epochs, and tells how many were good before. They are void
// already: this gives back the space and takes the tokens, and where it fails, they expire.
func (a *Authn) sweep(ctx context.Context, epochs map[string]uint64) (n int) {
	void := map[string]string{} // identity, by session id
	for e, err := range a.sessions.List(ctx) {
		if err != nil {
			a.log.Warn().Err(err).Msg("revoked sessions not counted to the end")
			break
		}
		if epoch, ok := epochs[e.Value.User]; ok && e.Value.Epoch < epoch {
			void[e.Value.ID] = e.Value.Identity
			if e.Value.Epoch == epoch-1 && a.holds(&e.Value, nil, a.now()) {
				n++
			}
		}
	}
	if err := a.endAll(ctx, void); err != nil {
		a.log.Warn().Err(err).Msg("revoked sessions not deleted")
	}
	return n
}

// RevokeAll ends every session, and tells how many had not run out: when it returns nil, a quorum has it.
// broker.ErrUnavailable.
func (a *Authn) RevokeAll(ctx context.Context) (n int, err error) {
	all := map[string]string{} // identity, by session id: one that changed meanwhile may be listed twice
	for e, err := range a.sessions.List(ctx) {
		if err != nil && e.Key == "" {
			return 0, err
		}
		_, again := all[e.Key]
		if all[e.Key] = e.Value.Identity; err == nil && !again && a.holds(&e.Value, nil, a.now()) {
			n++
		}
	}
	return n, a.endAll(ctx, all)
}

// endAtOnce is how many sessions are ended at the same time.
const endAtOnce = 64

// endAll ends sessions, given the identity of each by its id, several at a time.
func (a *Authn) endAll(ctx context.Context, sessions map[string]string) error {
	group, going := errgroup.WithContext(ctx)
	group.SetLimit(endAtOnce)
	for id, identity := range sessions {
		if going.Err() != nil {
			break
		}
		group.Go(func() error { return a.endAndForget(going, id, identity) })
	}
	return errors.Join(group.Wait(), ctx.Err())
}

// SetActive makes a user (an id, or an email address, which may be of several users) active or not, and gives the ids. Who
// is not active has no session, and cannot sign in. When it returns nil, a quorum has it. The errors are RevokeUser's.
func (a *Authn) SetActive(ctx context.Context, user string, active bool) ([]string, error) {
	ids, unread := a.userIDs(ctx, user)
	for _, id := range ids {
		if err := a.changeUser(ctx, id, func(u *User) {
			if u.Active && !active {
				u.Epoch++ // the sessions do not come back with the user
			}
			u.Active = active
		}); err != nil {
			return nil, err
		}
	}
	return ids, unread
}

// raiseEpoch makes all sessions void that a user has; those below the epoch that it returns.
func (a *Authn) raiseEpoch(ctx context.Context, id string) (epoch uint64, err error) {
	err = a.changeUser(ctx, id, func(u *User) {
		u.Epoch++
		epoch = u.Epoch
	})
	return epoch, err
}

// changeUser changes a stored user, anew as often as others change it meanwhile. broker.ErrNotFound, broker.ErrUnavailable.
func (a *Authn) changeUser(ctx context.Context, id string, change func(*User)) error {
	for {
		e, err := a.users.Get(ctx, id)
		if err != nil {
			return fmt.Errorf("reading the user: %w", err)
		}
		change(&e.Value)
		_, err = a.users.Update(ctx, id, e.Value, e.Revision, 0)
		if err == nil {
			return nil
		}
		if !errors.Is(err, broker.ErrConflict) {
			return fmt.Errorf("storing the user: %w", err)
		}
	}
}

// userIDs are the ids of the users that are meant; broker.ErrNotFound when there is none. With broker.ErrUnavailable they are
// those that could be read.
func (a *Authn) userIDs(ctx context.Context, user string) ([]string, error) {
	if wellFormedUser(user) {
		_, err := a.users.Get(ctx, user)
		if err == nil {
			return []string{user}, nil
		}
		if !errors.Is(err, broker.ErrNotFound) {
			return nil, fmt.Errorf("looking for the user: %w", err)
		}
	}
	var ids []string
	var unread error
	for e, err := range a.users.List(ctx) {
		switch {
		case err != nil && e.Key == "":
			return nil, err
		case err != nil:
			unread = fmt.Errorf("a user who cannot be read is left out: %w", err)
			continue
		}
		if user != "" && strings.EqualFold(user, e.Value.Email) {
			ids = append(ids, e.Value.ID)
		}
	}
	slices.Sort(ids)
	if ids = slices.Compact(ids); len(ids) == 0 && unread == nil { // one that changed meanwhile may be listed twice
		return nil, fmt.Errorf("user %.128q: %w", user, broker.ErrNotFound)
	}
	return ids, unread
}

// good tells whether a session would be Found on some route.
func (a *Authn) good(s *Session, u *User) bool {
	return u.Active && s.Epoch >= u.Epoch && a.holds(s, nil, a.now())
}

func (a *Authn) info(ctx context.Context, s *Session, u *User) (SessionInfo, error) {
	info := SessionInfo{
		ID: s.ID, User: s.User, Email: u.Email, Name: u.Name, Groups: []string{}, Identity: s.Identity, Begun: s.Begun,
		Expires: s.Expires, Authenticated: s.Authenticated, Seen: time.Unix(0, s.lastSeen()).UTC(), Address: s.Address,
		UserAgent: s.UserAgent, Device: s.Device, Program: s.Program,
	}
	g, err := a.knownGroups.Get(ctx, s.User)
	if err != nil && !errors.Is(err, broker.ErrNotFound) {
		return info, fmt.Errorf("reading groups: %w", err)
	}
	if err == nil && g.Names != nil {
		info.Groups = g.Names
	}
	if err != nil {
		g = &Groups{}
	}
	if l := a.locks.known().caller(Caller{Session: s, User: u, Groups: g}, a.now()); l != nil {
		info.Lock = l.ID
	}
	return info, nil
}

// people reads each user of a list once, from the leader: an operator wants no answer of before the last revocation.
type people struct {
	a     *Authn
	users map[string]*User
}

// get is nil for a user who is gone.
func (p people) get(ctx context.Context, id string) (*User, error) {
	if u, ok := p.users[id]; ok {
		return u, nil
	}
	e, err := p.a.users.Get(ctx, id)
	if err != nil && !errors.Is(err, broker.ErrNotFound) {
		return nil, fmt.Errorf("reading the user: %w", err)
	}
	p.users[id] = nil
	if err == nil {
		p.users[id] = &e.Value
	}
	return p.users[id], nil
}
