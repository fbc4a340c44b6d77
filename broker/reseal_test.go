package broker

import (
	"fmt"
	"maps"
	"testing"
	"time"
)

// under opens the same store with these secrets.
func under(t *testing.T, store string, secrets ...[]byte) (opened, func()) {
	t.Helper()
	b := openAll(t, Options{Store: store, Secrets: secrets})
	return b, func() { _ = b.Close(canceled()) }
}

func TestAfterResealingTheOldSecretIsOfNoUse(t *testing.T) {
	t.Parallel() // it mostly waits
	store := t.TempDir()
	begun := time.Now()
	b, stop := under(t, store, olderSecret)
	for i := range 1200 {
		b.put(t, "tokens", fmt.Sprintf("t%d", i), "sealed", time.Hour)
	}
	b.put(t, "sessions", "s", "tagged", inTime(begun)) // it outlives the resealing
	b.put(t, "users", "u", "tagged", 0)
	b.put(t, "data-oncall", "d", "open", 0)
	want := b.all(t)
	stop()

	b, stop = under(t, store, testSecret, olderSecret)
	if got := b.all(t); !maps.Equal(got, want) {
		t.Fatalf("with both secrets: %d records, want %d", len(got), len(want))
	}
	looked := 0
	sum, err := b.Reseal(b.ctx, func(n int) { looked = n })
	if err != nil || sum.Resealed != 1202 || sum.Records != 1202 || sum.Unreadable != 0 || looked != 1202 {
		t.Errorf("%+v, %d, %v", sum, looked, err)
	}
	if sum, err := b.Reseal(b.ctx, nil); err != nil || sum.Resealed != 0 || sum.Records < 1201 {
		t.Errorf("a second time: %+v, %v", sum, err)
	}
	stop()

	b, _ = under(t, store, testSecret)
	eventually(t, "the session expires when it would have", func() bool { return len(b.all(t)) == len(want)-1 })
	got := b.all(t)
	delete(want, "sessions s")
	if !maps.Equal(got, want) {
		t.Errorf("with the new secret alone: %d records, want %d", len(got), len(want))
	}
}

func TestResealingDoesNotUndoWhatIsChangedMeanwhile(t *testing.T) {
	store := t.TempDir()
	b, stop := under(t, store, olderSecret)
	for i := range 300 {
		b.put(t, "users", fmt.Sprintf("u%d", i), "before", 0)
	}
	stop()
	b, _ = under(t, store, testSecret, olderSecret)
	n := 299
	_, err := b.Reseal(b.ctx, func(int) {
		if n >= 200 {
			b.put(t, "users", fmt.Sprintf("u%d", n), "after", 0)
			if err := b.buckets["users"].Delete(b.ctx, fmt.Sprintf("u%d", n-101)); err != nil {
				t.Error(err)
			}
		}
		n--
	})
	if err != nil {
		t.Fatal(err)
	}
	all := b.all(t)
	for i := range 300 {
		text, there := all[fmt.Sprintf("users u%d", i)]
		removed, want := i >= 99 && i <= 198, "before"
		if i >= 200 {
			want = "after"
		}
		if there == removed || there && text != want {
			t.Errorf("u%d: %t, %q", i, there, text)
		}
	}
}

func TestARecordThatNoSecretOpensIsLeftAndCounted(t *testing.T) {
	store := t.TempDir()
	b, stop := under(t, store, olderSecret)
	b.put(t, "tokens", "t", "sealed", 0)
	b.put(t, "users", "u", "tagged", 0)
	stop()
	b, stop = under(t, store, testSecret)
	sum, err := b.Reseal(b.ctx, nil)
	if err != nil || sum.Unreadable != 2 || sum.Resealed != 0 {
		t.Errorf("%+v, %v", sum, err)
	}
	stop()
	b, _ = under(t, store, olderSecret)
	if got := b.all(t); len(got) != 2 {
		t.Errorf("%v", got)
	}
}
