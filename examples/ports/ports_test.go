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

// refused are the ports from 1024 up that browsers open no page at (Fetch, "port blocking").
var refused = []int{1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080}

func TestABrowserOpensPagesAtAllOfThem(t *testing.T) {
	for _, port := range refused {
		if port >= lowest && port < highest {
			t.Errorf("a test may be given %d, at which no browser opens a page", port)
		}
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
