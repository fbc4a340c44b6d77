package certs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/certmagic"

	"picket/broker"
)

// storageOf is a storage in a store of its own.
func storageOf(t *testing.T) (*world, *storage) {
	t.Helper()
	w := &world{t: t, store: t.TempDir(), zone: &zone{}}
	t.Parallel()
	w.startStore()
	t.Cleanup(w.stopStore)
	m := w.start("n1", w.acmeless("wiki.example.test"))
	return w, m.state.Load().storage
}

// TestStorageIsAsCertmagicWantsIt holds the storage to what certmagic says of each method (storage.go there): it comes
// without a suite of its own.
func TestStorageIsAsCertmagicWantsIt(t *testing.T) {
	w, s := storageOf(t)
	ctx := t.Context()
	long := "x/" + strings.Repeat("long.example.test/", 40) + "end"
	names := []string{
		"a/b/c.crt", "a/b/c.key", "a/bc/d", "a/e", "f", "wild/*.example.test", "odd/ä ö@x:y=z..w/.hidden.", "odd/\x00\xff", "A/b/c.crt", long,
	}
	for _, name := range names {
		if _, err := s.Load(ctx, name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q before it is stored: %v", name, err)
		}
		if s.Exists(ctx, name) {
			t.Errorf("%q exists before it is stored", name)
		}
		w.must(s.Store(ctx, name, []byte("first of "+name)))
		w.must(s.Store(ctx, name, []byte("value of "+name)))
	}
	for _, name := range names {
		if value, err := s.Load(ctx, name); err != nil || string(value) != "value of "+name {
			t.Errorf("%q: %q, %v", name, value, err)
		}
		info, err := s.Stat(ctx, name)
		if err != nil || !info.IsTerminal || info.Key != name || info.Size != int64(len("value of "+name)) || time.Since(info.Modified) > time.Minute {
			t.Errorf("%q: %+v, %v", name, info, err)
		}
	}
	listed := func(folder string, recursive bool, want ...string) {
		t.Helper()
		got, err := s.List(ctx, folder, recursive)
		slices.Sort(got)
		slices.Sort(want)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("in %q: %q, %v, want %q", folder, got, err, want)
		}
	}
	listed("a", true, "a/b/c.crt", "a/b/c.key", "a/bc/d", "a/e")
	listed("a", false, "a/b", "a/bc", "a/e")
	listed("a/b", false, "a/b/c.crt", "a/b/c.key")
	listed("odd", true, "odd/ä ö@x:y=z..w/.hidden.", "odd/\x00\xff")
	listed("x", true, long)
	if _, err := s.List(ctx, "none", true); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder that is not there: %v", err)
	}
	if info, err := s.Stat(ctx, "a/b"); err != nil || info.IsTerminal || !s.Exists(ctx, "a/b") || s.Exists(ctx, "a/b/c") {
		t.Errorf("a folder: %+v, %v", info, err)
	}
	w.must(s.Delete(ctx, "a/b"))
	w.must(s.Delete(ctx, "a/b"))
	w.must(s.Delete(ctx, long))
	listed("a", true, "a/bc/d", "a/e")
	if _, err := s.Load(ctx, long); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after it is deleted: %v", err)
	}
}

func TestWhatTheStoreDoesNotSayIsNotNothing(t *testing.T) {
	w, s := storageOf(t)
	w.must(s.Store(t.Context(), "there", []byte("x")))
	w.stopStore()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	check := func(what string, err error) {
		t.Helper()
		if err == nil || errors.Is(err, fs.ErrNotExist) || !errors.Is(err, broker.ErrUnavailable) {
			t.Errorf("%s while the store is down: %v", what, err)
		}
	}
	_, err := s.Load(ctx, "there")
	check("Load", err)
	_, err = s.Stat(ctx, "there")
	check("Stat", err)
	_, err = s.List(ctx, "", true)
	check("List", err)
	check("Store", s.Store(ctx, "there", []byte("y")))
	check("Delete", s.Delete(ctx, "there"))
	check("Lock", s.Lock(ctx, "name"))
	answered := make(chan bool, 1)
	asking, end := context.WithTimeout(t.Context(), time.Minute)
	defer end()
	go func() { answered <- s.Exists(asking, "there") }()
	w.startStore()
	if !<-answered {
		t.Error("what is there was said not to exist, because the store was down")
	}
}

