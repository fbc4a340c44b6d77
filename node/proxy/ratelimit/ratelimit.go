// Package ratelimit says how often somebody may ask: token buckets, one for each limit and caller, that the nodes of a
// cluster hold together.
//
// A limit is of the cluster: each node takes from its own copy of a bucket, at once, and tells the others what it took,
// within milliseconds where it matters. What they hear is taken from theirs, and may leave a debt, so that in the long run
// no more passes than the limit. What can pass beyond it in a cluster of n nodes, once and from a full bucket, is what n-1
// nodes let in before they hear: of each a sixteenth of the burst, or one request where that is less, and what
// comes in the time that a message takes (Coalesce and the network), and never more than the burst. It is paid back.
//
// A node that does not hear most of the others counts on its share alone: as many n-ths of rate and burst as it hears nodes,
// itself among them. A minority of nodes that is cut off so lets in less than its part of the cluster.
//
// Memory is bounded: when there are too many callers, those are forgotten whose buckets are fullest. It leaves to others
// what is limited, who is asking, and how messages travel.
package ratelimit

import (
	"errors"
	"fmt"
	"hash/fnv"
	"hash/maphash"
	"math"
	"net/netip"
	"sync/atomic"
	"time"
)

// Limit is how often one caller may ask. The zero Limit lets nobody in: make one with New.
type Limit struct {
	id        uint64        // of its name, the same on all nodes
	each      time.Duration // that one request takes out of a bucket
	tolerance time.Duration // that a full bucket holds: burst × each
	hot       uint32        // requests of one caller that the others are told of at once
	quota     int64
	window    time.Duration
}

// eager is the part of a burst that is told at once.
const eager = 16

// NewLimit is rate requests in a time, and at most burst of them at once; 0: as many as rate. The name is the same on all
// nodes, and no other limit has it.
func NewLimit(name string, rate int64, per time.Duration, burst int64) (Limit, error) {
	if burst == 0 {
		burst = rate
	}
	if rate <= 0 || per <= 0 || burst < 0 {
		return Limit{}, fmt.Errorf("limit %s: rate, time and burst are positive, not %d, %v, %d", name, rate, per, burst)
	}
	each := per / time.Duration(rate)
	if each == 0 || burst > int64(longestDebt)/int64(each) {
		return Limit{}, fmt.Errorf("limit %s: %d in %v with bursts of %d is more than can be counted", name, rate, per, burst)
	}
	hash := fnv.New64a()
	hash.Write([]byte(name))
	return Limit{
		id: hash.Sum64(), each: each, tolerance: time.Duration(burst) * each, quota: rate, window: per,
		hot: uint32(min(max(burst/eager, 1), math.MaxUint16)),
	}, nil
}

// Quota is the rate, and the time that it is for.
func (l Limit) Quota() (rate int64, per time.Duration) { return l.quota, l.window }

// Key is one caller: a user, or an address. The zero Key is one, too.
type Key struct {
	user    string
	address netip.Addr
}

// User is the caller with an id.
func User(id string) Key { return Key{user: id} }

// Address is the caller from an address. Addresses of IPv6 count by their /64: whoever has one has all of it.
func Address(a netip.Addr) Key {
	a = a.Unmap().WithZone("")
	if a.Is6() {
		network, _ := a.Prefix(64) // 64 bits are in every address of IPv6
		a = network.Addr()
	}
	return Key{address: a}
}

// Verdict is what a bucket had to say.
type Verdict struct {
	Allowed   bool
	Remaining int64         // requests that would be let in now
	Retry     time.Duration // until one is let in; 0: now
	Reset     time.Duration // until the bucket is full
}

// Options are what a Limiter is made of.
type Options struct {
	Node  string   // name of this node; "": nothing is shared
	Peers []string // names of nodes that belong to the cluster, this one may be among them; others are met as they tell of themselves
	Keys  int      // callers that are remembered; 0: 65,536
}

// Limiter holds the buckets of one node.
type Limiter struct {
	born   time.Time
	seed   maphash.Seed
	shards [shards]shard
	stake  atomic.Uint64 // bits of a float64: what a request takes here, against what it takes in the cluster; 1 or more
	peers  peers
	hot    chan struct{} // holds one token while there is something to tell at once
	forgot atomic.Uint64
}

// New makes a limiter that has nobody counted.
func New(o Options) (*Limiter, error) {
	if o.Keys < 0 || o.Keys > math.MaxInt32 {
		return nil, errors.New("ratelimit: Keys is a number of callers")
	}
	if o.Keys == 0 {
		o.Keys = 1 << 16
	}
	l := &Limiter{born: time.Now(), seed: maphash.MakeSeed(), hot: make(chan struct{}, 1)}
	l.peers.meet(o.Node, o.Peers)
	l.weigh()
	for i := range l.shards {
		l.shards[i].most = max(o.Keys/shards, 1)
		l.shards[i].index = map[place]uint32{}
	}
	return l, nil
}

// now is the time that buckets are told in.
func (l *Limiter) now() time.Duration { return time.Since(l.born) }

// Take takes one request out of a bucket, if it holds one.
func (l *Limiter) Take(limit *Limit, k Key) Verdict { return l.ask(limit, k, true) }

// Peek tells what Take would, and takes nothing.
func (l *Limiter) Peek(limit *Limit, k Key) Verdict { return l.ask(limit, k, false) }

// ask is the generic cell rate algorithm (ITU-T I.371): a bucket is the time at which it is full again.
func (l *Limiter) ask(limit *Limit, k Key, take bool) Verdict {
	at := place{limit.id, k}
	s := l.shard(at)
	now := l.now()
	each := time.Duration(float64(limit.each) * math.Float64frombits(l.stake.Load()))
	holds := max(limit.tolerance, each)
	s.mu.Lock()
	defer s.mu.Unlock()
	b, known := s.find(at)
	full := now
	if known {
		full = max(b.full, now)
	}
	if over := full + each - now - holds; over > 0 || limit.each == 0 {
		return Verdict{Retry: over, Reset: full - now}
	}
	if take {
		if !known {
			b = s.add(at, now, &l.forgot)
		}
		full += each
		b.full = full
		b.untold += limit.each
		b.taken++
		if b.taken == limit.hot {
			s.hot = append(s.hot, at)
			l.wake()
		}
	}
	return Verdict{Allowed: true, Remaining: int64((holds - (full - now)) / each), Reset: full - now}
}

// Give puts back what one Take took, on this node or another: it turns out not to count.
func (l *Limiter) Give(limit *Limit, k Key) {
	s := l.shard(place{limit.id, k})
	s.mu.Lock()
	defer s.mu.Unlock()
	b, known := s.find(place{limit.id, k})
	if !known { // it was taken on another node
		b = s.add(place{limit.id, k}, l.now(), &l.forgot)
	}
	b.add(-limit.each, l.now())
	b.untold -= limit.each
}

// wake has Run tell the others soon.
func (l *Limiter) wake() {
	select {
	case l.hot <- struct{}{}:
	default: // it will
	}
}

// Share is the part of each limit that this node counts on: 1 while it hears most of the others.
func (l *Limiter) Share() float64 { return 1 / math.Float64frombits(l.stake.Load()) }

// Forgotten is how many callers were forgotten, because there were too many, before their buckets were full.
func (l *Limiter) Forgotten() uint64 { return l.forgot.Load() }

// Callers is how many are remembered.
func (l *Limiter) Callers() (all int) {
	for i := range l.shards {
		s := &l.shards[i]
		s.mu.Lock()
		all += len(s.index)
		s.mu.Unlock()
	}
	return all
}
