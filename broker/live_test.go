package broker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

func live(t *testing.T, b *Broker, s Spec) (*Bucket[note], *Live[note]) {
	t.Helper()
	bucket := open(t, b, s)
	view := NewLive(bucket)
	if err := view.Load(unhurried(t)); err != nil {
		t.Fatal(err)
	}
	return bucket, view
}

func TestALiveViewFollowsItsBucket(t *testing.T) {
	ctx := unhurried(t)
	b := start(t, Options{})
	before := open(t, b, Spec{Name: "locks", Decides: true})
	if _, err := before.Put(ctx, "old", note{"one"}, 0); err != nil {
		t.Fatal(err)
	}
	bucket, view := live(t, b, Spec{Name: "locks", Decides: true})
	if view.All()["old"].Text != "one" {
		t.Fatalf("after loading it holds %v", view.All())
	}
	held := view.All()
	if _, err := bucket.Put(ctx, "new", note{"two"}, 0); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a new record is there", func() bool { return view.All()["new"].Text == "two" })
	if err := bucket.Delete(ctx, "old"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a removed record is gone", func() bool { _, ok := view.All()["old"]; return !ok })
	if len(held) != 1 {
		t.Errorf("a map that was given out changed: %v", held)
	}
}

func TestALiveViewIsReadAnewWhenSomethingWasMissed(t *testing.T) {
	ctx := unhurried(t)
	b := start(t, Options{})
	bucket, view := live(t, b, Spec{Name: "locks", Decides: true})
	if _, err := bucket.Put(ctx, "kept", note{"one"}, 0); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is there", func() bool { return len(view.All()) == 1 })
	view.mu.Lock()
	view.view.records["ghost"] = known[note]{Entry: Entry[note]{Key: "ghost", Revision: 1}} // removed long ago, and that was missed
	view.mu.Unlock()
	view.apply(change{revision: 99})
	eventually(t, "a re-list replaces, it does not only add", func() bool {
		return view.settled() && slices.Equal(slices.Sorted(maps.Keys(view.All())), []string{"kept"})
	})
}

func TestNothingIsProvedWhileAViewIsNotWhole(t *testing.T) {
	t.Parallel() // it mostly waits
	b := start(t, Options{MaxStaleness: 2 * time.Second})
	bucket, view := live(t, b, Spec{Name: "locks", Decides: true})
	eventually(t, "fresh", b.Fresh)
	view.mu.Lock()
	view.view.miss() // and nobody reads
	view.mu.Unlock()
	eventually(t, "stale while reading", func() bool { return !b.Fresh() })
	if bucket.raw.feed.settled() {
		t.Error("the feed says that it is whole")
	}
}

func TestNothingIsProvedWhileListenersDoNotKnowWhatWasReadAnew(t *testing.T) {
	b := start(t, Options{})
	_, view := live(t, b, Spec{Name: "locks", Decides: true})
	telling, told := make(chan struct{}), make(chan struct{})
	view.OnChange(func() { telling <- struct{}{}; <-told })
	view.apply(change{revision: 99}) // something was missed
	<-telling
	if view.settled() {
		t.Error("it is settled, though who decides by it knows what was before")
	}
	close(told)
	eventually(t, "settled when they know", view.settled)
}

func TestAnOpenBucketTakesWhatOthersPublish(t *testing.T) {
	b := start(t, Options{})
	_, view := live(t, b, Spec{Name: "data-oncall", Decides: true, Open: true})
	if err := b.conn.Publish("$KV.data-oncall.alice", []byte(`{"text":"from elsewhere"}`)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is there", func() bool { return view.All()["alice"].Text == "from elsewhere" })
	if err := b.conn.Publish("$KV.data-oncall.alice", []byte(`no JSON`)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "what cannot be read is not there", func() bool { return len(view.All()) == 0 })
}

func TestWhatCannotBeReadIsToldApartFromWhatIsNotThere(t *testing.T) {
	b := start(t, Options{})
	bucket, view := live(t, b, Spec{Name: "data-oncall", Decides: true, Open: true})
	unreadable := func(what string, want ...string) {
		t.Helper()
		eventually(t, what, func() bool {
			return view.settled() && slices.Equal(slices.Sorted(maps.Keys(view.Unreadable())), want)
		})
	}
	publish := func(key, text string) {
		t.Helper()
		if err := b.conn.Publish("$KV.data-oncall."+key, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	publish("alice", `no JSON`)
	publish("bob", `{`)
	unreadable("two cannot be read", "alice", "bob")
	view.apply(change{revision: 99})
	unreadable("nor when all is read anew", "alice", "bob")
	publish("alice", `{"text":"mended"}`)
	unreadable("one is mended", "bob")
	if err := bucket.Delete(t.Context(), "bob"); err != nil {
		t.Fatal(err)
	}
	unreadable("the other is removed")
	if all := view.All(); len(all) != 1 || all["alice"].Text != "mended" {
		t.Errorf("it holds %v", all)
	}
}

func TestAForgedRecordIsNotRead(t *testing.T) {
	b := start(t, Options{})
	bucket := open(t, b, Spec{Name: "sessions", Decides: true})
	if err := b.conn.Publish("$KV.sessions.alice", []byte(`{"text":"forged"}`)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it arrives", func() bool {
		_, err := bucket.Get(t.Context(), "alice")
		return !errors.Is(err, ErrNotFound)
	})
	if entry, err := bucket.Get(t.Context(), "alice"); !errors.Is(err, ErrUnavailable) {
		t.Errorf("read %+v, %v", entry, err)
	}
}

func TestALogIsReadFromATimeOn(t *testing.T) {
	ctx := unhurried(t)
	b := start(t, Options{})
	log, err := OpenLog[note](ctx, b, LogSpec{Name: "decisions", Keep: time.Hour, Limit: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	go func() { _ = log.Run(ctx) }()
	for i := range 1000 {
		if !log.Append(note{fmt.Sprint(i)}) {
			t.Fatal("dropped")
		}
	}
	eventually(t, "all are written, in order", func() bool {
		n := 0
		for entry, err := range log.Since(ctx, begun) {
			if err != nil || entry.Text != fmt.Sprint(n) {
				return false
			}
			n++
		}
		return n == 1000
	})
	for entry := range log.Since(ctx, time.Now().Add(time.Hour)) {
		t.Errorf("from the future: %v", entry)
	}
}

func TestALogNeverWaits(t *testing.T) {
	b := start(t, Options{})
	log, err := OpenLog[note](t.Context(), b, LogSpec{Name: "decisions"})
	if err != nil {
		t.Fatal(err)
	}
	taken := 0
	for range logQueue + 100 { // nobody writes
		if log.Append(note{"x"}) {
			taken++
		}
	}
	if taken != logQueue {
		t.Errorf("%d were taken", taken)
	}
}

func TestARecordThatCannotBeReadIsLeftOutFromTheStart(t *testing.T) {
	b := start(t, Options{})
	before := open(t, b, Spec{Name: "data-oncall", Decides: true, Open: true})
	if _, err := before.Put(t.Context(), "bob", note{"there"}, 0); err != nil {
		t.Fatal(err)
	}
	if err := b.conn.Publish("$KV.data-oncall.alice", []byte(`no JSON`)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is stored", func() bool {
		_, err := before.Get(t.Context(), "alice")
		return errors.Is(err, ErrUnavailable)
	})
	_, view := live(t, b, Spec{Name: "data-oncall", Decides: true, Open: true})
	if keys := slices.Collect(maps.Keys(view.All())); !slices.Equal(keys, []string{"bob"}) {
		t.Errorf("it holds %v", keys)
	}
}

func TestALogIsKeptAsItIsConfiguredNow(t *testing.T) {
	ctx := unhurried(t)
	b := start(t, Options{})
	for _, s := range []LogSpec{
		{Name: "decisions", Keep: time.Minute, Limit: 1 << 20},
		{Name: "decisions", Keep: time.Hour, Limit: 2 << 20},
	} {
		log, err := OpenLog[note](ctx, b, s)
		if err != nil {
			t.Fatal(err)
		}
		info, err := log.stream.Info(ctx)
		if err != nil || info.Config.MaxAge != s.Keep || info.Config.MaxBytes != s.Limit {
			t.Errorf("it is kept for %v within %d bytes, %v", info.Config.MaxAge, info.Config.MaxBytes, err)
		}
		go func() { _ = log.Run(ctx) }()
		log.Append(note{s.Keep.String()})
		eventually(t, "it is written", func() bool {
			for entry, err := range log.Since(ctx, time.Now().Add(-time.Minute)) {
				if err == nil && entry.Text == s.Keep.String() {
					return true
				}
			}
			return false
		})
	}
}

func TestWhatTheStoreDoesNotTakeIsCounted(t *testing.T) {
	registry := prometheus.NewRegistry()
	b := start(t, Options{Registry: registry})
	log, err := OpenLog[note](t.Context(), b, LogSpec{Name: "decisions"})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	log.Append(note{"x"})
	log.Append(note{"y"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := log.Run(ctx); err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == "picket_log_dropped_total" && family.GetMetric()[0].GetCounter().GetValue() != 2 {
			t.Errorf("counted were %v", family.GetMetric())
		}
	}
}

func TestALiveViewThatNobodyCanFillWaits(t *testing.T) {
	t.Parallel() // it mostly waits
	nodes, _ := three(t)
	notes := open(t, nodes[0], Spec{Name: "notes", Decides: true})
	if _, err := notes.Create(unhurried(t), "k", note{"kept"}, 0); err != nil {
		t.Fatal(err)
	}
	for _, n := range nodes[1:] {
		n.server.Shutdown() // no majority is left
	}
	view := NewLive(notes)
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	if err := view.Load(ctx); err == nil || ctx.Err() == nil {
		t.Errorf("gave up before its time was over: %v", err)
	}
}

func TestWhatIsToldWhileAWholeViewIsReadAgainIsNotLost(t *testing.T) {
	v := newView[note]()
	record := func(revision uint64) known[note] {
		return known[note]{Entry: Entry[note]{Key: "a", Revision: revision}}
	}
	list := func(upTo, revision uint64) *listing[note] {
		found := newListing[note](upTo)
		found.add(record(revision))
		return found
	}
	v.begin()
	v.replace(list(10, 5))
	v.begin() // again: it was wanted twice
	v.apply(told[note]{known: record(12)})
	v.replace(list(11, 5))
	if got := v.records["a"].Revision; got != 12 {
		t.Errorf("the view stands at %d, and 12 was told", got)
	}
}
