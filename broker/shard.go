package broker

import (
	"strings"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// recentChanges is how many changes a shard remembers, so that a read that began before them cannot undo them.
const recentChanges = 1024

// shard is a part of a cache: what is known, what changed of late, and the rules by which what was read meets what was
// told. It asks nobody; the model in the tests drives it.
type shard[T any] struct {
	mu        sync.Mutex
	facts     *simplelru.LRU[string, *Fact[T]] // guarded by mu
	recent    *simplelru.LRU[string, seen]     // guarded by mu
	resets    uint64                           // guarded by mu: how often everything was forgotten
	forgotten uint64                           // guarded by mu: highest revision that fell out of recent
	memory    int                              // how many recent holds
}

// Fact is a record as a cache has it in memory.
type Fact[T any] struct {
	entry Entry[T]
	over  atomic.Bool
}

// Value is the record. It is shared: read only.
func (f *Fact[T]) Value() *T { return &f.entry.Value }

// Holds tells whether the cache knows the record as it is here, as Held would tell. Once it is false it stays so: the record
// changed, or went, or only fell out of memory.
func (f *Fact[T]) Holds() bool { return !f.over.Load() }

// newFacts are so many; what leaves them holds no longer.
func newFacts[T any](size int) *simplelru.LRU[string, *Fact[T]] {
	return newLRU(size, func(_ string, f *Fact[T]) { f.over.Store(true) })
}

// put takes a record in, in place of an earlier one. s.mu is held.
func (s *shard[T]) put(key string, entry Entry[T]) *Fact[T] {
	f := &Fact[T]{entry: entry}
	s.facts.Remove(key)
	s.facts.Add(key, f)
	return f
}

// seen is the last that is known of a key: a change that the feed told, or that a read found none.
type seen struct {
	revision uint64
	removed  bool
}

// question is one read of the store for a shard: what it must reach, and what was known when it began.
type question struct {
	inquiry
	resets uint64
}

// look gives what is known of a key: its record, or that it is absent, or neither.
func (s *shard[T]) look(key string, unique bool) (known *Fact[T], absent bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f, ok := s.facts.Get(key); ok {
		return f, false
	}
	last, ok := s.recent.Peek(key)
	return nil, ok && last.removed && unique
}

// ask begins a question. It must reach what the feed has applied, what is known of the key, and what fell out of memory.
func (s *shard[T]) ask(key string, f *follower) question {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := question{resets: s.resets}
	last, _ := s.recent.Peek(key) // zero: nothing is known
	q.floor = max(f.floor.Load(), s.forgotten, last.revision)
	return q
}

// absent takes that the store has no such record, in anything up to upTo; errAgain when that is not certain any more. The
// key is copied, here and in keep: it may be a part of a request's bytes.
func (s *shard[T]) absent(key string, q question, upTo uint64, live bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.resets != q.resets {
		return errAgain
	}
	if last, ok := s.recent.Peek(key); live && upTo > 0 && (!ok || last.revision < upTo) {
		s.remember(strings.Clone(key), seen{revision: upTo, removed: true})
		s.facts.Remove(key)
	}
	return ErrNotFound
}

// keep takes what was read, unless something newer is known: errAgain then, or ErrNotFound where what is gone stays gone.
func (s *shard[T]) keep(key string, q question, entry Entry[T], upTo uint64, live, unique bool) (*T, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last, ok := s.recent.Peek(key)
	switch {
	case s.resets != q.resets, s.forgotten > upTo: // a change that it may lack is remembered no more
		return nil, errAgain
	case ok && last.revision > entry.Revision && last.removed && unique:
		return nil, ErrNotFound
	case ok && last.revision > entry.Revision:
		return nil, errAgain
	}
	if f, ok := s.facts.Peek(key); ok && f.entry.Revision >= entry.Revision {
		return f.Value(), nil
	}
	if live {
		return s.put(strings.Clone(key), entry).Value(), nil
	}
	return &entry.Value, nil
}

// apply takes a change that the feed told; decode reads its record.
func (s *shard[T]) apply(ch change, decode func(change) (Entry[T], error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last, ok := s.recent.Peek(ch.key); ok && last.revision >= ch.revision { // a read was ahead of the feed
		return
	}
	s.remember(ch.key, seen{revision: ch.revision, removed: ch.removed})
	if f, ok := s.facts.Peek(ch.key); !ok || f.entry.Revision >= ch.revision { // likewise
		return
	}
	s.facts.Remove(ch.key)
	if ch.removed {
		return
	}
	if entry, err := decode(ch); err == nil {
		s.put(ch.key, entry)
	}
}

// remember notes the last of a key. What falls out for it is remembered by its revision alone. s.mu is held.
func (s *shard[T]) remember(key string, last seen) {
	if s.recent.Len() == s.memory && !s.recent.Contains(key) {
		if _, oldest, ok := s.recent.GetOldest(); ok {
			s.forgotten = max(s.forgotten, oldest.revision)
		}
	}
	s.recent.Add(key, last)
}

// forget drops everything that is known.
func (s *shard[T]) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.facts.Purge()
	s.recent.Purge()
	s.forgotten = 0
	s.resets++
}
