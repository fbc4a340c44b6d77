package authn

import "testing"

func TestIDsMayBeArgumentsOfCommands(t *testing.T) {
	for range 2000 { // one of 64 began with - once
		if id := newID(); id[0] == '-' || len(id) != idLength {
			t.Fatalf("the id %q", id)
		}
	}
}
