//go:build !race

package broker

import (
	"crypto/rand"
	"testing"

	"picket/examples/allocs"
)

// Under the race detector sync.Pool forgets on purpose, and the numbers mean nothing.

func TestVerifyingATagCostsNoAllocation(t *testing.T) {
	tagger := keyring(t, testSecret, olderSecret).Tagger("cookie")
	msg := []byte("session id and host")
	tag := tagger.Append(nil, msg)
	if n := allocs.Least(0, 100, func() { tagger.Verify(msg, tag) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestACacheHitCostsNoAllocation(t *testing.T) {
	ctx := unhurried(t)
	b := start(t, Options{})
	bucket := open(t, b, Spec{Name: "sessions", Decides: true})
	cache := NewCache(bucket, 100)
	eventually(t, "fresh", b.Fresh)
	key := rand.Text()
	if _, err := bucket.Put(ctx, key, note{"one"}, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := cache.Get(ctx, key); err != nil {
		t.Fatal(err)
	}
	if n := allocs.Least(0, 100, func() { _, _ = cache.Get(ctx, key); _ = b.Fresh() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
