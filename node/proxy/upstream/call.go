package upstream

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"
)

// Call is one request on its way to some application of a group: Next gives the application, Failed or Answered take what became
// of it and say whether to go on with Next, and Done ends it. It is for one goroutine.
type Call struct {
	group      *Group
	key        uint64
	repeatable bool
	begun      bool // counted as under way
	retrying   bool // counted as sent again
	current    *Member
	tried      []*Member // since the last of them was asked once more
	tries      int       // that came to nothing
	retries    int
	pause      time.Duration // before the next try
}

// mostTries is how many applications are asked at most before the first is asked again.
const mostTries = 10

// Call begins a request. key is what hash balancing goes by. repeatable tells whether sending the request twice is like sending it
// once (RFC 9110, section 9.2.2), and it has no body.
func (g *Group) Call(key uint64, repeatable bool) Call {
	return Call{group: g, key: key, repeatable: repeatable}
}

// Next gives the application to ask. It waits for its turn, and before a request is sent again, for a moment. The errors are
// ErrFull, and that of ctx.
func (c *Call) Next(ctx context.Context) (*Member, error) {
	g := c.group
	c.leave()
	if g.counted && !c.begun {
		c.begun = true
		g.flow.underWay.Add(1)
	}
	if err := c.rest(ctx); err != nil {
		return nil, err
	}
	if g.settings.Circuit.Requests > 0 && g.settings.Circuit.Pending > 0 && g.flow.waiting.Load() > 0 { // others were here first
		return c.await(ctx)
	}
	if m := c.pick(); m != nil {
		return m, nil
	}
	return c.await(ctx)
}

// pick takes a place at a member that has room: at one that was not asked yet, while there are such. Nil: there is none.
func (c *Call) pick() *Member {
	v := c.group.look()
	if len(c.tried) > 0 && !c.group.anyUntried(v, c) {
		c.forget()
	}
	c.current = c.group.choose(v, c)
	return c.current
}

// pickAny is pick among those, too, that were asked already.
func (c *Call) pickAny() *Member {
	c.tried = nil
	return c.pick()
}

// Failed takes how the present try failed, and tells whether there is to be another. unsent tells that nothing of the request's
// body was taken: it can be sent to somebody else, whole.
func (c *Call) Failed(f Failure, unsent bool) bool {
	g, m := c.group, c.current
	c.remember(m)
	g.failed(m, f)
	switch {
	case !unsent:
		return false
	case f == Connect && c.tries < mostTries && g.anyUntried(g.look(), c):
		return true // nobody has seen the request
	case f == Connect || c.repeatable:
		return g.on[f] && c.again(f.String())
	}
	return false
}

// Answered takes the status of a response, of which nothing was passed on, and tells whether to throw it away and ask once more.
func (c *Call) Answered(status int) bool {
	g, m := c.group, c.current
	g.answered(m, status)
	if !g.statuses[status] || !c.repeatable {
		return false
	}
	c.remember(m)
	return c.again("status")
}

// Done ends the request.
func (c *Call) Done() {
	c.leave()
	if c.retrying {
		c.retrying = false
		c.group.flow.retrying.Add(-1)
	}
	if c.begun {
		c.begun = false
		c.group.flow.underWay.Add(-1)
	}
}

// leave gives up the place at the present application.
func (c *Call) leave() {
	if c.current != nil {
		c.group.leave(c.current)
		c.current = nil
	}
}

func (c *Call) remember(m *Member) {
	c.tries++
	if len(c.tried) < mostTries {
		c.tried = append(c.tried, m)
	}
}

// forget lets those be asked again that were, but for the last one if there are others.
func (c *Call) forget() {
	last := c.tried[len(c.tried)-1]
	c.tried = append(c.tried[:0], last)
	if !c.group.anyUntried(c.group.look(), c) {
		c.tried = nil
	}
}

// triedAlready tells whether a member was asked.
func (c *Call) triedAlready(m *Member) bool {
	return slices.Contains(c.tried, m)
}

// anyUntried tells whether the members that take requests have not all been asked.
func (g *Group) anyUntried(v *view, c *Call) bool {
	for _, i := range v.usable {
		if !c.triedAlready(g.members[i]) {
			return true
		}
	}
	return false
}

// Requests sent again are few beside those that are sent: a part of them, yet a few always.
const (
	budgetPart  = 5 // one in so many that are under way
	budgetFloor = 3
)

// Before a request is sent again there is a pause, of any length up to the first, then twice that, and so on.
const (
	firstPause   = 25 * time.Millisecond
	longestPause = 250 * time.Millisecond
)

// again tells whether there may be one more try: by the route's attempts, and by the budget.
func (c *Call) again(why string) bool {
	g := c.group
	if c.retries >= g.settings.Retry.Attempts {
		return false
	}
	if !c.retrying {
		if g.flow.retrying.Add(1) > max(budgetFloor, g.flow.underWay.Load()/budgetPart) {
			g.flow.retrying.Add(-1)
			g.tell.noBudget(g.name)
			return false
		}
		c.retrying = true
	}
	c.pause = rand.N(min(firstPause<<c.retries, longestPause))
	c.retries++
	g.tell.retried(g.name, why)
	return true
}

// rest is the pause before a request is sent again.
func (c *Call) rest(ctx context.Context) error {
	if c.pause == 0 {
		return nil
	}
	over := time.NewTimer(c.pause)
	defer over.Stop()
	c.pause = 0
	select {
	case <-over.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
