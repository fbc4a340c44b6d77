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
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			d.askAgain(ctx, d.streams.pick(authn.Change{}))
		}
	}
}

// askAgain asks about each, and cuts those that would no longer be admitted.
func (d *Door) askAgain(ctx context.Context, about []*stream) {
	var g errgroup.Group
	g.SetLimit(askAtOnce)
	for _, s := range about {
		if s.ask.in.Session.ID == "" { // nobody's, on a public route: nothing was known, and nothing can end
			continue
		}
		g.Go(func() error {
			if why := d.stillAdmitted(ctx, s); why != nil {
				d.metrics.cut()
				s.end(why)
			}
			return nil
		})
	}
	_ = g.Wait() // the functions return nil
}

// stillAdmitted is why a request under way would not be admitted now; nil when it would, or when that cannot be told
// and is still known from not long ago.
func (d *Door) stillAdmitted(ctx context.Context, s *stream) error {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	a, now := s.ask, d.now()
	caller, answer := d.authn.Recheck(ctx, a.origin, a.cookie, a.route.Route)
	switch answer {
	case authn.Found:
	case authn.Absent:
		return errSessionOver
	default:
		return d.unproved(s, now)
	}
	in := a.in
	in.Now, in.Data = now, d.data()
	caller.Fill(&in)
	if decision := d.authz.Evaluate(a.route.Route, &in); !decision.Allowed() {
		return errNotAllowed{decision}
	}
	s.proved.Store(now.UnixNano())
	return nil
}

// unproved bounds how long a request goes on while it cannot be told who is asking: not at all on a node that has lost
// touch, for its knowledge is as old as it may be; and where the store alone does not answer, as old as it may become. A
// public route needs no knowledge.
func (d *Door) unproved(s *stream, now time.Time) error {
	if s.ask.route.Access == config.Public {
		return nil
	}
	if d.fresh() && now.UnixNano()-s.proved.Load() < int64(d.config.Cluster.MaxStaleness) {
		return nil
	}
	return errUnproved
}
