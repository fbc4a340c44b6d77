package upstream

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"picket/node/config"
)

// Options are what Upstreams are made of.
type Options struct {
	Log      zerolog.Logger
	Registry prometheus.Registerer // nil: nothing is counted anywhere
	Now      func() time.Time      // nil: time.Now

	// Lookup gives the addresses of a host. Nil: the system's.
	Lookup func(ctx context.Context, host string) ([]netip.Addr, error)
}

// Upstreams are all applications, over all configurations: what is known of them stays while some route leads there.
type Upstreams struct {
	tell  teller
	now   func() time.Time
	base  time.Time // where the clock begins
	names *names
	epoch atomic.Uint64 // counts what changes which members take requests

	mu      sync.Mutex
	inForce *Plan        // guarded by mu
	begin   func(*check) // guarded by mu: begins a check; nil: Run does not run
}

// New gives upstreams without applications.
func New(o Options) *Upstreams {
	u := &Upstreams{tell: teller{o.Log, newMetrics(o.Registry)}, now: o.Now, inForce: newPlan()}
	if u.now == nil {
		u.now = time.Now
	}
	u.base = u.now()
	if o.Lookup == nil {
		o.Lookup = systemLookup
	}
	u.names = &names{lookup: o.Lookup, tell: u.tell, all: map[string]*name{}}
	if o.Registry != nil {
		registerState(o.Registry, u)
	}
	return u
}

// Plan is the applications of one configuration, made ready beside those in force.
type Plan struct {
	Groups []*Group // of the routes, in their order; nil for one without applications

	routes  map[string]*routeState
	checks  map[checkKey]*check
	reaches map[*Member]*Reach
	hosts   map[string]bool
}

// routeState is what is known of a route's applications by requests.
type routeState struct {
	flow    *flow
	members map[string]*Member // by origin
}

func newPlan() *Plan {
	return &Plan{routes: map[string]*routeState{}, checks: map[checkKey]*check{}, reaches: map[*Member]*Reach{}, hosts: map[string]bool{}}
}

// Prepare makes a configuration's applications ready; all mistakes are told at once, and a route with one has no group. Nothing
// happens before Use.
func (u *Upstreams) Prepare(routes []config.Route) (*Plan, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	p := newPlan()
	var mistakes []error
	for i := range routes {
		var g *Group
		if len(routes[i].To) > 0 {
			var err error
			if g, err = u.group(p, &routes[i]); err != nil {
				mistakes = append(mistakes, fmt.Errorf("route %q: %w", routes[i].Name, err))
			}
		}
		p.Groups = append(p.Groups, g)
	}
	return p, errors.Join(mistakes...)
}

// group makes the group of a route. mu is held.
func (u *Upstreams) group(p *Plan, r *config.Route) (*Group, error) {
	before, state := u.inForce.routes[r.Name], &routeState{flow: &flow{}, members: map[string]*Member{}}
	if before != nil {
		state.flow = before.flow
	}
	p.routes[r.Name] = state
	g := &Group{
		name: r.Name, settings: r.Upstream, flow: state.flow, balance: balanceOf(r.Upstream.Balance),
		statuses: map[int]bool{}, now: u.clock, epoch: &u.epoch, tell: u.tell,
	}
	g.counted = g.balance == leastRequest || r.Upstream.Circuit.Requests > 0 || r.Upstream.Retry.Attempts > 0
	g.sendAgainOn(r.Upstream.Retry.On)
	if w := r.Upstream.Weights; w != nil && len(w) != len(r.To) {
		return nil, fmt.Errorf("%d weights are for %d applications", len(w), len(r.To))
	}
	var mistakes []error
	for i, to := range r.To {
		if err := u.member(p, g, before, to); err != nil {
			mistakes = append(mistakes, fmt.Errorf("to: %w", err))
			continue
		}
		weight := 1
		if r.Upstream.Weights != nil {
			weight = r.Upstream.Weights[i]
		}
		g.weights = append(g.weights, weight)
	}
	if g.taking() == 0 && len(mistakes) == 0 {
		mistakes = append(mistakes, errors.New("none of its applications has a weight above 0"))
	}
	if len(mistakes) > 0 {
		return nil, errors.Join(mistakes...)
	}
	g.renew()
	return g, nil
}

// sendAgainOn notes what requests are sent again for.
func (g *Group) sendAgainOn(on []string) {
	for _, word := range on {
		for f := range kinds {
			g.on[f] = g.on[f] || f.String() == word
		}
		var status int
		if n, _ := fmt.Sscanf(word, "%d", &status); n == 1 && status > 0 && status < 600 {
			g.statuses[status] = true
		}
	}
}

// member adds an application to a group: the one that is known already, if there is one. mu is held.
func (u *Upstreams) member(p *Plan, g *Group, before *routeState, to string) error {
	e, err := Parse(to)
	if err != nil {
		return err
	}
	reach, err := newReach(e, g.settings, u.names)
	if err != nil {
		return err
	}
	state := p.routes[g.name]
	m := state.members[e.Origin]
	if m == nil && before != nil {
		m = before.members[e.Origin]
	}
	if m == nil {
		m = &Member{Endpoint: e, seed: Hash(e.Origin)}
	}
	state.members[e.Origin] = m
	p.reaches[m] = reach
	if host, _ := e.name(); host != "" {
		p.hosts[host] = true
	}
	g.members = append(g.members, m)
	g.checks = append(g.checks, u.check(p, reach, g.settings.Health))
	return nil
}

// check is the check of an application: the one that runs already, if there is one; nil: nobody asks. mu is held.
func (u *Upstreams) check(p *Plan, r *Reach, h config.Health) *check {
	if h.Kind == "" {
		return nil
	}
	key := checkKey{r.Endpoint.Origin, r.Print, h}
	c := p.checks[key]
	if c == nil {
		c = u.inForce.checks[key]
	}
	if c == nil {
		c = &check{key: key, probe: probeFor(r, h), epoch: &u.epoch, tell: u.tell}
		c.is.Store(uint32(unknown))
	}
	p.checks[key] = c
	return c
}

// Reach is how a member of the plan is reached.
func (p *Plan) Reach(m *Member) *Reach { return p.reaches[m] }

// Use puts a plan in force. What no route of it leads to is forgotten.
func (u *Upstreams) Use(p *Plan) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for key, c := range u.inForce.checks {
		if p.checks[key] != c && c.stop != nil {
			c.stop()
		}
	}
	u.inForce = p
	u.start()
	u.names.keep(p.hosts)
}

// start starts the checks that do not run. mu is held.
func (u *Upstreams) start() {
	for _, c := range u.inForce.checks {
		if c.stop == nil && u.begin != nil {
			u.begin(c)
		}
	}
}

// Run asks how applications are, and where, until ctx ends.
func (u *Upstreams) Run(ctx context.Context) error {
	var running sync.WaitGroup
	u.mu.Lock()
	u.begin = func(c *check) {
		var until context.Context
		until, c.stop = context.WithCancel(ctx)
		running.Go(func() { c.run(until) })
	}
	u.start()
	u.mu.Unlock()
	u.names.run(ctx)
	u.mu.Lock()
	u.begin = nil
	u.mu.Unlock()
	running.Wait()
	return nil
}

// clock is the time by which applications are left alone, in ns. The time of day may jump, and this does not.
func (u *Upstreams) clock() int64 { return int64(u.now().Sub(u.base)) }
