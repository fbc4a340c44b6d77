package http1

import "sync"

// goOn says 100 Continue (RFC 9110, section 10.1.1) when the body is first asked for, once, and never into a response that has
// begun. A nil goOn has nothing to say, and has said it.
type goOn struct {
	write func() error

	mu    sync.Mutex
	spent bool // guarded by mu: it was said, or it is too late
	told  bool // guarded by mu: it was said
}

// say says it, unless it was or it is too late.
func (g *goOn) say() error {
	if g == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.spent {
		return nil
	}
	g.spent, g.told = true, true
	return g.write()
}

// begin says that the response begins.
func (g *goOn) begin() {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.spent = true
}

func (g *goOn) said() bool {
	if g == nil {
		return true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.told
}
