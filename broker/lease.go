package broker

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Leases say who does what only one node may do at a time. They are records of the bucket `leases`, which end by themselves
// unless their holder renews them; no clock of one node is compared with another's.
//
// A lease is taken by making its record, or by replacing, with compare-and-set, one that was given back or that did not
// change for as long as a lease lasts. Its holder counts from the moment before it asked, and stops at two thirds of that
// time: so it knows that it has lost the lease before anybody else can have it. What was begun under a lease and takes
// effect late is told apart by the fence, which grows from holder to holder.
type Leases struct {
	bucket *Bucket[lease]
	life   time.Duration

	mu   sync.Mutex
	held map[string]*Lease // guarded by mu; by claim
}

// lease is a record: it says who holds it.
type lease struct {
	Holder string `json:"holder"` // name of the node
	Claim  string `json:"claim"`  // of this taking: one node may take it twice
	Free   bool   `json:"free"`   // it was given back
	Rest
}

// Lease is one that was taken.
type Lease struct {
	leases *Leases
	key    string
	claim  string
	fence  uint64

	writing  sync.Mutex
	revision uint64 // guarded by writing: of its record

	mu    sync.Mutex
	until time.Duration // guarded by mu: on the running clock; from then on it is not acted on
	lost  chan struct{} // closed when it is given back, or lost
	once  sync.Once
}

const (
	leaseLife = 30 * time.Second
	// leaseAsk is how often a lease that another holds is asked for.
	leaseAsk = 250 * time.Millisecond
)

// OpenLeases opens the bucket of leases. They last for life unless they are renewed, whole seconds; 0: 30 s.
func OpenLeases(ctx context.Context, b *Broker, life time.Duration) (*Leases, error) {
	if life == 0 {
		life = leaseLife
	}
	bucket, err := OpenBucket[lease](ctx, b, Spec{Name: "leases", Passing: true})
	if err != nil {
		return nil, err
	}
	return &Leases{bucket: bucket, life: life, held: map[string]*Lease{}}, nil
}

// Run renews what is held until ctx ends, and then gives it back, so that others need not wait.
func (l *Leases) Run(ctx context.Context) error {
	tick := time.NewTicker(l.life / 6)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return l.giveBack(context.WithoutCancel(ctx))
		case <-tick.C:
		}
		var renewing errgroup.Group
		for _, lease := range l.all() {
			renewing.Go(func() error { lease.renew(ctx); return nil })
		}
		_ = renewing.Wait() // none of them fails
	}
}

// giveBack gives everything back. What cannot be given back ends by itself.
func (l *Leases) giveBack(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	var releasing errgroup.Group
	for _, lease := range l.all() {
		releasing.Go(func() error { _ = lease.Release(ctx); return nil })
	}
	return releasing.Wait()
}

func (l *Leases) all() (all []*Lease) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, lease := range l.held {
		all = append(all, lease)
	}
	return all
}

// running is this node's clock, which goes on through a suspension.
func (l *Leases) running() time.Duration { return l.bucket.raw.broker.clock.now().running }

// Take takes the lease of a name as soon as nobody has it, or gives up when ctx ends. ErrUnavailable when nobody could
// tell whether it is free. While Run runs it stays taken until Release.
func (l *Leases) Take(ctx context.Context, name string) (*Lease, error) {
	mine := &Lease{leases: l, key: EncodeKey(name), claim: rand.Text(), lost: make(chan struct{})}
	watched := watchedLease{life: l.life}
	for {
		asked := l.running()
		revision, err := l.try(ctx, mine, &watched)
		if err == nil {
			mine.fence, mine.revision, mine.until = revision, revision, asked+l.acts()
			l.mu.Lock()
			l.held[mine.claim] = mine
			l.mu.Unlock()
			return mine, nil
		}
		if !errors.Is(err, ErrConflict) {
			return nil, fmt.Errorf("taking the lease %s: %w", name, err)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("taking the lease %s, which another holds: %w", name, context.Cause(ctx))
		case <-time.After(leaseAsk):
		}
	}
}

