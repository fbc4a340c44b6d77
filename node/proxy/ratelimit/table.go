package ratelimit

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// shards are locked apart from each other.
	shards = 16
	// looked is how many buckets are looked at for one to forget.
	looked = 8
	// longestDebt is the most that a bucket may owe.
	longestDebt = 366 * 24 * time.Hour
)

// place is where a bucket is.
type place struct {
	limit uint64
	key   Key
}

// bucket is what one caller has of one limit.
type bucket struct {
	place
	full   time.Duration // when it is full, if nobody asks
	untold time.Duration // that was taken here, and the others do not know of; negative when it was given back
	taken  uint32        // requests since they were told
}

// add takes something out of a bucket, or puts it back; the bucket is never more than full, and never owes for longer than
// longestDebt.
func (b *bucket) add(amount, now time.Duration) {
	amount = min(max(amount, -longestDebt), longestDebt)
	b.full = min(max(max(b.full, now)+amount, now), now+longestDebt)
}

// shard is a part of the table: slots that are used again, and where to find them.
type shard struct {
	mu      sync.Mutex
	most    int
	index   map[place]uint32 // guarded by mu
	buckets []bucket         // guarded by mu
	hand    uint32           // guarded by mu: where to look for one to forget
	hot     []place          // guarded by mu: that the others are to be told of at once
}

func (l *Limiter) shard(at place) *shard {
	return &l.shards[maphash.Comparable(l.seed, at)%shards]
}

// find gives a bucket; the pointer is good until the next add. mu is held.
func (s *shard) find(at place) (*bucket, bool) {
	i, known := s.index[at]
	if !known {
		return nil, false
	}
	return &s.buckets[i], true
}

// add makes room for a bucket. mu is held.
func (s *shard) add(at place, now time.Duration, forgot *atomic.Uint64) *bucket {
	if len(s.buckets) < s.most {
		s.index[at] = uint32(len(s.buckets))
		s.buckets = append(s.buckets, bucket{place: at})
		return &s.buckets[len(s.buckets)-1]
	}
	i := s.victim()
	if s.buckets[i].full > now {
		forgot.Add(1)
	}
	delete(s.index, s.buckets[i].place)
	s.index[at] = i
	s.buckets[i] = bucket{place: at}
	return &s.buckets[i]
}

// victim is the fullest of some buckets: to forget one that is full changes nothing, and whoever asks the most is forgotten
// last. mu is held.
func (s *shard) victim() uint32 {
	best := s.hand
	for range looked {
		s.hand = (s.hand + 1) % uint32(len(s.buckets))
		if s.buckets[s.hand].full < s.buckets[best].full {
			best = s.hand
		}
	}
	s.hand = (s.hand + 1) % uint32(len(s.buckets))
	return best
}
