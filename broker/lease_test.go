package broker

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func leasesOf(t *testing.T, b *Broker, life time.Duration) *Leases {
	t.Helper()
	l, err := OpenLeases(t.Context(), b, life)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// renewing runs leases until the test ends, or the function that it gives is called.
func renewing(t *testing.T, l *Leases) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func take(t *testing.T, l *Leases, name string) *Lease {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	lease, err := l.Take(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	return lease
}

func TestOneOfManyHasALeaseAtATime(t *testing.T) {
	t.Parallel()
	l := leasesOf(t, start(t, Options{}), 0)
	renewing(t, l)
	var having, most atomic.Int32
	var fences sync.Map
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			lease := take(t, l, "certificate of *.example.com")
			most.Store(max(most.Load(), having.Add(1)))
			if _, twice := fences.LoadOrStore(lease.Fence(), true); twice {
				t.Error("two had one fence")
			}
			having.Add(-1)
			if err := lease.Release(t.Context()); err != nil {
				t.Error(err)
			}
			if lease.Held() != 0 {
				t.Error("held after it was given back")
			}
		})
	}
	all.Wait()
	if most.Load() != 1 {
		t.Errorf("%d had it at once", most.Load())
	}
}

func TestALeaseLastsAsLongAsItIsRenewed(t *testing.T) {
	t.Parallel() // it mostly waits
	b := start(t, Options{})
	const life = 12 * time.Second // a slow machine renews it in time
	l := leasesOf(t, b, life)
	renewing(t, l)
	mine := take(t, l, "x")
	ctx, cancel := context.WithTimeout(t.Context(), 2*life+time.Second)
	defer cancel()
	if other, err := leasesOf(t, b, life).Take(ctx, "x"); err == nil {
		t.Fatalf("taken with fence %d while it was renewed", other.Fence())
	} else if errors.Is(err, ErrUnavailable) {
		t.Fatal(err)
	}
	if mine.Held() == 0 {
		t.Error("lost while it was renewed")
	}
}

func TestALeaseOfANodeThatDiedIsTakenOver(t *testing.T) {
	t.Parallel() // it mostly waits
	b := start(t, Options{})
	const life = 10 * time.Second              // nor the next, of which something is asked before it is over
	dead := take(t, leasesOf(t, b, life), "x") // nobody renews it
	next := take(t, leasesOf(t, b, life), "x")
	if dead.Held() != 0 {
		t.Error("two may act on it at once")
	}
	if next.Fence() <= dead.Fence() {
		t.Errorf("fence %d after %d", next.Fence(), dead.Fence())
	}
	dead.renew(t.Context())
	if err := dead.Release(t.Context()); err != nil {
		t.Error(err)
	}
	if got, err := next.leases.bucket.Get(t.Context(), next.key); err != nil || got.Value.Claim != next.claim || got.Value.Free {
		t.Errorf("whoever lost it wrote over it: %+v, %v", got.Value, err)
	}
}

func TestALeaseThatAnotherHasIsLostAtTheNextRenewal(t *testing.T) {
	t.Parallel()
	l := leasesOf(t, start(t, Options{}), 0)
	mine := take(t, l, "x")
	if _, err := l.bucket.Put(t.Context(), mine.key, lease{Holder: "n2", Claim: "other"}, 0); err != nil {
		t.Fatal(err)
	}
	mine.renew(t.Context())
	select {
	case <-mine.Lost():
	default:
		t.Error("not told that it is lost")
	}
}

func TestARenewalWhoseAnswerWasLostIsKnownAgain(t *testing.T) {
	t.Parallel()
	l := leasesOf(t, start(t, Options{}), 0)
	mine := take(t, l, "x")
	if _, err := l.bucket.Put(t.Context(), mine.key, mine.record(false), 0); err != nil { // and nobody told us
		t.Fatal(err)
	}
	mine.renew(t.Context())
	if mine.Held() == 0 {
		t.Error("lost to itself")
	}
}

func TestLeasesAreGivenBackWhenANodeStops(t *testing.T) {
	t.Parallel()
	b := start(t, Options{})
	l := leasesOf(t, b, time.Hour)
	stop := renewing(t, l)
	take(t, l, "x")
	stop()
	take(t, leasesOf(t, b, time.Hour), "x")
}

func TestABucketThatIsFollowedOnlyDecidesNothing(t *testing.T) {
	t.Parallel()
	b := start(t, Options{MaxStaleness: time.Second})
	open(t, b, Spec{Name: "users", Decides: true})
	bucket, view := live(t, b, Spec{Name: "certs", Sealed: true, Feed: true})
	eventually(t, "fresh", b.Fresh)
	view.mu.Lock()
	view.view.miss() // and nobody reads
	view.mu.Unlock()
	if counted, told := len(*b.feeds.Load()), len(b.Freshness()); counted != 1 || told != 1 {
		t.Errorf("freshness rests on %d buckets, and is told of %d", counted, told)
	}
	poke(view.wanted)
	if _, err := bucket.Put(t.Context(), "a", note{"one"}, 0); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the change is told", func() bool { return view.All()["a"].Text == "one" })
	bucket.Close()
}
