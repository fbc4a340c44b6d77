package broker

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Live keeps a whole deciding bucket in memory: for few records that every request may need. What it holds is replaced
// as the feed tells, and read anew, whole, when the feed missed something; until that is done this node is not proved
// fresh.
type Live[T any] struct {
	bucket *Bucket[T]
	now    atomic.Pointer[map[string]T]        // never nil; the map is never changed
	broken atomic.Pointer[map[string]struct{}] // the same: keys of records that cannot be read

	mu        sync.Mutex
	records   map[string]known[T] // guarded by mu
	changed   map[string]uint64   // guarded by mu: revisions told since the reading began
	reading   bool                // guarded by mu
	again     bool                // guarded by mu: something was missed while reading
	listeners []func()            // guarded by mu
}

// known is a record of the view.
type known[T any] struct {
	Entry[T]
	broken bool // it is there, and cannot be read: Value is zero
}

// NewLive makes the view of a bucket whose Spec says Decides. It is empty until Load.
func NewLive[T any](b *Bucket[T]) *Live[T] {
	if b.raw.feed == nil {
		panic("broker: a live view of a bucket without a feed: " + b.raw.spec.Name)
	}
	l := &Live[T]{bucket: b, records: map[string]known[T]{}, changed: map[string]uint64{}}
	l.now.Store(&map[string]T{})
	l.broken.Store(&map[string]struct{}{})
	b.raw.feed.hold(l.settled)
	b.raw.feed.follow(l.apply)
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

// Load waits for the feed to begin and reads the bucket.
func (l *Live[T]) Load(ctx context.Context) error {
	if err := l.bucket.raw.feed.wait(ctx, 1); err != nil {
		return fmt.Errorf("reading %s: %w", l.bucket.raw.spec.Name, ErrUnavailable)
	}
	l.mu.Lock()
	l.reading = true
	l.mu.Unlock()
	if err := l.read(ctx); err != nil || !l.bucket.raw.spec.Later {
		return err
	}
	return l.bucket.raw.join(ctx)
}

// settled tells whether the view is whole.
func (l *Live[T]) settled() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.reading
}

func (l *Live[T]) apply(c change) {
	l.mu.Lock()
	if c.key == "" {
		l.missed()
		l.mu.Unlock()
		return
	}
	if l.reading {
		l.changed[c.key] = c.revision
	}
	l.set(c)
	l.mu.Unlock()
	l.publish()
}

// set takes one change over.
func (l *Live[T]) set(c change) {
	if c.removed {
		delete(l.records, c.key)
		return
	}
	entry, err := l.bucket.decode(c.key, c.revision, c.header, c.data)
	if err != nil {
		l.unread(c.key, err)
	}
	l.records[c.key] = known[T]{entry, err != nil}
}

func (l *Live[T]) unread(key string, err error) {
	l.bucket.raw.broker.log.Warn().Err(err).Str("bucket", l.bucket.raw.spec.Name).Str("key", key).Msg("a record cannot be read: what it says is unknown")
}

// missed has everything read anew, by a goroutine of its own: the feed must not wait.
func (l *Live[T]) missed() {
	if l.reading {
		l.again = true
		return
	}
	l.reading = true
	clear(l.changed)
	go func() {
		for l.read(context.Background()) != nil && l.bucket.raw.broker.pause(context.Background()) {
			l.bucket.raw.broker.log.Warn().Str("bucket", l.bucket.raw.spec.Name).Msg("reading anew failed; trying on")
		}
	}()
}

// read replaces the view with what the bucket holds, except where the feed told something newer meanwhile.
func (l *Live[T]) read(ctx context.Context) error {
	for {
		found, err := l.list(ctx)
		if err != nil {
			return err
		}
		if l.replace(found) {
			l.publish()
			return nil
		}
	}
}

func (l *Live[T]) list(ctx context.Context) (map[string]known[T], error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	found := map[string]known[T]{}
	for msg, err := range l.bucket.raw.list(ctx) {
		if err != nil {
			return nil, err
		}
		if removal(msg.Headers()) {
			delete(found, strings.TrimPrefix(msg.Subject(), l.bucket.raw.subject))
			continue
		}
		entry, err := l.bucket.listed(msg)
		if err != nil && entry.Key == "" {
			return nil, err
		}
		if err != nil {
			l.unread(entry.Key, err)
		}
		found[entry.Key] = known[T]{entry, err != nil}
	}
	return found, nil
}

// replace takes a whole list over; false when something was missed meanwhile and it must be read again.
func (l *Live[T]) replace(found map[string]known[T]) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.again {
		l.again = false
		clear(l.changed)
		return false
	}
	for key, revision := range l.changed {
		if entry, ok := l.records[key]; ok && entry.Revision >= revision {
			found[key] = entry
		} else if !ok && found[key].Revision <= revision {
			delete(found, key)
		}
	}
	l.records = found
	l.reading = false
	clear(l.changed)
	return true
}

func (l *Live[T]) publish() {
	l.mu.Lock()
	all, broken := make(map[string]T, len(l.records)), map[string]struct{}{}
	for key, entry := range l.records {
		if entry.broken {
			broken[key] = struct{}{}
			continue
		}
		all[key] = entry.Value
	}
	l.now.Store(&all)
	l.broken.Store(&broken)
	listeners := l.listeners
	l.mu.Unlock()
	for _, listener := range listeners {
		listener()
	}
}