// acts is how long after it was asked for a lease is acted on.
func (l *Leases) acts() time.Duration { return l.life * 2 / 3 }

// watchedLease is what a node that waits for a lease has seen of it.
type watchedLease struct {
	life     time.Duration
	revision uint64        // 0: nothing
	since    time.Duration // on the running clock
}

// over tells whether a record that somebody holds has not been renewed for too long.
func (w *watchedLease) over(revision uint64, now time.Duration) bool {
	if revision != w.revision {
		w.revision, w.since = revision, now
	}
	return now-w.since > w.life
}

// try takes the lease if nobody has it; ErrConflict when somebody does.
func (l *Leases) try(ctx context.Context, mine *Lease, watched *watchedLease) (uint64, error) {
	revision, err := l.bucket.Create(ctx, mine.key, mine.record(false), l.life)
	if !errors.Is(err, ErrConflict) {
		return revision, err
	}
	there, err := l.bucket.Get(ctx, mine.key)
	switch {
	case errors.Is(err, ErrNotFound):
		return 0, ErrConflict // until a moment ago
	case err != nil:
		return 0, err
	case there.Value.Free, watched.over(there.Revision, l.running()):
		return l.bucket.Update(ctx, mine.key, mine.record(false), there.Revision, l.life)
	}
	return 0, ErrConflict
}

func (l *Lease) record(free bool) lease {
	return lease{Holder: l.leases.bucket.raw.broker.options.Node, Claim: l.claim, Free: free}
}

// Fence is a number that is greater for each who takes the lease.
func (l *Lease) Fence() uint64 { return l.fence }

// Lost is closed when the lease is not held any more, be it that it was given back.
func (l *Lease) Lost() <-chan struct{} { return l.lost }

// Held tells how long the lease may still be acted on without being renewed; 0: it is lost.
func (l *Lease) Held() time.Duration {
	select {
	case <-l.lost:
		return 0
	default:
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return max(l.until-l.leases.running(), 0)
}

// renew makes the lease last anew. One that could not be renewed in time is lost; so is one that another has.
func (l *Lease) renew(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, min(callTimeout, l.leases.life/6))
	defer cancel()
	l.writing.Lock()
	defer l.writing.Unlock()
	if l.Held() == 0 { // given back meanwhile, say
		l.end()
		return
	}
	asked := l.leases.running()
	err := l.write(ctx, l.record(false), l.leases.life)
	switch {
	case err == nil:
		l.mu.Lock()
		l.until = asked + l.leases.acts()
		l.mu.Unlock()
	case errors.Is(err, ErrConflict), l.Held() == 0:
		l.end()
	}
}

// write replaces the record, if it is this taking's. Call it with writing held.
func (l *Lease) write(ctx context.Context, r lease, life time.Duration) error {
	bucket := l.leases.bucket
	revision, err := bucket.Update(ctx, l.key, r, l.revision, life)
	if errors.Is(err, ErrConflict) { // perhaps with what was written before, and not answered
		there, readErr := bucket.Get(ctx, l.key)
		if readErr != nil && !errors.Is(readErr, ErrNotFound) {
			return readErr
		}
		if readErr == nil && there.Value.Claim == l.claim {
			revision, err = bucket.Update(ctx, l.key, r, there.Revision, life)
		}
	}
	if err == nil {
		l.revision = revision
	}
	return err
}

// Release gives the lease back. Nil when it was lost before.
func (l *Lease) Release(ctx context.Context) error {
	l.end()
	l.writing.Lock()
	defer l.writing.Unlock()
	if err := l.write(ctx, l.record(true), time.Second); err != nil && !errors.Is(err, ErrConflict) {
		return fmt.Errorf("giving a lease back, which ends by itself: %w", err)
	}
	return nil
}

// end lets nobody act on it any more.
func (l *Lease) end() {
	l.once.Do(func() { close(l.lost) })
	l.leases.mu.Lock()
	defer l.leases.mu.Unlock()
	delete(l.leases.held, l.claim)
}
