package allocs

import (
	"sync"
	"testing"
)

func TestWhatAFunctionAllocatesIsCountedWhateverOthersDo(t *testing.T) {
	var others sync.WaitGroup
	end, kept := make(chan struct{}), make(chan []byte, 1)
	others.Go(func() {
		for {
			select {
			case <-end:
				return
			case kept <- make([]byte, 100):
				<-kept
			}
		}
	})
	defer others.Wait()
	defer close(end)
	var to [2]*int
	for want, f := range []func(){
		func() {},
		func() { to[0] = new(int) },
		func() { to[0], to[1] = new(int), new(int) },
	} {
		if got := Least(uint64(want), 5, f); got != uint64(want) {
			t.Errorf("%d allocations are counted as %d", want, got)
		}
	}
}
