package broker

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

func TestAReplicaSaysHowFarItIs(t *testing.T) {
	t.Parallel() // it mostly waits
	ctx := unhurried(t)
	nodes, _ := three(t)
	bucket := open(t, nodes[0], Spec{Name: "sessions", Decides: true})
	revision, err := bucket.Create(ctx, "a", note{"one"}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "a heartbeat is written", func() bool { _, err := bucket.raw.heartbeat(ctx); return err == nil })
	eventually(t, "a replica has it", func() bool {
		r, upTo, err := bucket.raw.askReplica(ctx, "a")
		return err == nil && r.sequence == revision && upTo >= revision && r.present()
	})
	eventually(t, "a replica that has nothing says how far it is", func() bool {
		r, upTo, err := bucket.raw.askReplica(ctx, "absent")
		return err == nil && upTo > revision && !r.present()
	})
	if err := bucket.Delete(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "what was removed is not present", func() bool {
		r, upTo, err := bucket.raw.askReplica(ctx, "a")
		return err == nil && upTo > revision+1 && !r.present()
	})
}

func TestThatThereIsNothingIsConfirmedByAQuorum(t *testing.T) {
	t.Parallel() // it mostly waits
	ctx := unhurried(t)
	nodes, _ := three(t)
	bucket := open(t, nodes[0], Spec{Name: "sessions", Decides: true})
	var before uint64
	eventually(t, "a heartbeat is written", func() (ok bool) {
		var err error
		before, err = bucket.raw.heartbeat(ctx)
		return err == nil
	})
	if r, upTo := confirm(t, bucket, "a"); r.present() || upTo <= before {
		t.Errorf("up to %d, and it was at %d", upTo, before)
	}
	if _, err := bucket.Create(ctx, "a", note{"one"}, time.Hour); err != nil {
		t.Fatal(err)
	}
	// As after a leader's answer that came too early.
	if r, _ := confirm(t, bucket, "a"); !r.present() {
		t.Error("what was acknowledged is absent")
	}
}

func TestAskingAgainForWhatIsAbsentCostsNoRead(t *testing.T) {
	ctx := unhurried(t)
	b := start(t, Options{})
	bucket := open(t, b, Spec{Name: "sessions", Decides: true, Unique: true})
	cache := NewCache(bucket, 100)
	eventually(t, "fresh", b.Fresh)
	if _, err := cache.Get(ctx, "a"); !errors.Is(err, ErrNotFound) {
		t.Fatal(err)
	}
	b.server.Shutdown() // from now on every read fails
	if _, err := cache.Get(ctx, "a"); !errors.Is(err, ErrNotFound) {
		t.Errorf("asked again: %v", err)
	}
}

func TestAWriteThatIsTriedAgainDoesNotOverwriteWhatCameBetween(t *testing.T) {
	ctx := unhurried(t)
	bucket := open(t, start(t, Options{}), Spec{Name: "users", Decides: true})
	msg := bucket.raw.message("a", []byte(`{"text":"active"}`))
	first, err := bucket.raw.publish(ctx, "a", msg, nil) // and its acknowledgement is lost
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bucket.Put(ctx, "a", note{"locked"}, 0); err != nil {
		t.Fatal(err)
	}
	if again, err := bucket.raw.publish(ctx, "a", msg, nil); err != nil || again != first {
		t.Errorf("tried again it is at %d, not %d, %v", again, first, err)
	}
	if got, err := bucket.Get(ctx, "a"); err != nil || got.Value.Text != "locked" {
		t.Errorf("the record is %+v, %v", got.Value, err)
	}
}

func TestWhoComesLateToAReadIsNotToldOfWhatItMissed(t *testing.T) {
	ctx := unhurried(t)
	b := start(t, Options{})
	bucket := open(t, b, Spec{Name: "users", Decides: true})
	cache := NewCache(bucket, 100)
	eventually(t, "fresh", b.Fresh)
	enter, leave := make(chan struct{}), make(chan struct{})
	early := cache.flight.DoChan("a", func() (any, error) { // a read that found nothing, and takes long to say so
		close(enter)
		<-leave
		return flown[note]{began: cache.arrivals.Add(1)}, ErrNotFound
	})
	<-enter
	if _, err := bucket.Put(ctx, "a", note{"there"}, 0); err != nil {
		t.Fatal(err)
	}
	type answer struct {
		value *note
		err   error
	}
	got := make(chan answer, 1)
	cache.arrivals.Add(10) // it began before all who come now
	go func() { v, err := cache.Get(ctx, "a"); got <- answer{v, err} }()
	eventually(t, "somebody joined", func() bool { return cache.arrivals.Load() > 10 })
	cache.arrivals.Store(0)
	close(leave)
	<-early
	if a := <-got; a.err != nil || a.value.Text != "there" {
		t.Errorf("acknowledged, and then %v, %v", a.value, a.err)
	}
}

func TestManyWhoWaitForABarrierShareOne(t *testing.T) {
	var b barrier
	var writes atomic.Uint64
	enter, leave := make(chan struct{}), make(chan struct{})
	write := func(context.Context) (uint64, error) {
		n := writes.Add(1)
		if n == 1 {
			close(enter)
			<-leave
		}
		return n, nil
	}
	var group errgroup.Group
	pass := func(first uint64) func() error {
		return func() error {
			got, err := b.pass(t.Context(), write)
			if err == nil && got < first {
				err = fmt.Errorf("passed with write %d, which may have begun before", got)
			}
			return err
		}
	}
	group.Go(pass(1))
	<-enter
	for range 100 {
		group.Go(pass(2)) // not the one under way
	}
	eventually(t, "the next is waited for", func() bool { b.mu.Lock(); defer b.mu.Unlock(); return b.next != nil })
	close(leave)
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
	if n := writes.Load(); n > 50 {
		t.Errorf("%d writes for 101 who wait", n)
	}
}

// manyListsAtOnceAllSucceed lists a bucket that has nothing else in it.
func manyListsAtOnceAllSucceed(t *testing.T, n *Broker) {
	t.Helper()
	ctx := unhurried(t)
	bucket := patiently(t, n, Spec{Name: "listed", Decides: true})
	for i := range 20 {
		if _, err := bucket.Put(ctx, fmt.Sprintf("k%d", i), note{"x"}, 0); err != nil {
			t.Fatal(err)
		}
	}
	var group errgroup.Group
	for range 40 {
		group.Go(func() error {
			n := 0
			for _, err := range bucket.List(ctx) {
				if err != nil {
					return err
				}
				n++
			}
			if n != 20 {
				return fmt.Errorf("%d records", n)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
}
