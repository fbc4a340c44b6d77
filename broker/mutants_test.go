//go:build !race

package broker

// Each world is played by one goroutine: under the race detector these tests would find nothing else, and take long.

import (
	"hash/maphash"
	"testing"
	"time"
)

// worlds is how many are tried before a mutant counts as not caught.
const worlds = 2000

// TestTheModelCatches plays worlds with one rule of the protocol broken, under the faults that the rule is there for (none
// named: under all), until a promise is broken.
func TestTheModelCatches(t *testing.T) {
	for mutant, faults := range map[string][]string{
		"an acknowledgement taken for a proof":      {"lose all"},
		"a proof dated to the echo":                 {"stop in a heartbeat"},
		"no memory of removals":                     {"slow reads"},
		"changes applied side by side":              {"lose", "disorder"},
		"a list that only adds":                     {"lose"},
		"a gap that is not noticed":                 {"lose"},
		"reads without a floor":                     {"lag", "lose", "start anew"},
		"absence on a replica's word":               {"lag"},
		"a heartbeat without a quorum":              {"cut off"},
		"a clock that stands still":                 {"sleep"},
		"a view that is not whole holds nothing up": nil,
		"a store that went back unnoticed":          {"store wiped", "store set back"},
		"a fact holds for ever":                     {},
	} {
		t.Run(mutant, func(t *testing.T) {
			t.Parallel()
			p, all := props{newMetrics(nil), maphash.MakeSeed()}, schedules()
			for i := range worlds {
				s := troubled(i, faults)
				if faults == nil {
					s = all.Example(i)
				}
				if err := play(s, p, mutant); err != nil {
					t.Logf("world %d: %v", i, err)
					return
				}
			}
			t.Errorf("not caught in %d worlds", worlds)
		})
	}
}

// troubled is a world in which each of some faults befalls every node for a long time, one after the other.
func troubled(seed int, kinds []string) schedule {
	s := schedule{Seed: uint64(seed), Unique: seed%2 == 1}
	for i, kind := range kinds {
		for node := range 4 {
			at := 5*time.Second + time.Duration(node)*3*time.Second + time.Duration(i)*time.Second
			s.Faults = append(s.Faults, fault{Kind: kind, At: at, Lasts: 8 * time.Second, Target: node})
		}
	}
	return s
}
