package broker

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/sync/singleflight"
)

const (
	cacheShards = 16
	// missPatience is how long a read waits for the store. While a leader is elected, replicas answer at once for what they
	// have; only what they do not have waits for the election, which takes up to nine seconds.
	missPatience = 10 * time.Second
	// rereads is how often a read is repeated that was overtaken by a change.
	rereads = 5
)

// Cache keeps a bounded number of a deciding bucket's records in memory: facts, never verdicts. The feed replaces and
// removes what changes; a read that was under way meanwhile does not bring the old back.
type Cache[T any] struct {
	bucket   *Bucket[T]
	seed     maphash.Seed
	shards   [cacheShards]shard[T]
	flight   singleflight.Group
	arrivals atomic.Uint64 // numbers questions and reads, in the order of their beginning

	mu        sync.Mutex
	listeners []func(key string, removed bool) // guarded by mu
}

// NewCache makes a cache of at most entries records over a bucket whose Spec says Decides.
func NewCache[T any](b *Bucket[T], entries int) *Cache[T] {
	if b.raw.feed == nil {
		panic("broker: a cache over a bucket without a feed: " + b.raw.spec.Name)
	}
	c := &Cache[T]{bucket: b, seed: maphash.MakeSeed()}
	for i := range c.shards {
		c.shards[i].facts = newFacts[T](max(entries/cacheShards, 1))
		c.shards[i].recent, c.shards[i].memory = newLRU[seen](recentChanges, nil), recentChanges
	}
	b.raw.feed.follow(c.apply)
	return c
}

func newLRU[V any](size int, left simplelru.EvictCallback[string, V]) *simplelru.LRU[string, V] {
	lru, err := simplelru.NewLRU(size, left)
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
	known, absent := s.look(key, c.bucket.raw.spec.Unique)
	switch {
	case known != nil:
		return known.Value(), nil
	case absent:
		return nil, ErrNotFound
	}
	return c.load(ctx, s, key)
}

// Held gives a record that is in memory, without allocating. Nil says only that it is not there.
func (c *Cache[T]) Held(key string) *T {
	if known := c.Fact(key); known != nil {
		return known.Value()
	}
	return nil
}

// Fact is Held, for who comes back to the record: as long as it Holds, there is no need to look for it again. What nobody
// looks for is what falls out of memory first.
func (c *Cache[T]) Fact(key string) *Fact[T] {
	known, _ := c.shard(key).look(key, false)
	return known
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

// flown is what a shared read brought.
type flown[T any] struct {
	value *T
	began uint64
}

// load reads a record once for all who wait for it. The read outlives the request that began it. That there is nothing, one
// who came later must not take from it: what was acknowledged in between, it may lack.
func (c *Cache[T]) load(ctx context.Context, s *shard[T], key string) (*T, error) {
	arrived := c.arrivals.Add(1)
	for {
		answer := c.flight.DoChan(key, func() (any, error) {
			began := c.arrivals.Add(1)
			value, err := c.read(context.WithoutCancel(ctx), s, key)
			return flown[T]{value, began}, err
		})
		select {
		case r := <-answer:
			brought := r.Val.(flown[T])
			if errors.Is(r.Err, ErrNotFound) && brought.began < arrived {
				continue
			}
			return brought.value, r.Err
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, context.Cause(ctx))
		}
	}
}

func (c *Cache[T]) read(ctx context.Context, s *shard[T], key string) (*T, error) {
	ctx, cancel := context.WithTimeout(ctx, missPatience)
	defer cancel()
	raw := c.bucket.raw
	for range rereads {
		q := s.ask(key, &raw.feed.follower)
		entry, upTo, err := c.bucket.getFresh(ctx, key, q.inquiry)
		value := (*T)(nil)
		switch {
		case errors.Is(err, ErrNotFound):
			err = s.absent(key, q, upTo, raw.feed.live())
		case err == nil:
			value, err = s.keep(key, q, entry, upTo, raw.feed.live(), raw.spec.Unique)
		}
		if !errors.Is(err, errAgain) {
			return value, err
		}
	}
	return nil, fmt.Errorf("reading %s %s: changed with every read: %w", raw.spec.Name, key, ErrUnavailable)
}

// apply is called by the feed, in the order of the stream.
func (c *Cache[T]) apply(ch change) {
	if ch.key == "" {
		for i := range c.shards {
			c.shards[i].forget()
		}
	} else {
		c.shard(ch.key).apply(ch, c.bucket.decodeChange)
	}
	c.mu.Lock()
	listeners := c.listeners
	c.mu.Unlock()
	for _, listener := range listeners {
		listener(ch.key, ch.removed)
	}
}
