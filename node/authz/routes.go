package authz

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"picket/node/config"
	"picket/policy"
)

// routes are the routes that were decided on, with what is the same for each request of one. With policies it is ready.
type routes struct {
	all      sync.Map // *config.Route → *known
	policies *policy.Set
}

// known is what is the same for all requests of a route.
type known struct {
	record   []byte   // what a record says of the route
	names    []string // of its policies and shadows
	keepable bool     // what they decide on can be written down later
	counts   [policy.StepUp + 1]atomic.Pointer[count]
	told     [mostTold]atomic.Pointer[told]
}

// mostTold is of how many decisions on a route the text is kept: of those that came first. Most routes have fewer.
const mostTold = 4

// told is a decision, and what a record says of it and of its route. It never changes.
type told struct {
	decision policy.Decision
	text     []byte
}

// said is what a record says of the route and of a decision on it: one text for all such records. Nil: it is not kept.
func (k *known) said(d policy.Decision) *told {
	if d.Need != nil { // which may be another each time
		return nil
	}
	for i := range k.told {
		t := k.told[i].Load()
		if t == nil {
			t = &told{d, k.append(nil, d)}
			if !k.told[i].CompareAndSwap(nil, t) {
				t = k.told[i].Load()
			}
		}
		if t.decision == d {
			return t
		}
	}
	return nil
}

// append writes what a record says of the route and of a decision on it.
func (k *known) append(dst []byte, d policy.Decision) []byte {
	return appendDecision(append(append(dst, k.record...), `,"decision":`...), d)
}

// count counts one outcome on one route.
type count struct{ prometheus.Counter }

// of is what is known of a route, which never changes.
func (all *routes) of(r *config.Route) *known {
	if k, ok := all.all.Load(r); ok {
		return k.(*known)
	}
	names := slices.Concat(r.Policies, r.Shadow)
	k, _ := all.all.LoadOrStore(r, &known{record: appendRoute(nil, r), names: names, keepable: all.policies.Keepable(names...)})
	return k.(*known)
}

// appendRoute writes what a record says of a route.
func appendRoute(dst []byte, r *config.Route) []byte {
	dst = policy.AppendText(append(dst, `,"route":`...), r.Name)
	dst = append(dst, `,"policies":[`...)
	for i, name := range r.Policies {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = policy.AppendText(dst, name)
	}
	return policy.AppendText(append(dst, `],"access":`...), accessName(r.Access))
}

// counted counts an outcome. A counter is there once there is something to count.
func (a *Authz) counted(of *known, r *config.Route, o policy.Outcome) {
	at := &of.counts[o]
	c := at.Load()
	if c == nil {
		c = &count{a.decisions.WithLabelValues(r.Name, o.String())}
		at.Store(c)
	}
	c.Inc()
}

// accessName is who a route is for, in a word.
func accessName(a config.Access) string {
	switch a {
	case config.Public:
		return "public"
	case config.AnyUser:
		return "any_user"
	}
	return "policy"
}
