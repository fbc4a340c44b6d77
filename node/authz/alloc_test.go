//go:build !race

// The race detector makes sync.Pool forget on purpose, so what is asked here has no answer beside it.

package authz

import (
	"testing"

	"github.com/rs/zerolog"

	"picket/examples/allocs"
)

func TestARecordAllocatesNothing(t *testing.T) {
	for name, soon := range map[string]func(){"written at once": nil, "written later": func() {}} {
		size := 0
		records := NewRecords(func(parts [][]byte) { size = len(parts[0]) }, soon)
		a := New(Options{Policies: load(t), Node: "n1", Log: zerolog.Nop(), Sample: 1, Records: records})
		r, in := route("staff", "quiet"), benchInput()
		asked := Asked{RequestID: "0123456789abcdef0123456789abcdef", Route: &r, Input: in}
		v := a.Decide(&r, in)
		v.Message = "\"Not\" now, <please>: later\u2026"
		if n := allocs.Least(0, 10*few, func() { a.Record(asked, v) }); n != 0 || size == 0 {
			t.Errorf("%s it allocates %d times, for %d bytes", name, n, size)
		}
	}
}
