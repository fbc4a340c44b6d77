package broker

import (
	"errors"
	"slices"
	"time"

	"github.com/rs/zerolog"
)

// modelBound is max_staleness in the model.
const modelBound = 4 * time.Second

// modelNode is one node: the feed's protocol, a cache and a view as they ship, and around them a world in place of NATS.
type modelNode struct {
	world *world
	name  string
	feed  *feed
	cache *Cache[note]
	live  *Live[note]
	dead  bool // another took its place

	side     int
	frozen   time.Duration // until then it does not run
	stopping time.Duration // not zero: it stops within its next heartbeat, for so long
	slept    time.Duration // how long a clock that stands still in a suspension is behind
	wall     time.Duration // how far the wall clock was set
	standing bool          // its running clock stands still in a suspension
	loss     float64       // of the feed
	ackLoss  float64
	slow     time.Duration // how much longer answers to its reads may take
	disorder float64       // of the feed
	arrives  time.Duration // when the last message in order arrives

	patience int // counts acknowledged heartbeats: only the last one's patience ends
	listing  bool
	seen     map[string]int         // the least version that a removal was seen at
	facts    map[string]*Fact[note] // that requests came back to
}

func newModelNode(w *world, name string) *modelNode {
	b := &Broker{options: Options{Node: name, MaxStaleness: modelBound}, metrics: w.props.metrics, log: zerolog.Nop(), closed: make(chan struct{})}
	raw := &bucket{broker: b, spec: Spec{Name: "model", Decides: true, Open: true, Unique: w.unique}}
	raw.feed = newFeed(raw)
	n := &modelNode{world: w, name: name, feed: raw.feed, seen: map[string]int{}, facts: map[string]*Fact[note]{}, standing: w.chance(0.3)}
	n.cache = NewCache(&Bucket[note]{raw}, 3*cacheShards)
	n.cache.seed = w.props.seed
	for i := range n.cache.shards {
		s := &n.cache.shards[i]
		s.recent, s.memory = newLRU[seen](3, nil), 3
	}
	n.live = NewLive(&Bucket[note]{raw})
	if w.mutant == "a view that is not whole holds nothing up" {
		raw.feed.whole = func() bool { return true }
	}
	w.plan(w.between(0, time.Second), n.begin)
	return n
}

// later has something happen at the node: not while it is frozen, and never when another took its place.
func (n *modelNode) later(in time.Duration, do func()) {
	n.world.plan(in, func() { n.when(do) })
}

func (n *modelNode) when(do func()) {
	switch {
	case n.dead:
	case n.frozen > n.world.now:
		n.later(n.frozen-n.world.now+n.world.between(0, 60*time.Millisecond), do)
	default:
		do()
		n.after()
	}
}

// instant is what the node's clocks say.
func (n *modelNode) instant() instant {
	now := n.world.now + time.Hour
	i := instant{running: now, wall: now + n.wall}
	if n.standing || n.world.mutant == "a clock that stands still" {
		i.running -= n.slept
	}
	if n.world.mutant == "a clock that stands still" {
		i.wall = i.running
	}
	return i
}

func (n *modelNode) fresh() bool { return n.feed.age(n.instant()) <= modelBound }

// begin finds where the stream stands, by the word of any replica that leads or did.
func (n *modelNode) begin() {
	w := n.world
	for _, i := range w.random.Perm(3) {
		if r := w.replicas[i]; r.side == n.side && n.frozen <= w.now {
			n.feed.begin(r.applied, time.Time{})
			n.when(n.beat)
			return
		}
	}
	w.plan(50*time.Millisecond, n.begin)
}

// beat writes heartbeats, one a second.
func (n *modelNode) beat() {
	w, sent, begun := n.world, n.instant(), n.world.now
	n.stopWithin(w)
	w.write(n, entry{key: n.feed.key}, func(sequence uint64, ok bool) {
		n.later(max(heartbeatEvery-(w.now-begun), 0), n.beat)
		if !ok {
			return
		}
		if w.mutant == "a store that went back unnoticed" {
			n.feed.beaten = 0
		}
		if w.mutant == "an acknowledgement taken for a proof" {
			n.feed.proof.Store(&sent)
			return
		}
		n.feed.acknowledged(beat{sequence, sent})
		n.patience++
		mine := n.patience
		n.later(echoPatience, func() {
			if mine == n.patience {
				n.feed.tire()
			}
		})
	})
}

// stopWithin stops the node while a heartbeat is under way. What is sent to it meanwhile, and a while after, is lost.
func (n *modelNode) stopWithin(w *world) {
	if n.stopping == 0 {
		return
	}
	lasts := n.stopping
	n.stopping = 0
	w.plan(time.Millisecond, func() { stop(w, n, lasts) })
	w.plan(20*time.Millisecond, func() { n.loss = 1 })
	w.plan(lasts+2*time.Second, func() { n.loss = 0 })
}

// hear takes a message of the feed.
func (n *modelNode) hear(m news) {
	f := n.feed
	if !f.live() {
		return
	}
	switch n.world.mutant {
	case "a gap that is not noticed":
		f.passed.Store(max(f.passed.Load(), m.revision-1))
	case "changes applied side by side":
		f.passed.Store(max(f.passed.Load(), m.revision))
		f.floor.Store(max(f.floor.Load(), m.revision))
		f.tell(m.change)
		return
	case "a store that went back unnoticed":
		f.own, f.beaten, f.latest = 0, 0, time.Time{}
	}
	f.hear(m)
}

