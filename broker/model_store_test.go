package broker

import (
	"container/heap"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
)

// event is something that happens at a moment of the world's time.
type event struct {
	at    time.Duration
	order int // of two at one moment, the one that was planned first
	do    func()
}

type agenda []event

func (a agenda) Len() int { return len(a) }
func (a agenda) Less(i, j int) bool {
	return a[i].at < a[j].at || a[i].at == a[j].at && a[i].order < a[j].order
}
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a *agenda) Push(e any)   { *a = append(*a, e.(event)) }
func (a *agenda) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}

// entry is a message that a quorum has.
type entry struct {
	key      string
	text     string // of the note; unique among all writes
	removed  bool
	previous uint64
	taken    time.Time
	version  int // of its key in the history
}

func (e *entry) header() nats.Header {
	if e.removed {
		return nats.Header{"KV-Operation": []string{"DEL"}}
	}
	return nil
}

func (e *entry) data() []byte { return fmt.Appendf(nil, `{"text":%q}`, e.text) }

// replica is a copy of the stream: what it has applied is a prefix of the log. Cut off, it answers whoever it reaches all
// the same.
type replica struct {
	applied uint64
	lagging bool   // applies nothing
	side    int    // who is on the same side reaches it
	local   uint64 // what it made up without a quorum; for the mutant that lets it
}

// props are what the worlds of one test share.
type props struct {
	metrics *metrics
	seed    maphash.Seed // of the caches, so that a schedule plays the same again
}

// world is the store, the network, the clocks and the nodes of one schedule.
type world struct {
	random  *rand.Rand
	props   props
	mutant  string
	unique  bool // keys never come back
	now     time.Duration
	agenda  agenda
	planned int

	log        []entry             // sequence n is log[n-1]
	of         map[string][]uint64 // the sequences of each key's messages
	generation int                 // of the log: it grows when the log is made anew
	leader     int                 // index of a replica; -1: an election is under way
	term       int                 // counts leaders
	leads      time.Duration       // when the leader applies what it took last
	skew       [3]time.Duration
	replicas   [3]*replica
	nodes      [4]*modelNode

	history map[string][]version
	keys    []string // that exist or did
	writes  int
	broken  error // the first promise that was broken
}

func (w *world) plan(in time.Duration, do func()) {
	w.planned++
	heap.Push(&w.agenda, event{w.now + in, w.planned, do})
}

// run lets happen what is planned until a moment.
func (w *world) run(until time.Duration) {
	for len(w.agenda) > 0 && w.agenda[0].at <= until && w.broken == nil {
		e := heap.Pop(&w.agenda).(event)
		w.now = e.at
		e.do()
	}
}

func (w *world) between(least, most time.Duration) time.Duration {
	return least + time.Duration(w.random.Int64N(int64(most-least)+1))
}

func (w *world) chance(p float64) bool { return w.random.Float64() < p }

// hop is the time a message takes.
func (w *world) hop() time.Duration {
	if w.chance(0.02) {
		return w.between(0, 400*time.Millisecond)
	}
	return w.between(200*time.Microsecond, 8*time.Millisecond)
}

// quorum tells whether the leader reaches a majority.
func (w *world) quorum() bool {
	if w.leader < 0 {
		return false
	}
	n := 0
	for _, r := range w.replicas {
		if r.side == w.replicas[w.leader].side {
			n++
		}
	}
	return n >= 2
}

// elect makes a leader of the majority; its log is whole, but what it has applied may lag.
func (w *world) elect() {
	if w.leader >= 0 && w.quorum() {
		return
	}
	for _, i := range w.random.Perm(3) {
		w.leader = i
		if w.quorum() {
			w.term++
			return
		}
	}
	w.leader = -1
}

// write asks the leader for a message of a key. done is called at the node, with the sequence when a quorum has it.
func (w *world) write(n *modelNode, e entry, done func(sequence uint64, ok bool)) {
	answered := false
	answer := func(sequence uint64, ok bool) {
		if !answered {
			answered = true
			done(sequence, ok)
		}
	}
	n.later(callTimeout, func() { answer(0, false) })
	w.plan(w.hop(), func() {
		if w.mutant == "a heartbeat without a quorum" && e.key == n.feed.key {
			w.pretend(n, answer)
			return
		}
		if !w.quorum() || n.side != w.replicas[w.leader].side {
			return
		}
		if w.unique && w.gone(e.key) {
			return // what is changed must be there: a compare-and-set
		}
		w.commit(e, func(sequence uint64) {
			if !w.chance(n.ackLoss) {
				n.later(w.hop(), func() { answer(sequence, true) })
			}
		})
	})
}

