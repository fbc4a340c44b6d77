package broker

import (
	"context"
	"sync"
)

// barrier lets many wait for one write through the quorum: whoever comes while one is under way shares the next, for the
// one under way may have begun before what they want to be sure of.
type barrier struct {
	mu   sync.Mutex
	next *crossing  // guarded by mu: not begun yet; nil: none is waited for
	busy sync.Mutex // held while a crossing is under way
}

// crossing is one write that several wait for.
type crossing struct {
	done     chan struct{} // closed when the fields below are set
	sequence uint64
	err      error
}

// pass returns the sequence of a write that began after the call and that a quorum has.
func (b *barrier) pass(ctx context.Context, write func(context.Context) (uint64, error)) (uint64, error) {
	b.mu.Lock()
	c := b.next
	if c == nil {
		c = &crossing{done: make(chan struct{})}
		b.next = c
		go b.cross(c, write)
	}
	b.mu.Unlock()
	select {
	case <-c.done:
		return c.sequence, c.err
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}

func (b *barrier) cross(c *crossing, write func(context.Context) (uint64, error)) {
	b.busy.Lock()
	defer b.busy.Unlock()
	b.mu.Lock()
	b.next = nil
	b.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	c.sequence, c.err = write(ctx)
	close(c.done)
}
