package broker

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"picket/examples/ports"
)

type note struct {
	Text string `json:"text"`
}

var testSecret = []byte("0123456789abcdef0123456789abcdef")

// start opens a broker and runs it until the test ends.
func start(t testing.TB, o Options, change ...func(*Broker)) *Broker {
	t.Helper()
	if o.Secrets == nil {
		o.Secrets = [][]byte{testSecret}
	}
	if o.Cluster == "" {
		o.Cluster = "test"
	}
	if o.Node == "" {
		o.Node = "n1"
	}
	o.Log = zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.WarnLevel)
	b, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range change {
		f(b)
	}
	ctx, cancel := context.WithTimeout(t.Context(), testPatience)
	defer cancel()
	if err := b.Open(ctx); err != nil {
		t.Fatal(err)
	}
	run(t, b)
	return b
}

// openTogether opens brokers at once: those that begin wait for each other.
func openTogether(t testing.TB, all ...*Broker) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testPatience)
	defer cancel()
	var opening errgroup.Group
	for _, b := range all {
		opening.Go(func() error { return b.Open(ctx) })
	}
	if err := opening.Wait(); err != nil {
		t.Fatal(err)
	}
}

func run(t testing.TB, b *Broker) {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = b.Close(ctx)
	})
}

func open(t testing.TB, b *Broker, s Spec) *Bucket[note] {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testPatience)
	defer cancel()
	bucket, err := OpenBucket[note](ctx, b, s)
	if err != nil {
		t.Fatal(err)
	}
	return bucket
}

// testPatience is how long tests wait for what has to come, and no promise is about when: a machine may be slow, and do much else.
const testPatience = 3 * time.Minute

// eventually waits until it is so.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(testPatience); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("not within %s: %s", testPatience, what)
}

// unhurried is a context with which a call to the store has as long as it needs: without a deadline of the caller it ends
// with ErrUnavailable after patience, and rightly so.
func unhurried(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 2*testPatience)
	t.Cleanup(cancel)
	return ctx
}

// confirm asks again until a quorum has answered: one write has two seconds, and then whoever asked tries anew.
func confirm(t testing.TB, b *Bucket[note], key string) (r stored, upTo uint64) {
	t.Helper()
	eventually(t, "confirmed: "+key, func() (ok bool) {
		var err error
		r, upTo, err = b.raw.confirm(t.Context(), key)
		return err == nil
	})
	return r, upTo
}

// three starts three nodes that store, and what is needed to start more of them.
func three(t testing.TB) ([]*Broker, []Peer) {
	t.Helper()
	var peers []Peer
	for i := range 3 {
		peers = append(peers, Peer{Name: fmt.Sprintf("n%d", i+1), Address: ports.One(t)})
	}
	nodes := make([]*Broker, 3)
	for i, p := range peers {
		o := Options{Cluster: "test", Node: p.Name, Secrets: [][]byte{testSecret}, Peers: peers, Listen: p.Address, Store: t.TempDir()}
		o.Log = zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.WarnLevel)
		b, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		nodes[i] = b
	}
	openTogether(t, nodes...)
	for _, b := range nodes {
		run(t, b)
	}
	return nodes, peers
}

func TestARecordIsCreatedReadChangedAndDeleted(t *testing.T) {
	for _, spec := range []Spec{{Name: "plain"}, {Name: "sealed", Sealed: true}, {Name: "deciding", Decides: true}} {
		t.Run(spec.Name, func(t *testing.T) {
			ctx := unhurried(t)
			bucket := open(t, start(t, Options{}), spec)
			if _, err := bucket.Get(ctx, "a"); !errors.Is(err, ErrNotFound) {
				t.Fatalf("before it exists: %v", err)
			}
			revision, err := bucket.Create(ctx, "a", note{"one"}, 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := bucket.Create(ctx, "a", note{"two"}, 0); !errors.Is(err, ErrConflict) {
				t.Fatalf("creating twice: %v", err)
			}
			if _, err := bucket.Update(ctx, "a", note{"two"}, revision+1, 0); !errors.Is(err, ErrConflict) {
				t.Fatalf("updating another revision: %v", err)
			}
			if _, err := bucket.Update(ctx, "a", note{"two"}, revision, 0); err != nil {
				t.Fatal(err)
			}
			got, err := bucket.Get(ctx, "a")
			if err != nil || got.Value.Text != "two" {
				t.Fatalf("got %+v, %v", got, err)
			}
			if err := bucket.Delete(ctx, "a"); err != nil {
				t.Fatal(err)
			}
			if _, err := bucket.Get(ctx, "a"); !errors.Is(err, ErrNotFound) {
				t.Fatalf("after deleting: %v", err)
			}
			if _, err := bucket.Create(ctx, "a", note{"three"}, 0); err != nil {
				t.Fatalf("creating anew: %v", err)
			}
		})
	}
}

func TestARecordWithATTLIsForgotten(t *testing.T) {
	t.Parallel() // it mostly waits
	ctx, b := unhurried(t), start(t, Options{})
	bucket := open(t, b, Spec{Name: "sessions", Decides: true})
	cache := NewCache(bucket, 100)
	if _, err := bucket.Create(ctx, "a", note{"short"}, 15*time.Second); err != nil {
		t.Fatal(err)
	}
	if _, err := cache.Get(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the cache forgets what expired", func() bool {
		_, err := cache.Get(ctx, "a")
		return errors.Is(err, ErrNotFound)
	})
}

