package broker

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/rs/zerolog"

	"picket/examples/ports"
)

func TestAPeerAloneSaysThatNobodyLeads(t *testing.T) {
	peers := []Peer{{"n1", ports.One(t)}, {"n2", ports.One(t)}, {"n3", ports.One(t)}}
	log := &lines{}
	b := newcomer(t, "n1", peers, log)
	ctx, enough := context.WithCancel(t.Context())
	defer enough()
	opened := make(chan error, 1)
	go func() { opened <- b.Open(ctx) }()
	eventually(t, "it says for whom it waits", func() bool { return log.has("waiting for n2 at ") })
	enough()
	err := <-opened
	if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "nobody leads") {
		t.Errorf("got %v, want that the store is unavailable since nobody leads", err)
	}
}

func TestABeginningIsToldAsNoMishap(t *testing.T) {
	told := ""
	for range 3 { // a machine that stands still for a moment may meet with one
		lines := &buffer{}
		b := start(t, Options{}, func(b *Broker) { b.log = zerolog.New(lines).Level(zerolog.WarnLevel) })
		bucket := open(t, b, Spec{Name: "locks", Decides: true})
		if err := NewLive(bucket).Load(unhurried(t)); err != nil {
			t.Fatal(err)
		}
		eventually(t, "fresh", b.Fresh)
		if told = lines.String(); told == "" {
			return
		}
	}
	t.Errorf("a store that begins is told of as one that lost something:\n%s", told)
}

// buffer is what was written, by whom ever.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer // guarded by mu
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
