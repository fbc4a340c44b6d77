package broker

import (
	"context"
	"sync"
	"testing"
	"time"
)

// together starts peers, each in its own time after the first, and gives those that are up.
func together(t *testing.T, peers []Peer, starts map[int]time.Duration, stores map[int]string) []*Broker {
	t.Helper()
	var (
		mu    sync.Mutex
		nodes []*Broker
		all   sync.WaitGroup
	)
	for i, after := range starts {
		b := inert(t, peers, peers[i].Name, peers[i].Address, stores[i])
		all.Go(func() {
			<-time.After(after)
			ctx, cancel := context.WithTimeout(t.Context(), testPatience)
			defer cancel()
			if err := b.Open(ctx); err != nil {
				t.Errorf("%s: %v", peers[i].Name, err)
				return
			}
			run(t, b)
			mu.Lock()
			defer mu.Unlock()
			nodes = append(nodes, b)
		})
	}
	all.Wait()
	return nodes
}

// aloneBefore makes the store of a node that was alone, with a record.
func aloneBefore(t *testing.T, peer Peer) string {
	t.Helper()
	store := t.TempDir()
	alone := begin(t, nil, peer.Name, "", store)
	openOn(t, alone)
	put(t, alone, "of-"+peer.Name)
	alone.end(true)
	return store
}

func TestOneNodeGrowsToThreeWhicheverStartsFirst(t *testing.T) {
	t.Parallel() // it mostly waits
	for what, starts := range map[string]map[int]time.Duration{
		"all at once":                 {0: 0, 1: 0, 2: 0},
		"the empty ones first":        {0: 3 * time.Second, 1: 0, 2: 0},
		"an empty one, then the full": {0: time.Second, 1: 0, 2: 2 * time.Second},
		"the full one first":          {0: 0, 1: 3 * time.Second, 2: 3 * time.Second},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel() // it mostly waits
			peers := peersOf(t, 3)
			stores := map[int]string{0: aloneBefore(t, peers[0]), 1: t.TempDir(), 2: t.TempDir()}
			begun := time.Now()
			nodes := together(t, peers, starts, stores)
			if len(nodes) != 3 {
				t.Fatalf("%d of three are up", len(nodes))
			}
			for _, n := range nodes {
				bucket := patiently(t, n, Spec{Name: "sessions", Decides: true})
				if _, err := bucket.Get(unhurried(t), "of-n1"); err != nil {
					t.Errorf("%s: %v", n.options.Node, err)
				}
			}
			t.Logf("open after %s", time.Since(begun))
			eventually(t, "every bucket is held by all three", func() bool {
				status, err := nodes[1].Status(t.Context())
				return err == nil && heldBy(status, 3)
			})
			t.Logf("held by three after %s", time.Since(begun))
		})
	}
}
