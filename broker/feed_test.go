package broker

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// idle is a follower that nothing drives, standing at a sequence.
func idle(passed uint64) (*follower, *[]change) {
	var told []change
	f := &follower{key: heartbeatKey + "n1", tell: func(c change) { told = append(told, c) }, whole: func() bool { return true }}
	f.begin(passed, modelDay)
	return f, &told
}

var modelDay = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// word is news of a key, taken as many seconds after the day began as its sequence says.
func word(sequence uint64, key string) news {
	return news{change: change{key: key, revision: sequence}, taken: modelDay.Add(time.Duration(sequence) * time.Second)}
}

func TestAFeedAppliesInOrderAndFindsEveryGap(t *testing.T) {
	f, told := idle(10)
	f.hear(word(11, "a"))
	f.hear(word(12, heartbeatKey+"n2"))
	f.hear(word(11, "a")) // again, late
	if why := f.hear(word(15, "b")); why == nil || why.label != "missed" {
		t.Errorf("13 and 14 are missed, and it says %v", why)
	}
	f.hear(word(16, "c"))
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
	f, told := idle(10)
	f.acknowledged(beat{sequence: 14})
	if _, ok := f.settle(); ok {
		t.Error("an acknowledgement alone proves freshness")
	}
	f.tire()
	if len(*told) != 1 || (*told)[0].key != "" || f.passed.Load() != 14 {
		t.Errorf("told %+v, stands at %d", *told, f.passed.Load())
	}
	if _, ok := f.settle(); !ok {
		t.Error("nothing is known, so nothing is old, and yet freshness is not proved")
	}
}

func TestAStoreThatGrewAnewPastTheOldIsNoticed(t *testing.T) {
	for what, second := range map[string]news{
		"an old number on a new message":           {change: change{key: "b", revision: 3}, taken: modelDay.Add(time.Hour)},
		"a heartbeat of ours that follows another": {change: change{key: heartbeatKey + "n1", revision: 12}, previous: 4, taken: modelDay.Add(time.Hour)},
	} {
		f, told := idle(10)
		f.hear(news{change: change{key: heartbeatKey + "n1", revision: 11}, previous: 9, taken: modelDay.Add(time.Minute)})
		f.acknowledged(beat{sequence: 11})
		if _, ok := f.settle(); !ok {
			t.Fatal("not proved")
		}
		if why := f.hear(second); why == nil || why.label != "went_back" {
			t.Errorf("%s: it says %v", what, why)
		}
		if len(*told) != 1 || (*told)[0].key != "" || f.proof.Load() != nil {
			t.Errorf("%s: told %+v, proof %v", what, *told, f.proof.Load())
		}
	}
}

func TestAnAcknowledgementOfAnotherStreamProvesNothing(t *testing.T) {
	f, told := idle(10)
	f.hear(word(11, heartbeatKey+"n1"))
	f.hear(word(12, "a"))
	f.hear(word(13, "b"))
	*told = nil
	why := f.acknowledged(beat{sequence: 12}) // which was a change of a, and no heartbeat
	if _, ok := f.settle(); ok || why == nil || why.label != "went_back" || len(*told) != 1 {
		t.Errorf("proved %t, for %v, told %+v", ok, why, *told)
	}
}

// A heartbeat that a new stream took gets a number that the old one had given long ago: that later ones of ours were heard
// there does not prove it.
func TestAnAcknowledgementIsKnownByItsOwnEcho(t *testing.T) {
	ours := func(sequence, previous uint64) news {
		n := word(sequence, heartbeatKey+"n1")
		n.previous = previous
		return n
	}
	for what, before := range map[string]func(f *follower){
		"a heartbeat that was missed made it forget all": func(f *follower) {
			f.hear(word(140, heartbeatKey+"n2"))
			f.acknowledged(beat{sequence: 139})
		},
		"the acknowledgement of the last one was lost": func(f *follower) { f.hear(ours(11, 8)) },
		"the store went back a moment ago": func(f *follower) {
			f.hear(ours(11, 8))
			f.hear(news{change: change{key: heartbeatKey + "n1", revision: 10}, taken: modelDay.Add(time.Hour)})
		},
	} {
		f, told := idle(10)
		before(f)
		*told = nil
		why := f.acknowledged(beat{sequence: 9})
		if _, ok := f.settle(); ok || why == nil || why.label != "went_back" || len(*told) != 1 {
			t.Errorf("%s: proved %t, for %v, told %+v", what, ok, why, *told)
		}
	}
	f, _ := idle(10)
	f.hear(ours(11, 8))
	f.hear(ours(12, 11)) // as a list writes one
	if why := f.acknowledged(beat{sequence: 11}); why != nil {
		t.Errorf("it was heard before it was acknowledged, and it says %v", why)
	}
	if _, ok := f.settle(); !ok {
		t.Error("not proved")
	}
	for sequence := uint64(13); sequence < 13+2*maxEchoes; sequence++ {
		f.hear(ours(sequence, sequence-1))
	}
	if why := f.acknowledged(beat{sequence: 12 + 2*maxEchoes}); why != nil || len(f.echoes) > maxEchoes {
		t.Errorf("after many it says %v, and remembers %d", why, len(f.echoes))
	}
}

