package proxy

import (
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"picket/node/config"
	"picket/node/proxy/http1"
	"picket/node/proxy/ratelimit"
	"picket/node/proxy/upstream"
	"picket/policy"
)

// route is a config.Route made ready.
type route struct {
	*config.Route
	group     *upstream.Group       // its applications, of which one is chosen
	targets   []*target             // the same, in the same order
	assertion http1.Field           // canonical, without a value; without a name: none is sent
	identity  []header              // of the caller alone, whatever they ask
	passing   []header              // others that tell of the caller
	limit     *ratelimit.Limit      // nil: none
	asked     edit                  // of the requests that go to the application
	answered  edit                  // of the responses
	tally     atomic.Pointer[tally] // of its requests; nil: there was none
	thinking  time.Duration         // that an application may take from when it was asked on; 0: what the idle time says
}

// header is a header that tells the application of the caller.
type header struct {
	http1.Field // canonical, without a value
	value       *policy.Template
}

func newHeader(name string, value *policy.Template) header {
	return header{http1.NewField(http.CanonicalHeaderKey(name), ""), value}
}

// appendHeaders adds fields, as far as their values are known. token is an access token; "": there is none.
func appendHeaders(to http1.Fields, headers []header, in *policy.Input, token string) http1.Fields {
	for _, h := range headers {
		value, known := h.value.ValueWith(in, token)
		if f, ok := h.With(value); known && ok {
			to = append(to, f)
		}
	}
	return to
}

// newRoutes makes routes ready. Those to one application that is reached in the same way share their connections, the ones that
// are there already among them.
func newRoutes(from []config.Route, plan *upstream.Plan, connections network) ([]*route, error) {
	var mistakes []error
	routes := make([]*route, 0, len(from))
	for i := range from {
		r := &route{Route: &from[i], group: plan.Groups[i], assertion: http1.NewField(http.CanonicalHeaderKey(from[i].Assertion.Header), "")}
		if r.Timeout > 0 {
			r.thinking = r.Timeout + r.Upstream.Circuit.Wait // first for its turn
		}
		if len(r.To) == 0 && r.Redirect == nil && r.Respond == nil {
			mistakes = append(mistakes, fmt.Errorf("route %q: it leads nowhere", r.Name))
		}
		if r.group != nil {
			r.addTargets(plan, connections)
		}
		var err error
		if r.limit, err = limitOf(r.Route); err != nil {
			mistakes = append(mistakes, fmt.Errorf("route %q: %w", r.Name, err))
		}
		for _, h := range r.IdentityHeaders {
			if made := newHeader(h.Name, h.Value); h.Value.OfCaller() {
				r.identity = append(r.identity, made)
			} else {
				r.passing = append(r.passing, made)
			}
		}
		r.asked, r.answered = newEdit(r.RequestHeaders), newEdit(r.ResponseHeaders)
		routes = append(routes, r)
	}
	return routes, errors.Join(mistakes...)
}
