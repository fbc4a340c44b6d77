package authn

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"picket/broker"
)

// locks are all locks of the cluster, in memory: each node follows their feed, and a node that is fresh knows of every
// lock that was acknowledged before.
type locks struct {
	bucket *broker.Bucket[Lock]
	view   *broker.Live[Lock]
	index  atomic.Pointer[lockIndex] // nil until they were read
	mu     sync.Mutex                // held while index is made: the last one made is of the last view
	made   uint64                    // guarded by mu: how many indexes were made
}

// lockGrain is how much longer the store keeps a lock than it holds: the clock of another node may be behind.
const lockGrain = time.Hour

// open finds the bucket, or makes it, and reads it. changed is called after each change.
func (k *locks) open(ctx context.Context, b *broker.Broker, log zerolog.Logger, changed func()) (err error) {
	if k.bucket, err = broker.OpenBucket[Lock](ctx, b, broker.Spec{Name: "locks", Decides: true}); err != nil {
		return fmt.Errorf("opening locks: %w", err)
	}
	k.view = broker.NewLive(k.bucket)
	if err := k.view.Load(ctx); err != nil {
		return fmt.Errorf("reading locks: %w", err)
	}
	heard := func() {
		if !k.take() {
			log.Error().Msg("there are locks that this node cannot read: it admits nobody until it can ('picket lock list' shows them)")
		}
		changed()
	}
	k.view.OnChange(heard)
	heard() // of what was read before anybody listened
	return nil
}

// take makes the index of what the view holds, and tells whether all of it could be read.
func (k *locks) take() (whole bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	x := newLockIndex(k.view.All(), len(k.view.Unreadable()) > 0)
	k.made++
	x.number = k.made
	k.index.Store(x)
	return x.whole
}

// known is the index; an empty one that is not whole until the locks were read.
func (k *locks) known() *lockIndex {
	if x := k.index.Load(); x != nil {
		return x
	}
	return &lockIndex{}
}

// AddressLock is the lock that bars an address, as far as this node knows; nil when none does. It is for whoever knows
// where a request comes from: Identify does not. It takes some tens of nanoseconds and allocates nothing.
func (a *Authn) AddressLock(addr netip.Addr) *Lock {
	index := a.locks.known()
	if len(index.addresses) == 0 { // as mostly: then the time need not be told
		return nil
	}
	return index.address(addr, a.now())
}

// refuseLocked keeps locked people and browsers from signing in. What a node that is not fresh does not know of is found
// at the first request.
func (a *Authn) refuseLocked(s *Session, got vouched) error {
	c := Caller{Session: s, User: &got.user, Groups: &Groups{Names: got.groups}}
	if l := a.locks.known().caller(c, a.now()); l != nil {
		return l.Err()
	}
	return nil
}

// AddLock locks somebody, or something, out. When it returns nil, a quorum has it. A session has to be there; users,
// groups, devices and addresses need not. ErrBadLock, broker.ErrNotFound (of a session), broker.ErrUnavailable.
func (a *Authn) AddLock(ctx context.Context, r LockRequest) (Lock, error) {
	target, err := r.check()
	if err != nil {
		return Lock{}, err
	}
	now := a.now().UTC().Round(0)
	l := Lock{Kind: r.Kind, Target: target, Reason: r.Reason, Author: r.Author, Created: now}
	if r.TTL > 0 {
		l.Expires = now.Add(r.TTL)
	}
	if r.Kind == LockSession {
		s, err := a.sessions.Get(ctx, target)
		if err != nil {
			return Lock{}, fmt.Errorf("looking for the session: %w", err)
		}
		if end := s.Value.Expires.UTC(); l.Expires.IsZero() || end.Before(l.Expires) {
			l.Expires = end // there is nothing to lock afterwards
		}
	}
	revision, err := a.createLock(ctx, &l)
	if err != nil {
		return Lock{}, err
	}
	if r.Kind == LockUser && isEmail(target) {
		a.addBearers(ctx, &l, revision)
	}
	return l, nil
}

// createLock stores a lock under an id that no other has.
func (a *Authn) createLock(ctx context.Context, l *Lock) (revision uint64, err error) {
	for {
		l.ID = strings.ToLower(rand.Text()[:lockIDLength])
		revision, err := a.locks.bucket.Create(ctx, l.ID, *l, a.keepLock(l))
		if errors.Is(err, broker.ErrConflict) {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("storing the lock: %w", err)
		}
		return revision, nil
	}
}

// keepLock is how long the store is to keep a lock; zero: for ever.
func (a *Authn) keepLock(l *Lock) time.Duration {
	if l.Expires.IsZero() {
		return 0
	}
	return l.Expires.Sub(a.now()) + lockGrain
}

// lockIDLength is the length of the id of a lock: short, for people, and letters and digits only.
const lockIDLength = 12

// addBearers notes who bears a locked e-mail address now. The lock is in force already: without this, it bars whoever bears
// the address when they ask.
func (a *Authn) addBearers(ctx context.Context, l *Lock, revision uint64) {
	ids, err := a.userIDs(ctx, l.Target)
	if errors.Is(err, broker.ErrNotFound) {
		return
	}
	if len(ids) > 0 {
		with := *l
		with.Users = ids
		_, failed := a.locks.bucket.Update(ctx, l.ID, with, revision, a.keepLock(l))
		if failed == nil {
			*l = with
		}
		err = errors.Join(err, failed)
	}
	if err != nil {
		a.log.Warn().Err(err).Str("lock", l.ID).Strs("users", l.Users).
			Msg("a lock holds for an e-mail address and for these users: whether others bear it could not be told")
	}
}

// Locks are the locks in force, the newest last, and the ids of those that cannot be read: as long as there are any,
// nobody is admitted. They are read from the store. broker.ErrUnavailable.
func (a *Authn) Locks(ctx context.Context) (all []Lock, unreadable []string, err error) {
	known := map[string]Lock{}
	for e, err := range a.locks.bucket.List(ctx) {
		switch {
		case err != nil && e.Key == "":
			return nil, nil, err
		case err != nil:
			unreadable = append(unreadable, e.Key)
		case e.Value.holds(a.now()):
			known[e.Key] = e.Value
		}
	}
	for _, l := range known {
		all = append(all, l)
	}
	slices.SortFunc(all, func(x, y Lock) int { return cmp.Or(x.Created.Compare(y.Created), cmp.Compare(x.ID, y.ID)) })
	return all, unreadable, nil
}

// RemoveLock takes a lock away, one that cannot be read, too: when it returns nil, a quorum has it. What it gives is zero
// then. broker.ErrNotFound, broker.ErrUnavailable.
func (a *Authn) RemoveLock(ctx context.Context, id string) (Lock, error) {
	if strings.Trim(id, "abcdefghijklmnopqrstuvwxyz0123456789") != "" || len(id) != lockIDLength {
		return Lock{}, fmt.Errorf("lock %.64q: %w", id, broker.ErrNotFound)
	}
	e, err := a.locks.bucket.Get(ctx, id)
	_, unreadable := a.locks.view.Unreadable()[id]
	if err != nil && !unreadable {
		return Lock{}, fmt.Errorf("looking for the lock: %w", err)
	}
	if err := a.locks.bucket.Delete(ctx, id); err != nil {
		return Lock{}, fmt.Errorf("removing the lock: %w", err)
	}
	return e.Value, nil
}
