package upstream

import (
	"net/http"
	"time"
)

// aside is for how long a member is left alone that could not be connected to, if there are others.
const aside = 2 * time.Second

// failed notes that a try failed.
func (g *Group) failed(m *Member, f Failure) {
	g.tell.failed(g.name, m, f.String())
	if g.wrong(m) || f != Connect {
		return
	}
	g.flow.aside.Lock()
	defer g.flow.aside.Unlock()
	now := g.now()
	if in := g.othersIn(m, now); in > 0 && !m.isOut(now) {
		m.out.Store(now + int64(aside))
		g.epoch.Add(1)
	}
}

// answered notes a response. One that a gateway gives for an application is an error of that application.
func (g *Group) answered(m *Member, status int) {
	switch status {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		g.tell.failed(g.name, m, "status")
		g.wrong(m)
	default:
		m.well()
	}
}

// wrong counts an error of a member, and tells whether it was ejected for that.
func (g *Group) wrong(m *Member) bool {
	o := g.settings.Outliers
	if o.Errors == 0 || !m.fail(g.now(), o.Errors, o.Window) {
		return false
	}
	g.flow.aside.Lock()
	defer g.flow.aside.Unlock()
	now := g.now()
	all := g.taking()
	out := all - 1 - g.othersIn(m, now)
	if m.isOut(now) || (out+1)*100 > o.MaxEjected*all {
		return false
	}
	g.tell.ejected(g.name, m, m.eject(now, o.Eject))
	g.epoch.Add(1)
	return true
}

// taking is how many members are to get requests at all.
func (g *Group) taking() int {
	n := 0
	for _, w := range g.weights {
		if w > 0 {
			n++
		}
	}
	return n
}

// othersIn is how many members but one are not left alone.
func (g *Group) othersIn(but *Member, now int64) int {
	n := 0
	for i, m := range g.members {
		if m != but && g.weights[i] > 0 && !m.isOut(now) {
			n++
		}
	}
	return n
}
