package upstream

import (
	"math"
	"math/rand/v2"
	"sync/atomic"

	"picket/node/config"
)

// Group is the applications of one route, as one configuration has them.
type Group struct {
	name     string
	settings config.Upstream
	members  []*Member
	weights  []int    // of members
	checks   []*check // of members; nil: nobody asks
	flow     *flow
	balance  balance
	statuses map[int]bool // that a request is sent again for
	on       [kinds]bool
	counted  bool         // whether requests under way are counted
	now      func() int64 // the clock: ns since some moment, whatever is done to the time of day
	epoch    *atomic.Uint64
	tell     teller

	view atomic.Pointer[view]
	turn atomic.Uint32 // counts up: whose turn it is
}

// balance is how a member is chosen.
type balance uint8

const (
	roundRobin balance = iota
	leastRequest
	random
	byHash
)

func balanceOf(name string) balance {
	switch name {
	case "least_request":
		return leastRequest
	case "random":
		return random
	case "hash":
		return byHash
	}
	return roundRobin
}

// Members are the applications in the order of the configuration.
func (g *Group) Members() []*Member { return g.members }

// choose takes a member that takes requests, has room, and was not tried by this call; nil: there is none.
func (g *Group) choose(v *view, c *Call) *Member {
	if v.only != nil {
		if c.triedAlready(v.only) || !g.enter(v.only) {
			return nil
		}
		return v.only
	}
	if g.balance == byHash {
		return g.chooseByHash(v, c)
	}
	start := g.start(v)
	for i := range v.slots {
		m := g.members[v.slots[(start+i)%len(v.slots)]]
		if !c.triedAlready(m) && g.enter(m) {
			return m
		}
	}
	return nil
}

// start is the slot at which the search for a member begins.
func (g *Group) start(v *view) int {
	n := len(v.slots)
	switch g.balance {
	case random:
		return rand.IntN(n)
	case leastRequest:
		a, b := rand.IntN(n), rand.IntN(n-1)
		if b >= a {
			b++
		}
		if g.load(v.slots[b]) < g.load(v.slots[a]) {
			return b
		}
		return a
	}
	return int((g.turn.Add(1) - 1) % uint32(n))
}

// load is how busy a member is, for its weight.
func (g *Group) load(i uint16) float64 {
	return float64(g.members[i].underWay.Load()) / float64(g.weights[i])
}

// chooseByHash takes the member that wants the key of the call most, of those with room: where that has none, the one that wants it
// next.
func (g *Group) chooseByHash(v *view, c *Call) *Member {
	refused := wish{math.Inf(1), -1}
	for {
		best := wish{-1, -1}
		for _, i := range v.usable {
			w := wish{score(g.members[i], g.weights[i], c.key), i}
			if best.less(w) && w.less(refused) && !c.triedAlready(g.members[i]) {
				best = w
			}
		}
		if best.member < 0 {
			return nil
		}
		if g.enter(g.members[best.member]) {
			return g.members[best.member]
		}
		refused = best
	}
}
