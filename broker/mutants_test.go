//go:build !race

package broker

// Each world is played by one goroutine: under the race detector these tests would find nothing else, and take long.

import (
	"hash/maphash"
	"testing"
)

// worlds is how many are tried before a mutant counts as not caught.
const worlds = 2000

func TestTheModelCatches(t *testing.T) {
	for _, mutant := range []string{
		"an acknowledgement taken for a proof",
		"a proof dated to the echo",
		"no memory of removals",
		"changes applied side by side",
		"a list that only adds",
		"a gap that is not noticed",
		"reads without a floor",
		"absence on a replica's word",
		"a heartbeat without a quorum",
		"a clock that stands still",
		"a view that is not whole holds nothing up",
		"a store that went back unnoticed",
	} {
		t.Run(mutant, func(t *testing.T) {
			t.Parallel()
			p, all := props{newMetrics(nil), maphash.MakeSeed()}, schedules()
			for i := range worlds {
				if err := play(all.Example(i), p, mutant); err != nil {
					t.Logf("world %d: %v", i, err)
					return
				}
			}
			t.Errorf("not caught in %d worlds", worlds)
		})
	}
}