func TestListYieldsRecordsAndNoHeartbeats(t *testing.T) {
	ctx, b := unhurried(t), start(t, Options{})
	bucket := open(t, b, Spec{Name: "sessions", Decides: true})
	eventually(t, "fresh", b.Fresh)
	for entry, err := range bucket.List(ctx) {
		t.Fatalf("an empty bucket lists %v %v", entry, err)
	}
	for i := range 1200 {
		if _, err := bucket.Put(ctx, fmt.Sprintf("k%d", i), note{"x"}, 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := bucket.Delete(ctx, "k7"); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, err := range bucket.List(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 1199 {
		t.Errorf("%d records", n)
	}
}

func TestACacheFollowsTheFeed(t *testing.T) {
	ctx := unhurried(t)
	b := start(t, Options{})
	bucket := open(t, b, Spec{Name: "sessions", Decides: true})
	cache := NewCache(bucket, 100)
	eventually(t, "fresh", b.Fresh)
	if _, err := cache.Get(ctx, "a"); !errors.Is(err, ErrNotFound) {
		t.Fatalf("absent: %v", err)
	}
	if _, err := bucket.Put(ctx, "a", note{"one"}, 0); err != nil {
		t.Fatal(err)
	}
	if v, err := cache.Get(ctx, "a"); err != nil || v.Text != "one" {
		t.Fatalf("acknowledged but not found: %v %v", v, err)
	}
	if _, err := bucket.Put(ctx, "a", note{"two"}, 0); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the change arrives", func() bool { v, err := cache.Get(ctx, "a"); return err == nil && v.Text == "two" })
	if err := bucket.Delete(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the removal arrives", func() bool { _, err := cache.Get(ctx, "a"); return errors.Is(err, ErrNotFound) })
}

func TestThreeNodesShareABucketAndOneThatStoresNothingReadsIt(t *testing.T) {
	t.Parallel() // it mostly waits
	ctx := unhurried(t)
	begun := time.Now()
	nodes, peers := three(t)
	caches := make([]*Cache[note], 0, 4)
	buckets := make([]*Bucket[note], 0, 4)
	for _, n := range nodes {
		bucket := open(t, n, Spec{Name: "sessions", Decides: true})
		buckets, caches = append(buckets, bucket), append(caches, NewCache(bucket, 100))
	}
	guest := start(t, Options{Node: "guest", Peers: peers})
	bucket := open(t, guest, Spec{Name: "sessions", Decides: true})
	buckets, caches = append(buckets, bucket), append(caches, NewCache(bucket, 100))
	for _, n := range append(nodes, guest) {
		eventually(t, n.options.Node+" is fresh", n.Fresh)
	}
	t.Logf("fresh after %s", time.Since(begun))
	for i, writer := range buckets {
		key := fmt.Sprintf("k%d", i)
		if _, err := writer.Create(ctx, key, note{key}, time.Hour); err != nil {
			t.Fatal(err)
		}
		for j, cache := range caches {
			if v, err := cache.Get(ctx, key); err != nil || v.Text != key {
				t.Fatalf("node %d does not find at once what node %d wrote: %v", j, i, err)
			}
		}
		if err := writer.Delete(ctx, key); err != nil {
			t.Fatal(err)
		}
		for _, cache := range caches {
			eventually(t, "removed everywhere", func() bool { _, err := cache.Get(ctx, key); return errors.Is(err, ErrNotFound) })
		}
	}
	if err := nodes[0].Settled(ctx); err != nil {
		t.Error(err)
	}
	manyListsAtOnceAllSucceed(t, nodes[0])
}
