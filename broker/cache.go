package broker

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/sync/singleflight"
)

const (
	cacheShards = 16
	// recentChanges is how many changes a shard remembers, so that a read that began before them cannot undo them.
	recentChanges = 1024
	// missPatience is how long a read waits for the store. While a leader is elected, replicas answer at once for what they
	// have; only what they do not have waits for the election, which takes up to nine seconds.
	missPatience = 10 * time.Second
	// rereads is how often a read is repeated that was overtaken by a change.
	rereads = 5
)

// Cache keeps a bounded number of a deciding bucket's records in memory: facts, never verdicts. The feed replaces and
// removes what changes; a read that was under way meanwhile does not bring the old back.
type Cache[T any] struct {
	bucket *Bucket[T]
	seed   maphash.Seed
	shards [cacheShards]shard[T]
	flight singleflight.Group

	mu        sync.Mutex
	listeners []func(key string, removed bool) // guarded by mu
}

type shard[T any] struct {
	mu        sync.Mutex
	facts     *simplelru.LRU[string, fact[T]] // guarded by mu
	recent    *simplelru.LRU[string, seen]    // guarded by mu
	resets    uint64                          // guarded by mu: how often everything was forgotten
	forgotten uint64                          // guarded by mu: highest revision that fell out of recent
}

type fact[T any] struct {
	value    *T
	revision uint64
}

// seen is the last change of a key that the feed told.
type seen struct {
	revision uint64
	removed  bool
}

// NewCache makes a cache of at most entries records over a bucket whose Spec says Decides.
func NewCache[T any](b *Bucket[T], entries int) *Cache[T] {
	if b.raw.feed == nil {
		panic("broker: a cache over a bucket without a feed: " + b.raw.spec.Name)
	}
	c := &Cache[T]{bucket: b, seed: maphash.MakeSeed()}
	for i := range c.shards {
		c.shards[i].facts = newLRU[fact[T]](max(entries/cacheShards, 1))
		c.shards[i].recent = newLRU[seen](recentChanges)
	}
	b.raw.feed.follow(c.apply)
	return c
}

func newLRU[V any](size int) *simplelru.LRU[string, V] {
	lru, err := simplelru.NewLRU[string, V](size, nil)
	if err != nil {
		panic("broker: " + err.Error()) // only for a size below one
	}
	return lru
}

// OnChange has f called, in the order of the stream and after the cache knows, for each record that changed; removed when
// it was deleted or expired. An empty key means that changes were missed: any record may have changed.
func (c *Cache[T]) OnChange(f func(key string, removed bool)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.listeners = append(c.listeners, f)
}

// Get gives a record: from memory without allocating, else by one read of the store, shared by all who ask for the
// same key meanwhile. The value is shared: read only. ErrNotFound, or ErrUnavailable when nobody could tell.
func (c *Cache[T]) Get(ctx context.Context, key string) (*T, error) {
	s := c.shard(key)
	s.mu.Lock()
	if f, ok := s.facts.Get(key); ok {
		s.mu.Unlock()
		return f.value, nil
	}
	last, ok := s.recent.Peek(key)
	s.mu.Unlock()
	if ok && last.removed && c.bucket.raw.spec.Unique {
		return nil, ErrNotFound
	}
	return c.load(ctx, s, key)
}

// Len is the number of records in memory.
func (c *Cache[T]) Len() int {
	n := 0
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		n += s.facts.Len()
		s.mu.Unlock()
	}
	return n
}

func (c *Cache[T]) shard(key string) *shard[T] {
	return &c.shards[maphash.String(c.seed, key)%cacheShards]
}

// load reads a record once for all who wait for it. The read outlives the request that began it.
func (c *Cache[T]) load(ctx context.Context, s *shard[T], key string) (*T, error) {
	answer := c.flight.DoChan(key, func() (any, error) {
		return c.read(context.WithoutCancel(ctx), s, key)
	})
	select {
	case r := <-answer:
		if r.Err != nil {
			return nil, r.Err
		}
		return r.Val.(*T), nil
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, context.Cause(ctx))
	}
}

func (c *Cache[T]) read(ctx context.Context, s *shard[T], key string) (*T, error) {
	ctx, cancel := context.WithTimeout(ctx, missPatience)
	defer cancel()
	for range rereads {
		s.mu.Lock()
		resets := s.resets
		s.mu.Unlock()
		entry, upTo, err := c.bucket.getFresh(ctx, key)
		if errors.Is(err, ErrNotFound) && c.bucket.raw.spec.Unique {
			c.note(s, key, upTo, resets)
		}
		if err != nil {
			return nil, err
		}
		if value, err := c.keep(s, key, entry, upTo, resets); !errors.Is(err, errAgain) {
			return value, err
		}
	}
	return nil, fmt.Errorf("reading %s %s: changed with every read: %w", c.bucket.raw.spec.Name, key, ErrUnavailable)
}

// note remembers that a key is absent, so that who asks again costs no read.
func (c *Cache[T]) note(s *shard[T], key string, revision, resets uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last, ok := s.recent.Peek(key); ok && last.revision >= revision || s.resets != resets || !c.bucket.raw.feed.live() {
		return
	}
	s.remember(strings.Clone(key), seen{revision: revision, removed: true})
}

// remember notes the last change of a key. What falls out for it is remembered by its revision alone. s.mu is held.
func (s *shard[T]) remember(key string, last seen) {
	if s.recent.Len() == recentChanges && !s.recent.Contains(key) {
		if _, oldest, ok := s.recent.GetOldest(); ok {
			s.forgotten = max(s.forgotten, oldest.revision)
		}
	}
	s.recent.Add(key, last)
}

// keep puts what was read into the cache, unless the feed knows better: errAgain then, or ErrNotFound. The key is copied:
// it may be a part of a request's bytes.
func (c *Cache[T]) keep(s *shard[T], key string, entry Entry[T], upTo, resets uint64) (*T, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last, ok := s.recent.Peek(key)
	switch {
	case s.resets != resets, s.forgotten > upTo: // a change that it may lack is remembered no more
		return nil, errAgain
	case ok && last.revision > entry.Revision && last.removed:
		return nil, ErrNotFound
	case ok && last.revision > entry.Revision:
		return nil, errAgain
	}
	value := &entry.Value
	if c.bucket.raw.feed.live() {
		s.facts.Add(strings.Clone(key), fact[T]{value: value, revision: entry.Revision})
	}
	return value, nil
}

// apply is called by the feed, in the order of the stream.
func (c *Cache[T]) apply(ch change) {
	if ch.key == "" {
		c.forget()
	} else {
		c.applyOne(ch)
	}
	c.mu.Lock()
	listeners := c.listeners
	c.mu.Unlock()
	for _, listener := range listeners {
		listener(ch.key, ch.removed)
	}
}

func (c *Cache[T]) applyOne(ch change) {
	s := c.shard(ch.key)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remember(ch.key, seen{revision: ch.revision, removed: ch.removed})
	if f, ok := s.facts.Peek(ch.key); !ok || f.revision >= ch.revision { // read ahead of the feed
		return
	}
	s.facts.Remove(ch.key)
	if ch.removed {
		return
	}
	if entry, err := c.bucket.decode(ch.key, ch.revision, ch.header, ch.data); err == nil {
		s.facts.Add(ch.key, fact[T]{value: &entry.Value, revision: entry.Revision})
	}
}

// forget drops everything that was read so far.
func (c *Cache[T]) forget() {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		s.facts.Purge()
		s.recent.Purge()
		s.forgotten = 0
		s.resets++
		s.mu.Unlock()
	}
}
