package broker

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// idle is a feed that nothing runs, standing at a sequence.
func idle(t *testing.T, passed uint64) (*feed, *[]change) {
	t.Helper()
	b := start(t, Options{})
	bucket := &bucket{broker: b, spec: Spec{Name: "sessions", Decides: true}, name: "sessions", subject: "$KV.sessions."}
	f := newFeed(bucket)
	f.passed.Store(passed)
	var told []change
	f.follow(func(c change) { told = append(told, c) })
	return f, &told
}

func republished(sequence uint64, key string) *nats.Msg {
	msg := &nats.Msg{Subject: feedSubject + ".sessions." + key, Header: nats.Header{}}
	msg.Header.Set(jetstream.SequenceHeader, strconv.FormatUint(sequence, 10))
	return msg
}

func TestAFeedAppliesInOrderAndFindsEveryGap(t *testing.T) {
	f, told := idle(t, 10)
	f.apply(republished(11, "a"))
	f.apply(republished(12, heartbeatKey+"n1"))
	f.apply(republished(11, "a")) // again, late
	f.apply(republished(15, "b")) // 13 and 14 are missed
	f.apply(republished(16, "c"))
	want := []change{{key: "a", revision: 11}, {revision: 15}, {key: "c", revision: 16}}
	if len(*told) != len(want) {
		t.Fatalf("told %+v", *told)
	}
	for i, c := range *told {
		if c.key != want[i].key || c.revision != want[i].revision {
			t.Errorf("change %d is %q at %d, want %q at %d", i, c.key, c.revision, want[i].key, want[i].revision)
		}
	}
}

func TestAHeartbeatThatDoesNotComeBackForgetsEverything(t *testing.T) {
	f, told := idle(t, 10)
	f.catchUp(t.Context(), 14, nil)
	if len(*told) != 1 || (*told)[0].key != "" || f.passed.Load() != 14 {
		t.Errorf("told %+v, stands at %d", *told, f.passed.Load())
	}
}

func TestAMessageWithoutASequenceTeachesNothing(t *testing.T) {
	f, told := idle(t, 10)
	f.apply(&nats.Msg{Subject: feedSubject + ".sessions.a"})
	if len(*told) != 0 || f.passed.Load() != 10 {
		t.Errorf("told %+v, stands at %d", *told, f.passed.Load())
	}
}

func TestAProofAgesAndAClockThatJumpsVoidsIt(t *testing.T) {
	f, _ := idle(t, 10)
	now := instant{monotonic: time.Hour, wall: 1000 * time.Hour}
	if f.age(now) != never {
		t.Error("fresh before the first proof")
	}
	f.proof.Store(&now)
	for what, c := range map[string]struct {
		later instant
		age   time.Duration
	}{
		"three seconds later":               {instant{time.Hour + 3*time.Second, 1000*time.Hour + 3*time.Second}, 3 * time.Second},
		"the clocks a little apart":         {instant{time.Hour + 3*time.Second, 1000*time.Hour + 4*time.Second}, 4 * time.Second},
		"after a suspension of a minute":    {instant{time.Hour + time.Second, 1000*time.Hour + time.Minute}, never},
		"after the wall clock was set back": {instant{time.Hour + 10*time.Second, 999 * time.Hour}, never},
	} {
		if age := f.age(c.later); age != c.age {
			t.Errorf("%s it is %s old, want %s", what, age, c.age)
		}
	}
}

