package broker

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// readTell is how long a bucket may not be readable before that is told.
const readTell = time.Second

// Live keeps a whole bucket that has a feed in memory: for few records that every request may need. What it holds is replaced
// as the feed tells, and read anew, whole, when the feed missed something; until that is done this node is not proved
// fresh.
type Live[T any] struct {
	bucket *Bucket[T]
	now    atomic.Pointer[map[string]T]        // never nil; the map is never changed
	broken atomic.Pointer[map[string]struct{}] // the same: keys of records that cannot be read
	wanted chan struct{}                       // a token: it must be read
	filled chan struct{}                       // closed when it was whole for the first time

	mu        sync.Mutex
	view      view[T]  // guarded by mu
	telling   bool     // guarded by mu: the view was read, and the listeners do not know of it yet
	listeners []func() // guarded by mu
}

// NewLive makes the view of a bucket whose Spec says Decides or Feed. It is empty until Load, and until one that decides is
// read, nothing proves that this node is fresh.
func NewLive[T any](b *Bucket[T]) *Live[T] {
	if b.raw.feed == nil {
		panic("broker: a live view of a bucket without a feed: " + b.raw.spec.Name)
	}
	l := &Live[T]{bucket: b, view: newView[T](), wanted: make(chan struct{}, 1), filled: make(chan struct{})}
	l.now.Store(&map[string]T{})
	l.broken.Store(&map[string]struct{}{})
	poke(l.wanted)
	b.raw.feed.hold(l.settled)
	b.raw.feed.follow(l.apply)
	b.raw.feed.works <- l.keep
	return l
}

// All is every record that can be read, by key: a map that nobody changes.
func (l *Live[T]) All() map[string]T { return *l.now.Load() }

// Unreadable are the keys of records that are there, and cannot be read: what they say is unknown, not nothing. Nobody
// changes the map.
func (l *Live[T]) Unreadable() map[string]struct{} { return *l.broken.Load() }

// OnChange has f called after the view changed.
func (l *Live[T]) OnChange(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.listeners = append(l.listeners, f)
}

// Load waits until the bucket was read, and one that was opened Later until it is proved fresh. After ErrUnavailable it goes on being read.
func (l *Live[T]) Load(ctx context.Context) error {
	select {
	case <-l.filled:
	case <-ctx.Done():
		return fmt.Errorf("reading %s: %w: %w", l.bucket.raw.spec.Name, ErrUnavailable, context.Cause(ctx))
	}
	if l.bucket.raw.spec.Decides && l.bucket.raw.spec.Later {
		return l.bucket.raw.join(ctx)
	}
	return nil
}

// settled tells whether the view is whole, and whoever decides by it knows.
func (l *Live[T]) settled() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.view.whole && !l.telling
}

// apply is called by the feed, in the order of the stream, which must not wait: a reading is left to keep.
func (l *Live[T]) apply(c change) {
	if c.key == "" {
		l.mu.Lock()
		l.view.miss()
		l.mu.Unlock()
		poke(l.wanted)
		return
	}
	news := told[T]{known: known[T]{Entry: Entry[T]{Key: c.key, Revision: c.revision}}, removed: c.removed}
	if !c.removed {
		news.known = l.decode(c)
	}
	l.mu.Lock()
	changed := l.view.apply(news)
	l.mu.Unlock()
	if changed {
		l.publish()
	}
}

// decode reads the record of a change.
func (l *Live[T]) decode(c change) known[T] {
	entry, err := l.bucket.decodeChange(c)
	if err != nil {
		l.bucket.raw.broker.log.Warn().Err(err).Str("bucket", l.bucket.raw.spec.Name).Str("key", c.key).Msg("a record cannot be read: what it says is unknown")
	}
	return known[T]{entry, err != nil}
}

// keep reads the bucket whenever that is wanted, until ctx ends.
func (l *Live[T]) keep(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.wanted:
		}
		l.readAnew(ctx)
	}
}

// readAnew reads until it worked or ctx ends. That it does not is told once, when it lasts: a stream that was just made has
// nobody who leads it.
func (l *Live[T]) readAnew(ctx context.Context) {
	begun, told := time.Now(), false
	for {
		err := l.read(ctx)
		if err == nil {
			return
		}
		if !told && time.Since(begun) > readTell {
			l.bucket.raw.broker.log.Warn().Err(err).Str("bucket", l.bucket.raw.spec.Name).Msg("reading anew failed; trying on")
			told = true
		}
		if !l.bucket.raw.broker.pause(ctx) {
			return
		}
	}
}

// read replaces the view with what the bucket holds, except where the feed told something newer meanwhile.
func (l *Live[T]) read(ctx context.Context) error {
	l.mu.Lock()
	l.view.begin()
	l.mu.Unlock()
	found, err := l.list(ctx)
	if err != nil {
		return err
	}
	l.take(found)
	return nil
}

// take takes a list over. When something was missed meanwhile it says little, and another is wanted already.
func (l *Live[T]) take(found *listing[T]) {
	l.mu.Lock()
	whole := l.view.replace(found)
	l.telling = whole
	l.mu.Unlock()
	if !whole {
		return
	}
	l.publish()
	l.mu.Lock()
	l.telling = false
	l.mu.Unlock()
	select {
	case <-l.filled:
	default:
		close(l.filled)
	}
	l.bucket.raw.feed.filled()
}

func (l *Live[T]) list(ctx context.Context) (*listing[T], error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	upTo, err := l.bucket.raw.cross(ctx)
	if err != nil {
		return nil, err
	}
	found := newListing[T](upTo)
	for msg, err := range l.bucket.raw.listFrom(ctx, upTo) {
		if err != nil {
			return nil, err
		}
		meta, err := msg.Metadata()
		if err != nil {
			return nil, fmt.Errorf("listing %s: %w: %w", l.bucket.raw.spec.Name, ErrUnavailable, err)
		}
		l.gather(found, change{key: l.bucket.raw.key(msg.Subject()), revision: meta.Sequence.Stream,
			removed: removal(msg.Headers()), header: msg.Headers(), data: msg.Data()})
	}
	return found, nil
}

// gather takes one message of a walk into a list.
func (l *Live[T]) gather(found *listing[T], c change) {
	if c.removed {
		found.remove(c.key, c.revision)
		return
	}
	found.add(l.decode(c))
}

func (l *Live[T]) publish() {
	l.mu.Lock()
	all, broken := l.view.all()
	l.now.Store(&all)
	l.broken.Store(&broken)
	listeners := l.listeners
	l.mu.Unlock()
	for _, listener := range listeners {
		listener()
	}
}
