package broker

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/rs/zerolog"
)

func TestANodeThatWaitsForTheOthersSaysForWhom(t *testing.T) {
	t.Parallel() // it mostly waits
	peers := peersOf(t, 3)
	b := newcomer(t, "n1", peers, zerolog.NewTestWriter(t))
	b.options.Listen = peers[0].Address
	opening, enough := context.WithCancel(t.Context())
	defer enough()
	verdict := make(chan error, 1)
	go func() { verdict <- b.Open(opening) }()
	eventually(t, "it says for whom it waits", func() bool {
		w := b.Waiting()
		return strings.Contains(w.Why, "waiting for n2 at "+peers[1].Address+", n3 at "+peers[2].Address) && !w.Since.IsZero()
	})
	enough()
	if err := <-verdict; !errors.Is(err, ErrUnavailable) {
		t.Errorf("it is told %v", err)
	}
	if w := b.Waiting(); w != (Waiting{}) {
		t.Errorf("when it does not wait any more it says %+v", w)
	}
}

// TestWhatADiskLostIsNotGivenUpByThoseWhoNeverHadIt has a record that those who are left cannot have: of two peers of three one
// has an empty disk, and the other slept while it was written. They say that they need the third, and lose nothing.
func TestWhatADiskLostIsNotGivenUpByThoseWhoNeverHadIt(t *testing.T) {
	t.Parallel() // it mostly waits
	peers, stores := peersOf(t, 3), []string{t.TempDir(), t.TempDir(), t.TempDir()}
	nodes := beginAll(t, peers, stores)
	openOn(t, nodes...)
	untilHeldBy(t, nodes[0], 3)
	put(t, nodes[0], "before")
	again := func(i int) { nodes[i] = begin(t, peers, peers[i].Name, peers[i].Address, stores[i]) }

	nodes[1].end(false)
	put(t, nodes[0], "missed-by-n2")
	nodes[0].end(false)
	nodes[2].end(false)
	if err := os.RemoveAll(stores[2]); err != nil {
		t.Fatal(err)
	}
	again(1)
	eventually(t, "alone it says whom it lacks", func() bool {
		why := nodes[1].Apart()
		return strings.HasPrefix(why, "1 of 3 peers are there, and it takes 2: no connection to n1 at ") && strings.Contains(why, ", n3 at ")
	})
	again(2)
	eventually(t, "it says why nobody leads though two are there", func() bool {
		why := nodes[1].Apart()
		return strings.HasPrefix(why, "nobody leads the peers") && strings.HasSuffix(why, "it takes all of them, and there is no connection to n1 at "+peers[0].Address)
	})
	again(0)
	openOn(t, nodes...)
	for _, n := range nodes {
		get(t, n, "before")
		get(t, n, "missed-by-n2")
		eventually(t, "all is well", func() bool { return n.Apart() == "" })
	}
}