// after is what follows each event, as in drive.
func (n *modelNode) after() {
	if n.world.mutant == "no memory of removals" {
		for i := range n.cache.shards {
			s := &n.cache.shards[i]
			s.recent.Purge()
			s.forgotten = 0
		}
	}
	if _, ok := n.feed.settle(); ok && n.world.mutant == "a proof dated to the echo" {
		now := n.instant()
		n.feed.proof.Store(&now)
	}
	if n.feed.live() && !n.listing && len(n.live.wanted) > 0 {
		<-n.live.wanted
		n.list()
	}
}

// list reads the bucket anew, as keep does.
func (n *modelNode) list() {
	n.listing = true
	n.live.mu.Lock()
	n.live.view.begin()
	n.live.mu.Unlock()
	generation := n.world.generation
	n.world.write(n, entry{key: n.feed.key}, func(sequence uint64, ok bool) {
		if !ok {
			n.later(50*time.Millisecond, n.list)
			return
		}
		n.walk(newListing[note](sequence), 0, generation)
	})
}

// walk goes on behind a sequence with whichever replica answers; in the middle it may break off. In a store that was made
// anew it finds no end, and gives up.
func (n *modelNode) walk(found *listing[note], behind uint64, generation int) {
	w := n.world
	r := w.replicas[w.random.IntN(3)]
	if w.generation != generation {
		n.later(50*time.Millisecond, n.list)
		return
	}
	if r.side != n.side || r.applied < found.upTo {
		n.later(50*time.Millisecond, func() { n.walk(found, behind, generation) })
		return
	}
	end := r.applied
	for sequence := behind + 1; sequence <= end; sequence++ {
		e := &w.log[sequence-1]
		if w.at(e.key, end).sequence != sequence || e.key == n.feed.key || e.key[0] == '=' {
			continue
		}
		n.live.gather(found, change{key: e.key, revision: sequence, removed: e.removed, header: e.header(), data: e.data()})
		if w.chance(0.05) {
			n.later(w.between(0, 300*time.Millisecond), func() { n.walk(found, sequence, generation) })
			return
		}
	}
	n.later(w.hop(), func() { n.take(found) })
}

func (n *modelNode) take(found *listing[note]) {
	if n.world.mutant == "a list that only adds" {
		for key, entry := range n.live.view.records {
			if _, ok := found.records[key]; !ok {
				found.records[key] = entry
			}
		}
	}
	n.live.take(found)
	n.listing = false
}

// admit asks for a record as a request does.
func (n *modelNode) admit(key string) {
	begun := n.world.now
	if !n.fresh() {
		return
	}
	n.view(key)
	if f := n.facts[key]; f != nil && (f.Holds() || n.world.mutant == "a fact holds for ever") && n.world.chance(0.5) {
		n.conclude(key, begun, f.Value())
		return
	}
	known, absent := n.cache.shard(key).look(key, n.world.unique)
	if n.facts[key] = known; known != nil {
		n.conclude(key, begun, known.Value())
		return
	}
	if absent {
		n.conclude(key, begun, nil)
		return
	}
	n.read(key, begun, rereads)
}

// read reads a record as Cache.read does.
func (n *modelNode) read(key string, begun time.Duration, tries int) {
	if tries == 0 {
		return
	}
	s := n.cache.shard(key)
	q := s.ask(key, &n.feed.follower)
	switch n.world.mutant {
	case "reads without a floor":
		q.floor = 0
	case "absence on a replica's word":
		q.sure = true
	}
	n.inquire(key, q, func(r stored, upTo uint64) {
		var value *note
		var err error
		if r.present() {
			var entry Entry[note]
			entry, err = n.cache.bucket.decode(key, r.sequence, r.header, r.data)
			if err == nil {
				value, err = s.keep(key, q, entry, upTo, n.feed.live(), n.world.unique)
			}
		} else {
			err = s.absent(key, q, upTo, n.feed.live())
		}
		switch {
		case errors.Is(err, errAgain):
			n.read(key, begun, tries-1)
		case err == nil || errors.Is(err, ErrNotFound):
			n.conclude(key, begun, value)
		}
	})
}

// inquire asks until an answer can be believed, as bucket.inquire does.
func (n *modelNode) inquire(key string, q question, done func(r stored, upTo uint64)) {
	n.world.ask(n, key, func(r stored, upTo uint64, ok bool) {
		verdict := behind
		if ok {
			verdict = q.judge(r, upTo)
		}
		switch verdict {
		case believed:
			done(r, upTo)
		case doubtful:
			n.world.write(n, entry{key: n.feed.key}, func(sequence uint64, ok bool) {
				if ok {
					q.wrote(sequence)
				}
				n.inquire(key, q, done)
			})
		case behind:
			n.later(50*time.Millisecond, func() { n.inquire(key, q, done) })
		}
	})
}

// conclude is the moment of admission, or refusal.
func (n *modelNode) conclude(key string, begun time.Duration, value *note) {
	if n.fresh() {
		n.world.check(n, "the cache", key, begun, value)
	}
}

// view is an admission by what the view holds.
func (n *modelNode) view(key string) {
	if value, ok := n.live.All()[key]; ok {
		n.world.check(n, "the view", key, n.world.now, &value)
	} else {
		n.world.check(n, "the view", key, n.world.now, nil)
	}
}

// restart replaces a node by one that knows nothing.
func (n *modelNode) restart() {
	n.dead = true
	fresh := newModelNode(n.world, n.name)
	fresh.side = n.side
	n.world.nodes[slices.Index(n.world.nodes[:], n)] = fresh
}
