//go:build !race

package broker

// When JetStream is started anew, nats-server (2.15) makes its queue of requests anew, which requests that come just then read
// without a lock. The race detector tells of it now and then, and fails whatever test runs; of ours it finds nothing here.

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

// The embedded server closes its store when a write fails, and leaves it closed. The same on a disk that is really full is
// in examples/faults.
func TestAStoreThatTheServerGaveUpIsOpenedAgain(t *testing.T) {
	b := start(t, Options{Store: t.TempDir()})
	notes := open(t, b, Spec{Name: "notes", Decides: true})
	if _, err := notes.Create(unhurried(t), "k", note{Text: "kept"}, 0); err != nil {
		t.Fatal(err)
	}
	eventually(t, "fresh", b.Fresh)

	if err := b.server.ShutdownJetStream(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the store is open again", b.server.JetStreamEnabled)
	if _, err := notes.Create(unhurried(t), "l", note{Text: "new"}, 0); err != nil {
		t.Error(err)
	}
	proved := b.Staleness()
	eventually(t, "proved again", func() bool { return b.Staleness() < proved })
	if e, err := notes.Get(unhurried(t), "k"); err != nil || e.Value.Text != "kept" {
		t.Errorf("%+v, %v", e, err)
	}
}

// No file of this process may grow: a stand-in for a disk that fails, or a file system that is read-only, which the server
// does not take for a full disk.
func cannotWrite(t *testing.T) (again func()) {
	t.Helper()
	limit := func(to uint64) {
		if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: to, Max: unix.RLIM_INFINITY}); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { limit(unix.RLIM_INFINITY) })
	limit(0)
	return func() { limit(unix.RLIM_INFINITY) }
}

func TestAStoreThatCouldNotBeWrittenIsOpenedAgainWhenItCan(t *testing.T) {
	b := start(t, Options{Store: t.TempDir()})
	notes := open(t, b, Spec{Name: "notes", Decides: true})
	if _, err := notes.Create(unhurried(t), "k", note{Text: "kept"}, 0); err != nil {
		t.Fatal(err)
	}
	writes := cannotWrite(t)
	if _, err := notes.Put(t.Context(), "k", note{Text: "lost"}, 0); !errors.Is(err, ErrUnavailable) {
		t.Errorf("written to a disk that takes nothing: %v", err)
	}
	eventually(t, "the store is closed", func() bool { return !b.server.JetStreamEnabled() })
	writes()
	eventually(t, "the store is open again", b.server.JetStreamEnabled)
	eventually(t, "written", func() bool {
		_, err := notes.Put(t.Context(), "l", note{Text: "new"}, 0)
		return err == nil
	})
	if e, err := notes.Get(unhurried(t), "k"); err != nil || e.Value.Text != "kept" {
		t.Errorf("%+v, %v", e, err)
	}
	proved := b.Staleness()
	eventually(t, "proved again", func() bool { return b.Staleness() < proved })
}

// All three run in this process, and none can write: harder than any one of them.
func TestStoresOfAClusterThatCouldNotBeWrittenAreOpenedAgain(t *testing.T) {
	nodes, _ := three(t)
	notes := open(t, nodes[0], Spec{Name: "notes", Decides: true})
	if _, err := notes.Create(unhurried(t), "k", note{Text: "kept"}, 0); err != nil {
		t.Fatal(err)
	}
	writes := cannotWrite(t)
	if _, err := notes.Put(t.Context(), "k", note{Text: "lost"}, 0); !errors.Is(err, ErrUnavailable) {
		t.Errorf("written to disks that take nothing: %v", err)
	}
	for _, b := range nodes { // those who did not lead note it by a heartbeat, or an election
		eventually(t, "the store is closed", func() bool { return !b.server.JetStreamEnabled() })
	}
	writes()
	for _, b := range nodes {
		eventually(t, "the store is open again", b.server.JetStreamEnabled)
	}
	eventually(t, "all copies are current", func() bool {
		status, err := nodes[0].Status(t.Context())
		return err == nil && heldBy(status, 3)
	})
	eventually(t, "written", func() bool {
		_, err := notes.Put(t.Context(), "l", note{Text: "new"}, 0)
		return err == nil
	})
	if e, err := notes.Get(unhurried(t), "k"); err != nil || e.Value.Text != "kept" {
		t.Errorf("%+v, %v", e, err)
	}
}
