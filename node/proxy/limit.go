package proxy

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"time"

	"picket/broker"
	"picket/node/authz"
	"picket/node/config"
	"picket/node/proxy/ratelimit"
)

// limits are how often somebody may ask, counted by this node and, by way of talk, by all of them.
type limits struct {
	*ratelimit.Limiter
	talk *broker.Talk // nil: this node counts alone

	// What anybody may ask of us, and what costs more than it costs whoever asks.
	signIns   ratelimit.Limit // that were begun and did not come to their end
	callbacks ratelimit.Limit // that failed: what they carry is marked as used by a write, and shown to the identity provider
}

// The pages that are limited, on every host.
const (
	signInPath   = "/.picket/sign_in"
	callbackPath = "/.picket/callback"
)

// newLimits counts for a node among others: what they take is told by Options.Talk.
func newLimits(o Options) (*limits, error) {
	own := ratelimit.Options{Peers: o.Peers}
	if o.Talk != nil {
		own.Node = o.Node
	}
	table, err := ratelimit.New(own)
	if err != nil {
		return nil, err
	}
	l := &limits{Limiter: table, talk: o.Talk}
	// A whole office comes from one address: as many as sign in at nine in the morning, and some who give up.
	if l.signIns, err = ratelimit.NewLimit("sign-ins", 300, time.Minute, 600); err != nil {
		return nil, err
	}
	if l.callbacks, err = ratelimit.NewLimit("callbacks", 30, time.Minute, 60); err != nil {
		return nil, err
	}
	return l, nil
}

// run shares what is counted with the other nodes until ctx ends.
func (l *limits) run(ctx context.Context, tell func(error)) error {
	if l.talk == nil {
		return nil
	}
	heard := make(chan error, 1)
	hearing, stop := context.WithCancel(ctx)
	defer stop()
	go func() { heard <- l.talk.Run(hearing, l.Hear) }()
	err := l.Run(ctx, func(message []byte) {
		if err := l.talk.Tell(message); err != nil {
			tell(err)
		}
	})
	stop()
	return cmp.Or(err, <-heard)
}

// limitOf is the limit of a route; nil when it has none.
func limitOf(r *config.Route) (*ratelimit.Limit, error) {
	if r.Limit.Rate == 0 {
		return nil, nil
	}
	l, err := ratelimit.NewLimit("route "+r.Name, r.Limit.Rate, r.Limit.Per, r.Limit.Burst)
	return &l, err
}

// ration takes a request out of what the route of it allows its caller; nil: there was some left. By address it comes before
// anything is asked of the store, by user once the user is known.
func (d *Door) ration(a *ask, by config.LimitKey) *authz.Refusal {
	l := a.route.limit
	if l == nil || a.route.Limit.Key != by {
		return nil
	}
	caller := ratelimit.Address(a.client)
	if by == config.LimitByUser && a.found() && a.in.User.ID != "" {
		caller = ratelimit.User(a.in.User.ID)
	}
	v := d.limits.Take(l, caller)
	if v.Allowed {
		return nil
	}
	return d.tooMany(a, l, v)
}

// rationPage does the same for our own pages, which people ask for who are not known yet.
func (d *Door) rationPage(a *ask) *authz.Refusal {
	l := d.limits.ofPage(a)
	if l == nil {
		return nil
	}
	v := d.limits.Take(l, ratelimit.Address(a.client))
	if v.Allowed {
		return nil
	}
	return d.tooMany(a, l, v)
}

// pageShown gives back what a page took, when it was worth it: a callback that led somewhere ends a sign-in. So does one that
// failed because the store or the identity provider could not be asked.
func (d *Door) pageShown(a *ask) {
	l := d.limits.ofPage(a)
	if l != &d.limits.callbacks || a.w.status >= http.StatusBadRequest && a.w.status != http.StatusServiceUnavailable {
		return
	}
	caller := ratelimit.Address(a.client)
	d.limits.Give(&d.limits.callbacks, caller)
	d.limits.Give(&d.limits.signIns, caller)
}

// ofPage is the limit of one of our pages; nil when it has none. This machine itself has none: what comes from there is its
// operator, or everyone at once, through a balancer that trusted_proxies does not name.
func (l *limits) ofPage(a *ask) *ratelimit.Limit {
	if a.client.IsLoopback() {
		return nil
	}
	switch a.in.Request.Path {
	case signInPath:
		return &l.signIns
	case callbackPath:
		return &l.callbacks
	}
	return nil
}

// tooMany refuses a request, and says when there is room again (RFC 6585, section 4; draft-ietf-httpapi-ratelimit-headers).
func (d *Door) tooMany(a *ask, l *ratelimit.Limit, v ratelimit.Verdict) *authz.Refusal {
	d.metrics.rationed(a.routeName())
	rate, per := l.Quota()
	wait := max((v.Retry+time.Second-1)/time.Second, 1)
	return &authz.Refusal{
		Status: http.StatusTooManyRequests, Code: "too_many_requests", Title: "Too many requests",
		Detail: "More requests came from you than are let through in this time.",
		Next:   "Wait a moment, then try again.", Route: a.routeName(), RetryAfter: wait * time.Second,
		RateLimit:       fmt.Sprintf(`"default";r=0;t=%d`, wait),
		RateLimitPolicy: fmt.Sprintf(`"default";q=%d;w=%d`, rate, max((per+time.Second-1)/time.Second, 1)),
	}
}

// untold says that the others could not be told what was taken. They are not told later: by then it hardly counts.
func (d *Door) untold(err error) {
	d.log.Debug().Err(err).Msg("rate limits")
}