func TestACertificateIsStoredUnderItsLockOnly(t *testing.T) {
	w, s := storageOf(t)
	ctx := t.Context()
	of := certmagic.StorageKeys.SiteCert("ca", "*.example.test")
	if err := s.Store(ctx, of, []byte("x")); !errors.Is(err, errLockLost) {
		t.Errorf("without a lock: %v", err)
	}
	w.must(s.Lock(ctx, siteLock+"*.example.test"))
	w.must(s.Store(ctx, of, []byte("mine")))
	if err := s.Store(ctx, certmagic.StorageKeys.SiteCert("ca", "other.example.test"), []byte("x")); !errors.Is(err, errLockLost) {
		t.Errorf("under the lock of another name: %v", err)
	}
	w.must(s.RenewLockLease(ctx, siteLock+"*.example.test", time.Hour))
	w.must(s.Unlock(ctx, siteLock+"*.example.test"))
	if err := s.Store(ctx, of, []byte("late")); !errors.Is(err, errLockLost) {
		t.Errorf("after the lock was given back: %v", err)
	}
	if err := s.RenewLockLease(ctx, siteLock+"*.example.test", time.Hour); !errors.Is(err, errLockLost) {
		t.Errorf("a lock that was given back is renewed: %v", err)
	}
	if value, err := s.Load(ctx, of); err != nil || string(value) != "mine" {
		t.Errorf("%q, %v", value, err)
	}
}

func TestWhoeverLosesTheLockStoresNothing(t *testing.T) {
	w, s := storageOf(t)
	ctx := t.Context()
	w.must(s.Lock(ctx, siteLock+"a.test"))
	held, end, err := s.whileHeld(ctx, siteLock+"a.test")
	w.must(err)
	defer end()
	w.stopStore() // nothing is renewed any more
	select {
	case <-held.Done():
	case <-time.After(time.Minute):
		t.Fatal("work under the lock goes on")
	}
	if !errors.Is(context.Cause(held), errLockLost) {
		t.Errorf("it ended for %v", context.Cause(held))
	}
	if err := s.Store(ctx, certmagic.StorageKeys.SiteCert("ca", "a.test"), []byte("x")); !errors.Is(err, errLockLost) {
		t.Errorf("what was issued late is stored: %v", err)
	}
}

func TestOneLockIsHeldByOneNode(t *testing.T) {
	w, s := storageOf(t)
	other := w.start("n2", w.acmeless("wiki.example.test")).state.Load().storage
	w.must(s.Lock(t.Context(), "x"))
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if err := other.Lock(ctx, "x"); err == nil {
		t.Fatal("two hold one lock")
	}
	w.must(s.Unlock(t.Context(), "x"))
	w.must(other.Lock(t.Context(), "x"))
	w.must(other.Unlock(t.Context(), "x"))
	if err := other.Unlock(t.Context(), "x"); !errors.Is(err, errLockLost) {
		t.Errorf("unlocked twice: %v", err)
	}
}

func TestCertificatesThatAreOverForLongAreCleanedAway(t *testing.T) {
	w, s := storageOf(t)
	ctx := t.Context()
	for name, ended := range map[string]time.Duration{"old.test": 31 * 24 * time.Hour, "new.test": time.Hour} {
		w.must(s.Lock(ctx, siteLock+name))
		chain, key := selfSigned(t, name, time.Now().Add(-ended))
		for kind, value := range map[string][]byte{".crt": chain, ".key": key, ".json": []byte("{}")} {
			w.must(s.Store(ctx, siteFile("ca", name, kind), value))
		}
		w.must(s.Unlock(ctx, siteLock+name))
	}
	m := &Manager{node: "n1"}
	w.must(m.cleanOnce(ctx, s))
	left, err := s.List(ctx, sitesFolder, true)
	if err != nil || len(left) != 3 || !strings.Contains(fmt.Sprint(left), "new.test") {
		t.Errorf("left are %q, %v", left, err)
	}
}

func FuzzKeysAreOnesTheStoreHolds(f *testing.F) {
	for _, s := range []string{"a/b", "*.example.com", "..", "a//b", "\x00", strings.Repeat("é", 300), "long/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, of string) {
		key := keyOf(of)
		if key == "" || len(key) > 512 || strings.HasPrefix(key, ".") || strings.HasSuffix(key, ".") || strings.Contains(key, "..") {
			t.Errorf("%q becomes %q", of, key)
		}
		if back, ok := broker.DecodeKey(key); ok && back != of && !strings.HasPrefix(key, "long/") {
			t.Errorf("%q becomes %q, which is %q", of, key, back)
		}
	})
}
