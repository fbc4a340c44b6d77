package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"

	"picket/node/authn"
	"picket/node/authz"
	"picket/node/config"
	"picket/node/proxy/trust"
	"picket/node/proxy/upstream"
	"picket/policy"
)

// Parts are one configuration and what was made of it. All but Data are needed.
type Parts struct {
	Config *config.Config
	Authn  *authn.Authn
	Authz  *authz.Authz
	Pages  http.Handler // everything below /.picket/ and /.well-known/picket/, on any host that is ours

	// Refuse answers a request that is not carried. The request's Host and RemoteAddr are then canonical ("" for a host
	// that is not ours), and its X-Request-Id is ours.
	Refuse func(w http.ResponseWriter, r *http.Request, f authz.Refusal)

	// Data is what the data blocks hold now; it takes a few nanoseconds. Nil: nothing is known. Door.Changed tells that it
	// gives something else.
	Data func() *policy.Data

	// Certificate gives certificates that stand in no file: for the name that a client asks for, and for a challenge of ACME
	// (a ClientHello that offers acme-tls/1 alone, RFC 8737). Files go before it, and their first comes after it when it
	// has none or fails. Nil: there are none.
	Certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)

	// KeyAuthorization gives the answer to a challenge of ACME that is asked for without TLS; false for a token that is not
	// known. Nil: none is.
	KeyAuthorization func(ctx context.Context, token string) (string, bool)
}

// Rules are all that a request is decided by: one whole configuration, made ready. They are immutable, and a request meets
// the same ones from its first byte to its last.
type Rules struct {
	config *config.Config
	authn  *authn.Authn
	authz  *authz.Authz
	pages  http.Handler
	refuse func(http.ResponseWriter, *http.Request, authz.Refusal)
	data   func() *policy.Data
	plan   *upstream.Plan
	routes []*route
	table  *table
	scrub  *scrubber
	fronts map[string]*front // by listener.key

	keyAuthorization func(context.Context, string) (string, bool) // nil: there are no challenges
}

// newRules compiles one configuration; all mistakes are told at once. Connections to applications are kept that the rules
// before have (nil: there are none).
func newRules(p Parts, before *Rules, t *tickets, u *upstream.Upstreams) (*Rules, error) {
	if p.Config == nil || p.Authn == nil || p.Authz == nil || p.Pages == nil || p.Refuse == nil {
		return nil, errors.New("proxy: Config, Authn, Authz, Pages and Refuse are needed")
	}
	r := &Rules{config: p.Config, authn: p.Authn, authz: p.Authz, pages: p.Pages, refuse: p.Refuse, data: p.Data}
	r.keyAuthorization = p.KeyAuthorization
	if r.data == nil {
		r.data = func() *policy.Data { return nil }
	}
	var planning, routing, tabling, fronting error
	r.plan, planning = u.Prepare(p.Config.Routes)
	r.routes, routing = newRoutes(p.Config.Routes, r.plan, before.network())
	r.scrub = newScrubber(r.routes)
	r.table, tabling = newTable(r.routes, p.Config.Authenticate.URL)
	r.fronts, fronting = newFronts(p, r, t)
	return r, errors.Join(planning, routing, tabling, fronting)
}

// front is what is said of a listener (nil: none, which is trusted with nothing); nil when nothing is: it is to be closed.
func (r *Rules) front(through *listener) *front {
	if through == nil {
		return &front{trust: trust.New(config.ClientCertificates{})}
	}
	return through.frontOf(r)
}

// network is the connections to applications; none of nil.
func (r *Rules) network() network {
	all := network{}
	if r == nil {
		return all
	}
	for _, one := range r.routes {
		for _, t := range one.targets {
			if t.line != nil {
				all[pool{t.member.Endpoint.Origin, t.reach.Print, one.Timeout}] = t.line
			}
		}
	}
	return all
}
