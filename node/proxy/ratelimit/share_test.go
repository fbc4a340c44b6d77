package ratelimit

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// wire carries messages between nodes, to each some time later.
type wire struct {
	nodes []*Limiter
	delay time.Duration
	cut   atomic.Pointer[Limiter] // whom nobody hears, and who hears nobody; nil: none is
}

// cluster is some nodes that tell each other.
func cluster(t *testing.T, names ...string) *wire {
	t.Helper()
	w := &wire{delay: 2 * time.Millisecond}
	for _, name := range names {
		w.nodes = append(w.nodes, limiter(t, Options{Node: name, Peers: names}))
	}
	return w
}

// run lets them live until the test is over.
func (w *wire) run(t *testing.T) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	for _, from := range w.nodes {
		go func() {
			_ = from.Run(ctx, func(m []byte) {
				m = slices.Clone(m)
				for _, to := range w.nodes {
					if cut := w.cut.Load(); from == to || cut != from && cut != to {
						time.AfterFunc(w.delay, func() { to.Hear(m) })
					}
				}
			})
		}()
	}
	synctest.Wait()
}

// flood asks all nodes again and again for a time, and gives how many pass.
func (w *wire) flood(limit *Limit, k Key, during time.Duration) (in int) {
	for end := time.Now().Add(during); time.Now().Before(end); time.Sleep(time.Millisecond) {
		for _, n := range w.nodes {
			if n.Take(limit, k).Allowed {
				in++
			}
		}
	}
	return in
}

func TestALimitIsOfTheCluster(t *testing.T) {
	for _, size := range []int{1, 2, 3, 5} {
		synctest.Test(t, func(t *testing.T) {
			names := make([]string, size)
			for i := range names {
				names[i] = fmt.Sprint("node-", i)
			}
			w, limit := cluster(t, names...), limitOf(t, 100, time.Second, 160)
			w.run(t)
			in := w.flood(limit, User("alice"), 30*time.Second)
			should := 160 + 30*100
			// Of each node but one: what it lets in before it tells, and while a message is under way.
			beyond := (size - 1) * (160/eager + int((Coalesce+w.delay)/time.Millisecond) + 2)
			if in < should-2*size || in > should+beyond {
				t.Errorf("%d nodes let in %d of a limit of %d; %d more is what may be", size, in, should, beyond)
			}
			if later := w.flood(limit, User("alice"), 30*time.Second); in+later > should+30*100+beyond {
				t.Errorf("%d nodes let in %d, and %d in the 30 s after that, not 3000: what was too much is not paid back", size, in, later)
			}
		})
	}
}

func TestWhoeverIsCutOffCountsOnItsShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, limit := cluster(t, "a", "b", "c"), limitOf(t, 90, time.Second, 90)
		w.run(t)
		time.Sleep(5 * time.Second)
		alone := &wire{nodes: w.nodes[:1]}
		w.cut.Store(w.nodes[0])
		time.Sleep(5 * time.Second)
		if in := alone.flood(limit, User("alice"), 10*time.Second); in < 30+295 || in > 30+305 {
			t.Errorf("a node that hears nobody let in %d in 10 s, not a third of 990", in)
		}
		most := &wire{nodes: w.nodes[1:]}
		if in := most.flood(limit, User("bob"), 10*time.Second); in < 980 || in > 1030 {
			t.Errorf("two nodes that hear each other let in %d in 10 s, not 990", in)
		}
		w.cut.Store(nil)
		time.Sleep(5 * time.Second)
		if in := alone.flood(limit, User("carol"), 10*time.Second); in < 980 || in > 995 {
			t.Errorf("a node that hears the others again let in %d in 10 s, not 990", in)
		}
	})
}

func TestWhatIsGivenBackIsGivenBackOnAllNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, limit := cluster(t, "a", "b", "c"), limitOf(t, 1, time.Minute, 32)
		w.run(t)
		for range 100 {
			if !w.nodes[0].Take(limit, User("alice")).Allowed {
				t.Fatal("what was given back is gone")
			}
			time.Sleep(Coalesce)
			w.nodes[0].Give(limit, User("alice"))
		}
		time.Sleep(2 * tellEvery)
		for i, n := range w.nodes {
			if v := n.Peek(limit, User("alice")); v.Remaining < 30 {
				t.Errorf("node %d would let in %d, not 32", i, v.Remaining)
			}
		}
	})
}

func TestWhoeverLeavesIsNotMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := limiter(t, Options{Node: "a"})
		ctx, stop := context.WithCancel(t.Context())
		b := limiter(t, Options{Node: "b"})
		done := make(chan error)
		go func() { done <- b.Run(ctx, func(m []byte) { a.Hear(slices.Clone(m)) }) }()
		time.Sleep(2 * time.Second)
		stop()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		a.weigh()
		if in := let(a, limitOf(t, 10, time.Minute, 10), User("alice"), 100); in != 10 {
			t.Errorf("%d passed on the node that is left, not 10", in)
		}
	})
}

func TestASilentNodeIsMissedForTenMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, limit := limiter(t, Options{Node: "a"}), limitOf(t, 10, time.Second, 10)
		b := limiter(t, Options{Node: "b"})
		a.Hear(b.peers.hello())
		for _, c := range []struct {
			after time.Duration
			in    int
		}{{time.Second, 10}, {time.Minute, 5}, {10 * time.Minute, 10}} {
			time.Sleep(c.after)
			a.weigh()
			if in := let(a, limit, User("alice"), 100); in != c.in {
				t.Errorf("%d passed %v after another node was heard, not %d", in, c.after, c.in)
			}
		}
	})
}

func TestAMessageIsReadAsItWasWritten(t *testing.T) {
	all := []taken{
		{place{1, User("alice@example.com")}, 5}, {place{1 << 63, User("")}, -7},
		{place{2, Address(addr("192.0.2.1"))}, time.Hour}, {place{3, Address(addr("2001:db8::1"))}, 1},
	}
	text := (&peers{own: "node-1"}).hello()
	for _, one := range all {
		text = appendTaken(text, one)
	}
	m, ok := readMessage(text)
	if !ok || m.node != "node-1" || m.leaves || !reflect.DeepEqual(m.taken, all) {
		t.Errorf("read as %+v %t", m, ok)
	}
	if bye, ok := readMessage((&peers{own: "node-1"}).bye()); !ok || !bye.leaves {
		t.Errorf("a farewell was read as %+v %t", bye, ok)
	}
}

func FuzzAMessageIsReadWholeOrNotAtAll(f *testing.F) {
	f.Add((&peers{own: "a"}).bye())
	f.Add(appendTaken((&peers{own: "a"}).hello(), taken{place{7, User("u")}, 9}))
	f.Add(appendTaken((&peers{own: "a"}).hello(), taken{place{7, Address(addr("2001:db8::1"))}, 9}))
	f.Fuzz(func(t *testing.T, text []byte) {
		l := limiter(t, Options{Node: "b", Keys: 64})
		l.Hear(text)
		m, ok := readMessage(text)
		if !ok {
			if l.Callers() > 0 {
				t.Fatal("half a message was heard")
			}
			return
		}
		again := appendText([]byte{version, 0}, m.node)
		for _, one := range m.taken {
			again = appendTaken(again, one)
		}
		if other, ok := readMessage(again); !ok || !reflect.DeepEqual(other.taken, m.taken) || len(again) > len(bytes.TrimSpace(text))+len(text) {
			t.Fatalf("%x was read as %+v, and that as %+v", text, m, other)
		}
	})
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }
