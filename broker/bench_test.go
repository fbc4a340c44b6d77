package broker

import (
	"crypto/rand"
	"testing"
)

func BenchmarkCacheHit(b *testing.B) {
	broker := start(b, Options{})
	bucket := open(b, broker, Spec{Name: "sessions", Decides: true})
	cache := NewCache(bucket, 100)
	eventually(b, "fresh", broker.Fresh)
	key := rand.Text()
	if _, err := bucket.Put(b.Context(), key, note{"one"}, 0); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := cache.Get(b.Context(), key); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLeaderRead is what a miss costs: one read of the stream's leader.
func BenchmarkLeaderRead(b *testing.B) {
	broker := start(b, Options{})
	bucket := open(b, broker, Spec{Name: "sessions", Decides: true})
	if _, err := bucket.Put(b.Context(), "a", note{"one"}, 0); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := bucket.Get(b.Context(), "a"); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkClock is the two ways of reading the clock: carried on, and by a system call.
func BenchmarkClock(b *testing.B) {
	b.Run("carried", func(b *testing.B) {
		var c clock
		for b.Loop() {
			_ = c.now()
		}
	})
	b.Run("read", func(b *testing.B) {
		for b.Loop() {
			_ = running()
		}
	})
}

func BenchmarkFresh(b *testing.B) {
	broker := start(b, Options{})
	for _, name := range []string{"sessions", "users", "groups", "keys"} {
		open(b, broker, Spec{Name: name, Decides: true})
	}
	eventually(b, "fresh", broker.Fresh)
	b.ReportAllocs()
	for b.Loop() {
		if !broker.Fresh() {
			b.Fatal("stale")
		}
	}
}