func TestAMessageWithoutASequenceTeachesNothing(t *testing.T) {
	b := start(t, Options{})
	f := newFeed(&bucket{broker: b, spec: Spec{Name: "sessions", Decides: true}, name: "sessions", subject: "$KV.sessions."})
	if n, ok := f.parse(&nats.Msg{Subject: feedSubject + ".sessions.a"}); ok {
		t.Errorf("read as %+v", n)
	}
}

func TestAProofAgesAndAClockThatJumpsVoidsIt(t *testing.T) {
	f, _ := idle(10)
	now := instant{running: time.Hour, wall: 1000 * time.Hour}
	if f.age(now) != never {
		t.Error("fresh before the first proof")
	}
	f.proof.Store(&now)
	for what, c := range map[string]struct {
		later instant
		age   time.Duration
	}{
		"three seconds later":                          {instant{time.Hour + 3*time.Second, 1000*time.Hour + 3*time.Second}, 3 * time.Second},
		"the clocks a little apart":                    {instant{time.Hour + 3*time.Second, 1000*time.Hour + 4*time.Second}, 4 * time.Second},
		"after a suspension of a minute":               {instant{time.Hour + time.Minute, 1000*time.Hour + time.Minute}, time.Minute},
		"after one, where the running clock stood":     {instant{time.Hour + time.Second, 1000*time.Hour + time.Minute}, never},
		"after the wall clock was set back":            {instant{time.Hour + 10*time.Second, 999 * time.Hour}, never},
		"after the wall clock was set back in a sleep": {instant{time.Hour + time.Minute, 1000 * time.Hour}, never},
	} {
		if age := f.age(c.later); age != c.age {
			t.Errorf("%s it is %s old, want %s", what, age, c.age)
		}
	}
}

func TestABrokerWithoutItsStoreGoesStaleAndSaysUnavailable(t *testing.T) {
	t.Parallel() // it mostly waits
	b := start(t, Options{MaxStaleness: 2 * time.Second})
	bucket := open(t, b, Spec{Name: "sessions", Decides: true})
	eventually(t, "fresh", b.Fresh)
	b.server.Shutdown()
	eventually(t, "stale", func() bool { return !b.Fresh() })
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
	cache := NewCache(open(t, b, Spec{Name: "sessions", Decides: true, Unique: true}), 100)
	eventually(t, "fresh", b.Fresh)
	s := cache.shard("a")
	q := question{resets: s.resets}
	stale := Entry[note]{Key: "a", Value: note{"old"}, Revision: 1005}

	cache.apply(change{key: "a", revision: 1006, removed: true})
	if _, err := s.keep("a", q, stale, 1005, true, true); !errors.Is(err, ErrNotFound) {
		t.Errorf("a read from before the removal: %v", err)
	}
	if _, err := s.keep("a", q, stale, 1005, true, false); !errors.Is(err, errAgain) {
		t.Errorf("a read from before the removal, where what is gone may have come back: %v", err)
	}
	cache.apply(change{key: "a", revision: 1007})
	if _, err := s.keep("a", q, stale, 1005, true, true); !errors.Is(err, errAgain) {
		t.Errorf("a read from before a change: %v", err)
	}
	cache.apply(change{revision: 1009})
	if _, err := s.keep("a", q, Entry[note]{Key: "a", Revision: 1008}, 1008, true, true); !errors.Is(err, errAgain) {
		t.Errorf("a read from before a gap: %v", err)
	}
	if cache.Len() != 0 {
		t.Errorf("%d stale facts are kept", cache.Len())
	}
}

func TestAFloodOfChangesDoesNotHideOne(t *testing.T) {
	b := start(t, Options{})
	cache := NewCache(open(t, b, Spec{Name: "sessions", Decides: true}), 100)
	eventually(t, "fresh", b.Fresh)
	s := cache.shard("a")
	q := question{resets: s.resets}
	cache.apply(change{key: "a", revision: 1006, removed: true})
	for i := range recentChanges * cacheShards * 2 {
		cache.apply(change{key: fmt.Sprintf("k%d", i), revision: uint64(1007 + i)})
	}
	if _, err := s.keep("a", q, Entry[note]{Key: "a", Revision: 1005}, 1005, true, false); !errors.Is(err, errAgain) {
		t.Errorf("a read from before the removal, which is forgotten by now: %v", err)
	}
	if q := s.ask("a", &cache.bucket.raw.feed.follower); q.floor < 1006 {
		t.Errorf("the next read may be as old as %d", q.floor)
	}
}

func TestAStoreThatWentBackIsReadAnew(t *testing.T) {
	t.Parallel() // it mostly waits
	ctx := unhurried(t)
	b := start(t, Options{}, func(b *Broker) { b.publishes = []string{">"} }) // a node may not delete a stream
	bucket := open(t, b, Spec{Name: "sessions", Decides: true})
	cache := NewCache(bucket, 100)
	eventually(t, "fresh", b.Fresh)
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
	eventually(t, "what is gone is not served", func() bool {
		_, err := cache.Get(ctx, "k1")
		return errors.Is(err, ErrNotFound)
	})
	eventually(t, "freshness is proved again", func() bool { return b.Staleness() < heartbeatEvery })
	if _, err := bucket.Put(ctx, "k2", note{"new"}, 0); err != nil {
		t.Fatal(err)
	}
	if v, err := cache.Get(ctx, "k2"); err != nil || v.Text != "new" {
		t.Errorf("%v, %v", v, err)
	}
}