func TestABrokerWithoutItsStoreGoesStaleAndSaysUnavailable(t *testing.T) {
	b := start(t, Options{MaxStaleness: 2 * time.Second})
	bucket := open(t, b, Spec{Name: "sessions", Decides: true})
	eventually(t, "fresh", 5*time.Second, b.Fresh)
	b.server.Shutdown()
	eventually(t, "stale", 5*time.Second, func() bool { return !b.Fresh() })
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := bucket.Get(ctx, "a"); !errors.Is(err, ErrUnavailable) {
		t.Errorf("reading: %v", err)
	}
	if _, err := bucket.Create(ctx, "a", note{}, 0); !errors.Is(err, ErrUnavailable) {
		t.Errorf("writing: %v", err)
	}
	if err := bucket.Delete(ctx, "a"); !errors.Is(err, ErrUnavailable) {
		t.Errorf("deleting: %v", err)
	}
	for _, err := range bucket.List(ctx) {
		if !errors.Is(err, ErrUnavailable) {
			t.Errorf("listing: %v", err)
		}
	}
}

func TestASlowReadDoesNotBringBackWhatWasRemoved(t *testing.T) {
	b := start(t, Options{})
	bucket := open(t, b, Spec{Name: "sessions", Decides: true})
	cache := NewCache(bucket, 100)
	eventually(t, "fresh", 5*time.Second, b.Fresh)
	s := cache.shard("a")
	stale := Entry[note]{Key: "a", Value: note{"old"}, Revision: 5}

	cache.apply(change{key: "a", revision: 6, removed: true})
	if _, err := cache.keep(s, "a", stale, 5, s.resets); !errors.Is(err, ErrNotFound) {
		t.Errorf("a read from before the removal: %v", err)
	}
	cache.apply(change{key: "a", revision: 7})
	if _, err := cache.keep(s, "a", stale, 5, s.resets); !errors.Is(err, errAgain) {
		t.Errorf("a read from before a change: %v", err)
	}
	resets := s.resets
	cache.apply(change{revision: 9})
	if _, err := cache.keep(s, "a", Entry[note]{Key: "a", Revision: 8}, 8, resets); !errors.Is(err, errAgain) {
		t.Errorf("a read from before a gap: %v", err)
	}
	if cache.Len() != 0 {
		t.Errorf("%d stale facts are kept", cache.Len())
	}
}

func TestAFloodOfChangesDoesNotHideOne(t *testing.T) {
	b := start(t, Options{})
	cache := NewCache(open(t, b, Spec{Name: "sessions", Decides: true}), 100)
	s := cache.shard("a")
	resets := s.resets
	cache.apply(change{key: "a", revision: 6, removed: true})
	for i := range recentChanges * cacheShards * 2 {
		cache.apply(change{key: fmt.Sprintf("k%d", i), revision: uint64(7 + i)})
	}
	if _, err := cache.keep(s, "a", Entry[note]{Key: "a", Revision: 5}, 5, resets); !errors.Is(err, errAgain) {
		t.Errorf("a read from before the removal, which is forgotten by now: %v", err)
	}
}

func TestAStoreThatWentBackIsReadAnew(t *testing.T) {
	ctx := t.Context()
	b := start(t, Options{}, func(b *Broker) { b.publishes = []string{">"} }) // a node may not delete a stream
	bucket := open(t, b, Spec{Name: "sessions", Decides: true})
	cache := NewCache(bucket, 100)
	eventually(t, "fresh", 5*time.Second, b.Fresh)
	for i := range 50 {
		if _, err := bucket.Put(ctx, fmt.Sprintf("k%d", i), note{"x"}, 0); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := cache.Get(ctx, "k1"); err != nil {
		t.Fatal(err)
	}
	if err := b.stream.DeleteStream(ctx, "KV_sessions"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.ensure(ctx, bucket.raw.config()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "what is gone is not served", 5*time.Second, func() bool {
		_, err := cache.Get(ctx, "k1")
		return errors.Is(err, ErrNotFound)
	})
	eventually(t, "freshness is proved again", 5*time.Second, func() bool { return b.Staleness() < heartbeatEvery })
	if _, err := bucket.Put(ctx, "k2", note{"new"}, 0); err != nil {
		t.Fatal(err)
	}
	if v, err := cache.Get(ctx, "k2"); err != nil || v.Text != "new" {
		t.Errorf("%v, %v", v, err)
	}
}
