package broker

import (
	"testing"
	"time"
)

// The embedded server closes its store when a write fails, and leaves it closed. The same on a disk that is really full is
// in examples/faults.
func TestAStoreThatTheServerGaveUpIsOpenedAgain(t *testing.T) {
	b := start(t, Options{Store: t.TempDir()})
	notes := open(t, b, Spec{Name: "notes", Decides: true})
	if _, err := notes.Create(t.Context(), "k", note{Text: "kept"}, 0); err != nil {
		t.Fatal(err)
	}
	eventually(t, "fresh", 10*time.Second, b.Fresh)

	if err := b.server.ShutdownJetStream(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the store is open again", 20*time.Second, b.server.JetStreamEnabled)
	if _, err := notes.Create(t.Context(), "l", note{Text: "new"}, 0); err != nil {
		t.Error(err)
	}
	proved := b.Staleness()
	eventually(t, "proved again", 20*time.Second, func() bool { return b.Staleness() < proved })
	if e, err := notes.Get(t.Context(), "k"); err != nil || e.Value.Text != "kept" {
		t.Errorf("%+v, %v", e, err)
	}
}
