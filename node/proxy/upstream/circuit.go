package upstream

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// flow is the requests of one route. It outlives configurations.
type flow struct {
	underWay atomic.Int64 // requests; counted where something depends on it
	retrying atomic.Int64 // those of them that were sent again
	waiting  atomic.Int64 // those that wait for their turn

	mu    sync.Mutex
	queue []chan struct{} // guarded by mu: one for each that waits, closed when there may be room
	aside sync.Mutex      // held while it is decided whether a member is left alone
}

// enter takes a place at a member, unless it has as many requests as it may have. Who gets none was never counted: somebody else would
// be refused for that, or wait for a place that is free.
func (g *Group) enter(m *Member) bool {
	if !g.counted {
		return true
	}
	most := int64(g.settings.Circuit.Requests)
	if most == 0 {
		m.underWay.Add(1)
		return true
	}
	for {
		n := m.underWay.Load()
		if n >= most {
			return false
		}
		if m.underWay.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// leave gives a place back. Whoever waits longest is told.
func (g *Group) leave(m *Member) {
	if !g.counted {
		return
	}
	m.underWay.Add(-1)
	if g.flow.waiting.Load() > 0 {
		g.flow.wake()
	}
}

// await waits until a member has room: one that the call asked before is as good then as any, for the place that it was called for may
// be there, and who took none of it would have left it free while others wait. The errors are ErrFull, and that of ctx.
func (c *Call) await(ctx context.Context) (*Member, error) {
	g, f := c.group, c.group.flow
	defer f.waiting.Add(-1)
	if f.waiting.Add(1) > int64(g.settings.Circuit.Pending) {
		g.tell.full(g.name)
		return nil, ErrFull
	}
	late := time.NewTimer(g.settings.Circuit.Wait)
	defer late.Stop()
	for called := false; ; called = true {
		turn := f.join(called)
		if m := c.pick(); m != nil || called && c.pickAny() != nil {
			f.quit(turn)
			return c.current, nil
		}
		select {
		case <-turn:
		case <-late.C:
			f.quit(turn)
			if m := c.pick(); m != nil { // whoever became well meanwhile called nobody
				return m, nil
			}
			g.tell.full(g.name)
			return nil, ErrFull
		case <-ctx.Done():
			f.quit(turn)
			return nil, ctx.Err()
		}
	}
}

// join stands in line: who was called in vain, since somebody came between, is first again.
func (f *flow) join(first bool) chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	turn, at := make(chan struct{}), len(f.queue)
	if first {
		at = 0
	}
	f.queue = slices.Insert(f.queue, at, turn)
	return turn
}

// quit leaves the line. Who was called and needs it no more calls the next.
func (f *flow) quit(turn chan struct{}) {
	f.mu.Lock()
	i := slices.Index(f.queue, turn)
	if i >= 0 {
		f.queue = slices.Delete(f.queue, i, i+1)
	}
	f.mu.Unlock()
	if i < 0 {
		f.wake()
	}
}

// wake calls the first in line.
func (f *flow) wake() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.queue) > 0 {
		close(f.queue[0])
		f.queue = f.queue[1:]
	}
}
