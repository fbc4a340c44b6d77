package upstream

import (
	"cmp"
	"slices"
)

// view is which members of a group take requests, as long as nothing changes.
type view struct {
	epoch  uint64 // of what is known of applications when it was made
	until  int64  // when a member is let in again, by the clock; 0: all are in
	usable []int  // members, by their place
	slots  []uint16
	only   *Member // the one usable; nil: there are several
	panics bool    // nobody is well: all are used
}

// mostSlots bounds the slots of a view: beyond it weights are rounded.
const mostSlots = 1 << 12

// slotsOf spreads members over slots, each with as many as its weight, as evenly as can be: 3 and 1 give a, a, b, a. weights
// are above zero.
func slotsOf(members []int, weights []int) []uint16 {
	total, divisor := 0, 0
	for _, m := range members {
		total += weights[m]
		divisor = gcd(weights[m], divisor)
	}
	type slot struct {
		member int
		at     float64
	}
	var all []slot
	for _, m := range members {
		n := weights[m] / divisor
		if total/divisor > mostSlots {
			n = max(weights[m]*mostSlots/total, 1)
		}
		for i := range n {
			all = append(all, slot{m, (float64(i) + 0.5) / float64(n)})
		}
	}
	slices.SortStableFunc(all, func(a, b slot) int { return cmp.Compare(a.at, b.at) })
	slots := make([]uint16, len(all))
	for i, s := range all {
		slots[i] = uint16(s.member)
	}
	return slots
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// look is the view that is true now.
func (g *Group) look() *view {
	v := g.view.Load()
	if v.epoch == g.epoch.Load() && (v.until == 0 || g.now() < v.until) {
		return v
	}
	return g.renew()
}

// renew makes the view anew.
func (g *Group) renew() *view {
	epoch := g.epoch.Load() // before looking: what changes meanwhile makes another view
	now := g.now()
	v := &view{epoch: epoch}
	best := worst
	for i := range g.members {
		if g.weights[i] == 0 {
			continue
		}
		rank := g.rank(i, now)
		if rank < best {
			best, v.usable = rank, nil
		}
		if rank == best {
			v.usable = append(v.usable, i)
		}
		if out := g.members[i].out.Load(); out > now && (v.until == 0 || out < v.until) {
			v.until = out
		}
	}
	v.panics = best == worst
	v.slots = slotsOf(v.usable, g.weights)
	if len(v.usable) == 1 {
		v.only = g.members[v.usable[0]]
	}
	before := g.view.Swap(v)
	if v.panics != (before != nil && before.panics) {
		g.tell.panics(g.name, v.panics)
	}
	return v
}

// How much there is to say for a member. Only the best take requests.
const (
	good    = iota // well, and in
	unasked        // in; nobody has asked yet how it is
	ejected        // well, as far as is known, and left alone for errors
	worst          // not well
)

// rank is how much there is to say for a member.
func (g *Group) rank(i int, now int64) int {
	health := g.checks[i].state()
	switch {
	case health == unhealthy:
		return worst
	case g.members[i].isOut(now):
		return ejected
	case health == unknown:
		return unasked
	}
	return good
}
