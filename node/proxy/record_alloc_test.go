//go:build !race

// The race detector makes sync.Pool forget on purpose, so what is asked here has no answer beside it.

package proxy

import (
	"io"
	"testing"
)

func TestTheLineOfARequestAllocatesNothing(t *testing.T) {
	for _, on := range []bool{true, false} {
		d, a := answered(io.Discard, on)
		if n := testing.AllocsPerRun(1000, func() { d.record(a) }); n != 0 {
			t.Errorf("with the log %t it allocates %g times", on, n)
		}
	}
}
