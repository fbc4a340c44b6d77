//go:build !race

// The race detector makes sync.Pool forget on purpose, so what is asked here has no answer beside it.

package proxy

import (
	"io"
	"testing"

	"picket/examples/allocs"
)

func TestTheLineOfARequestAllocatesNothing(t *testing.T) {
	for _, on := range []bool{true, false} {
		d, a := answered(io.Discard, on)
		if n := allocs.Least(0, 100, func() { d.record(a) }); n != 0 {
			t.Errorf("with the log %t it allocates %d times", on, n)
		}
	}
}
