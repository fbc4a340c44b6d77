package broker

import (
	"flag"
	"fmt"
	"hash/maphash"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The model runs the protocol of freshness as it ships (follower, shard, view, inquiry, Cache, Live) in a simulated world:
// a store with replicas that lag, leaders that change, partitions, nodes that stop, sleep and start anew, a feed that loses,
// doubles and disorders. Each admission is held against the history. TestTheModelCatches shows what it would notice.

const (
	faultsBegin = 3 * time.Second
	faultsEnd   = 20 * time.Second
	worldEnds   = 44 * time.Second
)

// fault is one thing that goes wrong.
type fault struct {
	Kind   string
	At     time.Duration
	Lasts  time.Duration
	Target int // of nodes and replicas
}

func (f fault) String() string {
	return fmt.Sprintf("%s(%d) at %s for %s", f.Kind, f.Target, f.At, f.Lasts)
}

// kinds are the faults: what begins them, and what ends them (nil: nothing).
func kinds() map[string]func(w *world, f fault) (end func()) {
	return map[string]func(*world, fault) func(){
		"cut off":             isolate,
		"step down":           func(w *world, f fault) func() { w.leader = f.Target % 3; w.term++; return nil },
		"crash":               crash,
		"lag":                 func(w *world, f fault) func() { return lag(w, w.replicas[f.Target%3]) },
		"stop":                func(w *world, f fault) func() { stop(w, w.nodes[f.Target], f.Lasts); return nil },
		"sleep":               sleep,
		"stop in a heartbeat": func(w *world, f fault) func() { w.nodes[f.Target].stopping = f.Lasts; return nil },
		"set clock":           setClock,
		"start anew":          func(w *world, f fault) func() { w.nodes[f.Target].restart(); return nil },
		"lose":                func(w *world, f fault) func() { n := w.nodes[f.Target]; n.loss = 0.3; return func() { n.loss = 0 } },
		"lose all":            func(w *world, f fault) func() { n := w.nodes[f.Target]; n.loss = 1; return func() { n.loss = 0 } },
		"lose acks": func(w *world, f fault) func() {
			n := w.nodes[f.Target]
			n.ackLoss = 0.5
			return func() { n.ackLoss = 0 }
		},
		"disorder": func(w *world, f fault) func() {
			n := w.nodes[f.Target]
			n.disorder = 0.2
			return func() { n.disorder = 0 }
		},
		"slow reads": func(w *world, f fault) func() {
			n := w.nodes[f.Target]
			n.slow = replicaTimeout
			return func() { n.slow = 0 }
		},
		"store wiped": func(w *world, f fault) func() { w.goBack(0, int(f.Lasts/(50*time.Millisecond))); return nil },
		"store set back": func(w *world, f fault) func() {
			w.goBack(max(len(w.log)-60, 0), int(f.Lasts/(50*time.Millisecond)))
			return nil
		},
	}
}

// isolate puts an island out of reach: a node with its replica, or the node that stores nothing. A leader that is cut off
// is succeeded after an election; healed, its replica catches up late.
func isolate(w *world, f fault) func() {
	n := w.nodes[f.Target]
	n.side = f.Target + 1
	if f.Target == 3 {
		return func() { w.nodes[3].side = 0 }
	}
	r := w.replicas[f.Target]
	r.side = f.Target + 1
	caught := lag(w, r)
	w.plan(w.between(4*time.Second, 9*time.Second), w.elect)
	return func() {
		w.nodes[f.Target].side, r.side, r.local = 0, 0, 0
		w.elect()
		w.plan(w.between(0, 10*time.Second), caught)
	}
}

// crash takes the leader away until another is elected.
func crash(w *world, _ fault) func() {
	w.leader = -1
	w.term++
	w.plan(w.between(4*time.Second, 9*time.Second), w.elect)
	return nil
}

func lag(w *world, r *replica) func() {
	r.lagging = true
	return func() { r.lagging, r.applied = false, uint64(len(w.log)) }
}

// stop is SIGSTOP. When the node runs again, requests come before anything else.
func stop(w *world, n *modelNode, lasts time.Duration) {
	n.frozen = w.now + lasts
	w.plan(lasts, func() {
		for _, key := range w.keys {
			if !w.may(key) {
				continue
			}
			n.when(func() { n.admit(key) })
			n.later(w.between(0, 60*time.Millisecond), func() { n.admit(key) })
		}
	})
}

// sleep is a machine that is suspended.
func sleep(w *world, f fault) func() {
	n := w.nodes[f.Target]
	stop(w, n, f.Lasts)
	n.slept += f.Lasts
	return nil
}

// setClock sets the wall clock, forth or back. Where a suspension is only seen by the wall clock, nothing can be promised
// when it is set back a little at the same time; there it is set far.
func setClock(w *world, f fault) func() {
	n := w.nodes[f.Target]
	by := w.between(-2*time.Second, 2*time.Second)
	if n.standing || w.chance(0.5) {
		by = w.between(time.Minute, time.Hour) * time.Duration(2*w.random.IntN(2)-1)
	}
	n.wall += by
	return nil
}

// schedule is what befalls a world.
type schedule struct {
	Seed   uint64
	Unique bool
	Faults []fault
}

func schedules() *rapid.Generator[schedule] {
	names := slices.Sorted(maps.Keys(kinds()))
	return rapid.Custom(func(t *rapid.T) schedule {
		s := schedule{Seed: rapid.Uint64().Draw(t, "seed"), Unique: rapid.Bool().Draw(t, "unique")}
		for range rapid.IntRange(0, 8).Draw(t, "faults") {
			s.Faults = append(s.Faults, fault{
				Kind:   rapid.SampledFrom(names).Draw(t, "kind"),
				At:     time.Duration(rapid.IntRange(int(faultsBegin/time.Millisecond), int(faultsEnd/time.Millisecond)).Draw(t, "at")) * time.Millisecond,
				Lasts:  time.Duration(rapid.IntRange(100, 9000).Draw(t, "lasts")) * time.Millisecond,
				Target: rapid.IntRange(0, 3).Draw(t, "target"),
			})
		}
		return s
	})
}

// play runs a schedule and gives the first promise that was broken.
func play(s schedule, p props, mutant string) error {
	w := &world{random: rand.New(rand.NewPCG(s.Seed, 1)), props: p, mutant: mutant, unique: s.Unique, history: map[string][]version{}, of: map[string][]uint64{}}
	for i := range w.replicas {
		w.replicas[i] = &replica{}
		w.skew[i] = w.between(-time.Second, time.Second)
	}
	for i := range w.nodes {
		w.nodes[i] = newModelNode(w, fmt.Sprintf("n%d", i+1))
	}
	begin := kinds()
	for _, f := range s.Faults {
		w.plan(f.At, func() {
			if end := begin[f.Kind](w, f); end != nil {
				w.plan(f.Lasts, end)
			}
		})
	}
	w.plan(100*time.Millisecond, w.change)
	w.plan(100*time.Millisecond, w.request)
	w.run(worldEnds)
	if w.broken == nil {
		w.checkEnd()
	}
	return w.broken
}

// change has somebody create, change or remove a record, again and again.
func (w *world) change() {
	if w.now > worldEnds-5*time.Second {
		return
	}
	w.plan(w.between(20*time.Millisecond, 300*time.Millisecond), w.change)
	n := w.nodes[w.random.IntN(len(w.nodes))]
	if n.frozen > w.now {
		return
	}
	w.writes++
	e := entry{text: fmt.Sprint(w.writes)}
	switch old := w.some(); {
	case old == "" || w.chance(0.3):
		e.key = fmt.Sprintf("k%d", w.writes)
		if !w.unique {
			e.key = fmt.Sprintf("k%d", w.random.IntN(6))
		}
	case w.unique && w.gone(old):
		return
	default:
		e.key, e.removed = old, w.chance(0.4)
	}
	if e.removed {
		e.text = ""
	}
	w.writeAndNote(n, e)
}

func (w *world) writeAndNote(n *modelNode, e entry) {
	if !slices.Contains(w.keys, e.key) {
		w.keys = append(w.keys, e.key)
	}
	if e.text != "" || e.removed {
		at := w.now
		w.write(n, e, func(sequence uint64, ok bool) {
			if !ok || sequence > uint64(len(w.log)) {
				return
			}
			if got := w.log[sequence-1]; got.key == e.key && got.text == e.text && got.removed == e.removed && w.history[e.key][got.version].happened >= at {
				w.history[e.key][got.version].acknowledged = w.now
			}
		})
	}
}

// some is one of the keys that were written last; "" when there is none.
func (w *world) some() string {
	if len(w.keys) == 0 {
		return ""
	}
	return w.keys[max(len(w.keys)-1-w.random.IntN(6), 0)]
}

func (w *world) gone(key string) bool {
	all := w.history[key]
	return len(all) > 0 && all[len(all)-1].removed
}

// may tells whether a key may be asked for. What never comes back is not known to anybody before it is there.
func (w *world) may(key string) bool {
	all := w.history[key]
	return !w.unique || len(all) > 1 && all[1].acknowledged <= w.now
}

// request has each node asked, again and again.
func (w *world) request() {
	if w.now > worldEnds-5*time.Second {
		return
	}
	w.plan(w.between(10*time.Millisecond, 60*time.Millisecond), w.request)
	for _, n := range w.nodes {
		key := w.some()
		if key != "" && n.frozen <= w.now && w.may(key) {
			n.when(func() { n.admit(key) })
		}
	}
}

func TestTheProtocolKeepsItsPromisesInEveryWorld(t *testing.T) {
	t.Parallel()
	if checks := flag.Lookup("rapid.checks"); checks.Value.String() == checks.DefValue {
		if err := checks.Value.Set(modelChecks); err != nil {
			t.Fatal(err)
		}
	}
	p, all := props{newMetrics(nil), maphash.MakeSeed()}, schedules()
	rapid.Check(t, func(t *rapid.T) {
		if err := play(all.Draw(t, "schedule"), p, ""); err != nil {
			t.Fatal(err)
		}
	})
}