// commit appends to the log; acked is called when the leader acknowledges.
func (w *world) commit(e entry, acked func(sequence uint64)) {
	if before := w.of[e.key]; len(before) > 0 {
		e.previous = before[len(before)-1]
	}
	e.taken = modelDay.Add(w.now + w.skew[w.leader])
	e.version = w.remember(e)
	w.log = append(w.log, e)
	w.of[e.key] = append(w.of[e.key], uint64(len(w.log)))
	sequence, term, generation, leader := uint64(len(w.log)), w.term, w.generation, w.leader
	for i, r := range w.replicas {
		if i != leader && r.side == w.replicas[leader].side {
			w.plan(w.hop(), func() { w.apply(r, sequence, generation) })
		}
	}
	w.leads = max(w.leads, w.now+w.between(0, time.Millisecond)) // a leader applies in order
	w.plan(w.leads-w.now, func() {
		w.apply(w.replicas[leader], sequence, generation)
		if w.term != term || w.generation != generation || w.leader != leader {
			return // another leads by now, and neither acknowledges nor republishes what this one began
		}
		acked(sequence)
		for _, n := range w.nodes {
			w.republish(n, e, sequence)
		}
	})
}

func (w *world) apply(r *replica, sequence uint64, generation int) {
	if generation == w.generation && !r.lagging {
		r.applied = max(r.applied, sequence)
	}
}

// republish sends a message to a node that the leader reaches, at most once; now and then it is sent twice.
func (w *world) republish(n *modelNode, e entry, sequence uint64) {
	if n.side != w.replicas[w.leader].side || w.chance(n.loss) {
		return
	}
	m := news{change: change{key: e.key, revision: sequence, removed: e.removed, header: e.header(), data: e.data()}, previous: e.previous, taken: e.taken}
	generation := w.generation
	for range 1 + w.random.IntN(8)/7 {
		delay := w.hop()
		if w.chance(n.disorder) {
			delay = w.between(0, 7*time.Second)
		} else {
			delay = max(delay, n.arrives-w.now)
			n.arrives = w.now + delay
		}
		n.later(delay, func() {
			if generation == w.generation {
				n.hear(m)
			}
		})
	}
}

// pretend is what a store does that acknowledges without a quorum.
func (w *world) pretend(n *modelNode, answer func(uint64, bool)) {
	for _, i := range w.random.Perm(3) {
		r := w.replicas[i]
		if r.side != n.side {
			continue
		}
		r.local = max(r.local, r.applied, n.feed.passed.Load()) + 1
		m := news{change: change{key: n.feed.key, revision: r.local}, previous: n.feed.own, taken: modelDay.Add(w.now)}
		n.later(w.hop(), func() { n.hear(m) })
		n.later(w.hop(), func() { answer(m.revision, true) })
		return
	}
}

// ask asks any replica that a node reaches.
func (w *world) ask(n *modelNode, key string, done func(r stored, upTo uint64, ok bool)) {
	answered := false
	answer := func(r stored, upTo uint64, ok bool) {
		if !answered {
			answered = true
			done(r, upTo, ok)
		}
	}
	n.later(replicaTimeout, func() { answer(stored{}, 0, false) })
	w.plan(w.hop(), func() {
		for _, i := range w.random.Perm(3) {
			if r := w.replicas[i]; r.side == n.side {
				found, upTo := w.at(key, r.applied), r.applied
				n.later(w.hop()+w.between(0, n.slow), func() { answer(found, upTo, true) })
				return
			}
		}
	})
}

// at is the last message of a key up to a sequence.
func (w *world) at(key string, upTo uint64) stored {
	all := w.of[key]
	for i := len(all) - 1; i >= 0; i-- {
		if e := &w.log[all[i]-1]; all[i] <= upTo {
			return stored{sequence: all[i], header: e.header(), data: e.data()}
		}
	}
	return stored{}
}

// goBack makes the store what it was at an earlier sequence; what came later is lost. Then it is written to at once.
func (w *world) goBack(to, then int) {
	if w.leader < 0 {
		return
	}
	w.generation++
	w.log = w.log[:min(to, len(w.log))]
	for key, all := range w.of {
		w.of[key] = slices.DeleteFunc(all, func(sequence uint64) bool { return sequence > uint64(len(w.log)) })
	}
	for _, r := range w.replicas {
		r.applied, r.local = uint64(len(w.log)), 0
	}
	for _, key := range w.keys {
		if w.history[key] == nil {
			continue // nothing of it was ever taken
		}
		state := version{restored: true, removed: true, acknowledged: w.now, happened: w.now}
		if r := w.at(key, uint64(len(w.log))); r.present() {
			state.removed, state.text = false, w.log[r.sequence-1].text
		}
		w.history[key] = append(w.history[key], state)
	}
	for range then {
		w.writes++
		w.commit(entry{key: "filler", text: fmt.Sprint(w.writes)}, func(uint64) {})
	}
}
