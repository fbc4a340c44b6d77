package proxy

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"picket/node/authn"
	"picket/node/config"
)

const (
	sweepEvery = time.Second     // how often every request under way is asked about again
	askTime    = 2 * time.Second // how long the store may take to answer such a question
	askAtOnce  = 64              // how many such questions are open
)

// watch asks again about the requests under way: at once about those of a session or user that changed, and about all
// of them each second, so that an end by time, or by losing touch with the cluster, is an end too.
func (d *Door) watch(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { d.followChanges(ctx); return nil })
	g.Go(func() error { d.sweep(ctx); return nil })
	g.Go(func() error { d.keepTime(ctx); return nil })
	g.Go(func() error { d.watchExpiries(ctx); return nil })
	return g.Wait()
}

func (d *Door) followChanges(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.changes.wake:
		}
		var touched []*stream
		for change := range d.changes.take() {
			touched = append(touched, d.streams.pick(change)...)
		}
		d.askAgain(ctx, touched)
	}
}

func (d *Door) sweep(ctx context.Context) {
	eachSweep(ctx, func() {
		all := d.streams.pick(authn.Change{})
		d.endIdle(all, time.Now())
		d.endSlow(all)
		d.endSockets(all)
		d.askAgain(ctx, all)
	})
}

// keepTime keeps Door.coarse, also while a sweep waits for the store: what comes meanwhile is a sign of life of now.
func (d *Door) keepTime(ctx context.Context) {
	eachSweep(ctx, func() { d.coarse.Store(time.Now().UnixNano()) })
}

// eachSweep does something every sweepEvery, until ctx ends.
func eachSweep(ctx context.Context, do func()) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			do()
		}
	}
}

// askAgain asks about each by the rules in force, and cuts those that would no longer be admitted.
func (d *Door) askAgain(ctx context.Context, about []*stream) {
	rules := d.inForce.Load()
	var g errgroup.Group
	g.SetLimit(askAtOnce)
	for _, s := range about {
		nobodys := s.ask.in.Session.ID == "" && len(s.ask.shown) == 0 && s.lastSettled() == rules
		if nobodys && rules.authn.AddressLock(s.ask.client) == nil { // nothing was known, and nothing else can end
			continue
		}
		g.Go(func() error {
			if why := d.stillAdmitted(ctx, s, rules); why != nil && s.end(why) {
				d.metrics.cut()
			}
			return nil
		})
	}
	_ = g.Wait() // the functions return nil
}

// stillAdmitted is why a request under way would not be admitted now; nil when it would, or when that cannot be told
// and is still known from not long ago.
func (d *Door) stillAdmitted(ctx context.Context, s *stream, rules *Rules) error {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	a, now := s.ask, d.now()
	if lock := rules.authn.AddressLock(a.client); lock != nil {
		return errLocked{lock}
	}
	if (a.wants != "" || a.port != "") && rules.front(a.through) == nil {
		return errGoingAway // its address is closed, and it would go on for ever
	}
	r := rules.sameRoute(a)
	if r == nil {
		return errRouteGone
	}
	if a.in.Session.ID == "" && !forEveryone(r.Route, &a.in.Request) {
		return errNobody // whoever it is by now: the application was told that it is nobody
	}
	shown, err := a.certified(rules, r, now)
	if err != nil {
		return err
	}
	in := a.in
	in.Now, in.Data, in.Certificate = now, rules.data(), shown.Certificate
	if a.in.Session.ID != "" {
		caller, answer := a.recheck(ctx, rules, r)
		switch answer {
		case authn.Found:
			caller.Fill(&in)
		case authn.Absent:
			return errSessionOver
		case authn.Locked:
			return errLocked{caller.Lock}
		default:
			return d.unproved(s, r, rules, now)
		}
	}
	if decision := rules.authz.Evaluate(r.Route, &in); !decision.Allowed() {
		return errNotAllowed{decision}
	}
	s.proved.Store(now.UnixNano())
	s.settled.Store(rules)
	return nil
}

// sameRoute is the route of a request under way by these rules; nil when its address leads nowhere, or elsewhere, or is no
// longer for such a request.
func (r *Rules) sameRoute(a *ask) *route {
	if r == a.rules {
		return a.route
	}
	s := r.table.find(a.host)
	if s == nil || s.at(a.host) != a.origin {
		return nil
	}
	if a.port != "" {
		if found := r.table.tunnel(a); found != nil && found.Name == a.route.Name {
			return found
		}
		return nil
	}
	found, to := s.routeOf(&a.in.Request)
	if to != toRoute || found.Name != a.route.Name || !found.lets(a.wants) || found.Redirect != nil || found.Respond != nil {
		return nil
	}
	return found
}

// unproved bounds how long a request goes on while it cannot be told who is asking: not at all on a node that has lost
// touch, for its knowledge is as old as it may be; and where the store alone does not answer, as old as it may become. A
// public route needs no knowledge.
func (d *Door) unproved(s *stream, r *route, rules *Rules, now time.Time) error {
	if r.Access == config.Public {
		return nil
	}
	if d.fresh() && now.UnixNano()-s.lastProved() < int64(rules.config.Cluster.MaxStaleness) {
		return nil
	}
	return errUnproved
}
