package ports

import (
	"net"
	"testing"
)

func TestATestHasItsPortsUntilItEnds(t *testing.T) {
	mine := map[string]bool{}
	for _, address := range Some(t, 10) {
		mine[address] = true
	}
	if len(mine) != 10 {
		t.Errorf("some are given twice: %v", mine)
	}
	for range 5 { // more than there are in the block, of which strangers may hold a few
		t.Run("another", func(t *testing.T) {
			for _, address := range Some(t, size/2) {
				if mine[address] {
					t.Errorf("%s is given to another", address)
				}
			}
		})
	}
}

func TestAnotherProcessTakesAnotherBlock(t *testing.T) {
	b, err := ours()
	if err != nil {
		t.Fatal(err)
	}
	if l, err := net.Listen("tcp", at(b.first)); err == nil {
		_ = l.Close()
		t.Error("the block is not guarded")
	}
}
