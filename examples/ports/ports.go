// Package ports gives tests ports for nodes that start later, are down for a while, or never come.
//
// A port that was found free by listening on any and closing is soon given away again: to a test that does the same, to
// whoever listens on any port, to an outgoing connection. Then a node cannot start, or those who look for one that is down
// find a stranger there. So ports are taken from below those that systems hand out, each process of tests has a block of
// them to itself, and a test has its ports until it ends.
package ports

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"testing"
)

// The ports from which blocks are taken. Those above are left to `picket dev`; just below is 10080, which browsers refuse.
const (
	lowest  = 10100
	highest = 20000
	size    = 400 // of a block
)

// block is the ports that this process has. It listens on the first one as long as it lives, so that no other process
// takes the block.
type block struct {
	first int
	guard net.Listener

	mu    sync.Mutex
	taken map[int]bool // guarded by mu
	last  int          // guarded by mu
}

var ours = sync.OnceValues(func() (*block, error) {
	for first := lowest; first+size <= highest; first += size {
		if guard, err := net.Listen("tcp", at(first)); err == nil {
			return &block{first: first, guard: guard, taken: map[int]bool{}, last: first}, nil
		}
	}
	return nil, fmt.Errorf("every block of ports from %d to %d is taken", lowest, highest)
})

// One is an address of the loopback on which nobody listens, and which no other test is given before this one ends.
func One(t testing.TB) string {
	t.Helper()
	return Some(t, 1)[0]
}

// Some are n addresses, with different ports; else as One.
func Some(t testing.TB, n int) []string {
	t.Helper()
	b, err := ours()
	if err != nil {
		t.Fatal(err)
	}
	addresses := make([]string, n)
	for i := range addresses {
		port, err := b.take()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { b.give(port) })
		addresses[i] = at(port)
	}
	return addresses
}

// take goes round the block, so that what was given back rests before it is taken again.
func (b *block) take() (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for range size - 1 {
		if b.last++; b.last == b.first+size {
			b.last = b.first + 1
		}
		if b.taken[b.last] {
			continue
		}
		if l, err := net.Listen("tcp", at(b.last)); err == nil {
			b.taken[b.last] = true
			return b.last, l.Close()
		}
	}
	return 0, errors.New("every port of the block is taken")
}

func (b *block) give(port int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.taken, port)
}

func at(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
