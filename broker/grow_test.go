package broker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"picket/examples/ports"
)

// peersOf makes names and free addresses for n nodes that store.
func peersOf(t testing.TB, n int) []Peer {
	t.Helper()
	var peers []Peer
	for i := range n {
		peers = append(peers, Peer{Name: fmt.Sprintf("n%d", i+1), Address: ports.One(t)})
	}
	return peers
}

// onePeer opens the peer of that number; the test says when it ends.
func onePeer(t testing.TB, peers []Peer, i int, store string) *Broker {
	t.Helper()
	b, err := New(Options{
		Cluster: "test", Node: peers[i].Name, Secrets: [][]byte{testSecret}, Peers: peers, Listen: peers[i].Address, Store: store,
		Log: zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.InfoLevel),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), testPatience)
	defer cancel()
	if err := b.Open(ctx); err != nil {
		t.Fatal(err)
	}
	return b
}

func patiently(t testing.TB, b *Broker, s Spec) *Bucket[note] {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testPatience)
	defer cancel()
	bucket, err := OpenBucket[note](ctx, b, s)
	if err != nil {
		t.Fatal(err)
	}
	return bucket
}

func TestOneNodeGrowsToThreeAndKeepsEverything(t *testing.T) {
	t.Parallel() // it mostly waits
	ctx := unhurried(t)
	store := t.TempDir()
	specs := []Spec{{Name: "sessions", Decides: true}, {Name: "tokens", Sealed: true}, {Name: "plain"}}
	lone, err := New(Options{Cluster: "test", Node: "n1", Secrets: [][]byte{testSecret}, Store: store, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	if err := lone.Open(ctx); err != nil {
		t.Fatal(err)
	}
	revisions := map[string]uint64{}
	for _, spec := range specs {
		bucket := patiently(t, lone, spec)
		for i := range 300 {
			key := fmt.Sprintf("k%d", i)
			revision, err := bucket.Put(ctx, key, note{spec.Name + key}, time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			revisions[spec.Name+key] = revision
		}
		if err := bucket.Delete(ctx, "k7"); err != nil {
			t.Fatal(err)
		}
	}
	written := time.Now()
	for _, spec := range specs {
		if _, err := patiently(t, lone, spec).Put(ctx, "brief", note{"brief"}, 12*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	if err := lone.Close(ctx); err != nil {
		t.Fatal(err)
	}

	peers := peersOf(t, 3)
	nodes := make([]*Broker, 3)
	for i, folder := range []string{store, t.TempDir(), t.TempDir()} {
		nodes[i] = onePeer(t, peers, i, folder)
		run(t, nodes[i])
	}
	t.Logf("grown after %s", time.Since(written))
	buckets := map[string][]*Bucket[note]{}
	for _, spec := range specs {
		for _, n := range nodes {
			buckets[spec.Name] = append(buckets[spec.Name], patiently(t, n, spec))
		}
	}
	t.Logf("open after %s", time.Since(written))
	for _, spec := range specs {
		for i := range 300 {
			key := fmt.Sprintf("k%d", i)
			got, err := buckets[spec.Name][i%3].Get(ctx, key)
			if i == 7 {
				if err == nil {
					t.Errorf("%s: what was deleted is back", spec.Name)
				}
				continue
			}
			if err != nil || got.Value.Text != spec.Name+key || got.Revision != revisions[spec.Name+key] {
				t.Fatalf("%s %s: %+v, %v", spec.Name, key, got, err)
			}
		}
	}
	eventually(t, "every bucket is held by all three", func() bool {
		status, err := nodes[1].Status(ctx)
		return err == nil && heldBy(status, 3)
	})
	t.Logf("held by three after %s", time.Since(written))
	eventually(t, "what had twelve seconds is forgotten", func() bool {
		_, err := buckets["plain"][2].Get(ctx, "brief")
		return errors.Is(err, ErrNotFound)
	})
	if lived := time.Since(written); lived < 10*time.Second {
		t.Errorf("it lived %s", lived)
	}
}

// heldBy tells whether every bucket has so many current copies.
func heldBy(status []BucketStatus, want int) bool {
	for _, s := range status {
		current := 0
		for _, r := range s.Replicas {
			if r.Current && !r.Offline {
				current++
			}
		}
		if current != want || len(s.Replicas) != want {
			return false
		}
	}
	return len(status) > 0
}

func TestANodeThatWasAloneDoesNotGrowIntoAClusterThatIsThere(t *testing.T) {
	t.Parallel() // it mostly waits
	peers := peersOf(t, 3)
	stores := []string{t.TempDir(), t.TempDir()}
	for i, store := range stores {
		alone := begin(t, nil, peers[i].Name, "", store)
		openOn(t, alone)
		put(t, alone, "of-"+peers[i].Name)
		alone.end(true)
	}
	first := begin(t, peers, peers[0].Name, peers[0].Address, stores[0])
	third := begin(t, peers, peers[2].Name, peers[2].Address, t.TempDir())
	openOn(t, first, third)

	refusesToGrow(t, peers, stores[1])
	get(t, first, "of-n1")
	eventually(t, "the first counts on the third", func() bool { // else it would go on alone
		group, err := first.Group(t.Context())
		return err == nil && len(group.Nodes) == 2
	})
	third.end(false)
	eventually(t, "nobody leads", func() bool { _, err := first.Group(t.Context()); return err != nil })
	refusesToGrow(t, peers, stores[1])
	alone := begin(t, nil, peers[1].Name, "", stores[1])
	openOn(t, alone)
	get(t, alone, "of-n2")
}

// refusesToGrow starts the second peer with a store of when it was alone.
func refusesToGrow(t *testing.T, peers []Peer, store string) {
	t.Helper()
	second, err := New(Options{
		Cluster: "test", Node: peers[1].Name, Secrets: [][]byte{testSecret}, Peers: peers, Listen: peers[1].Address,
		Store: store, Log: zerolog.Nop(),
	})
	if err != nil {
		t.Fatal(err)
	}
	opening, cancel := context.WithTimeout(t.Context(), testPatience)
	defer cancel()
	if err = second.Open(opening); err == nil || !strings.Contains(err.Error(), "records of its own") {
		t.Errorf("a second store that was alone is taken in: %v", err)
	}
	_ = second.Close(opening)
}
