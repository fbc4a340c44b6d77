// Package proxy is the door: it listens, reads requests, finds their routes, asks who is asking (package authn) and
// whether they may (package authz), and carries what is admitted to the application and back.
//
// It promises that what is decided on is, byte for byte, what is forwarded: one host, one path, one set of headers, read
// once (ask.go). Nothing that a client could send under a name of ours goes further, and none of our cookies does. A
// caller who cannot be told is neither let in nor signed out. What stays open (a WebSocket, a stream, a tunnel, a long request) is
// asked about again, and cut when it would no longer be admitted.
//
// All that it decides by is one value, Rules, taken once for each request and replaced as a whole.
//
// # Architecture
//
// A request is one value, ask, whatever protocol it came by, and passes through steps that stand one after the other in
// Door.pass; a step is a function of the ask that gives nil, or the refusal that ends it:
//
//	listen.go, speakers.go   a connection, its TLS, its protocol
//	http1, http2, nethttp.go the request as http1.Request, a flat list of fields; the way back as http1.Client. HTTP/1.1 and
//	                         HTTP/2 give both themselves, HTTP/3 (and whatever else is like net/http) by an adapter
//	hygiene.go, path.go      read: what the door goes by, taken once; what two readers could read differently is refused
//	table.go                 findSite, findRoute: the host, then the path
//	scrub.go, cookies.go     names of ours and of one connection go, our cookies and bearers are kept back
//	                         (what a route does before it asks who is asking, such as a redirect, has its place in Door.pass)
//	door.go, vouch.go        admit: who is asking (authn), may they (authz), what the application is told of them
//	forward.go               carry: question makes what is asked (a route's rewrites and settings of headers have their place
//	                         there), exchange.send chooses a target and asks it: the one loop over targets
//	transport.go             the application: http1.Transport with the same flat fields, or net/http's by an adapter
//	respond.go               the way back: outgoing (vouch.go) is where fields of the response are taken and added
//	streams.go, watch.go     whatever is under way is asked about again, and cut by ending the request's http1.Life
//	record.go                the one line of the access log, and the metrics
//
// Our own pages and refusals are handlers of net/http: pages.go makes a request of theirs, and of no other's.
//
// It leaves pages to package console, by Parts.Pages and Parts.Refuse.
package proxy

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"picket/broker"
	"picket/node/authn"
	"picket/node/authz"
	"picket/node/config"
	"picket/node/proxy/http1"
	"picket/node/proxy/upstream"
)

// NodeHeader is the header that names the node, in each request that a door sends on to an application.
const NodeHeader = "X-Picket-Node"

// Options are what a door is made of.
type Options struct {
	Parts        // by which it decides at first
	Node  string // name of this node; goes upstream as NodeHeader

	// Fresh tells whether this node's knowledge is within max_staleness: what cannot be told while it is not, is cut at
	// once. Nil: it never is.
	Fresh func() bool

	Talk     *broker.Talk    // by which nodes tell each other what rate limits have taken; nil: this one counts alone
	Peers    []string        // names of nodes that belong to the cluster
	Keys     *broker.Keyring // of TLS session tickets; nil: they are good for this door alone
	Drain    time.Duration   // how long requests under way may take when the door closes; 0: 10 s
	Grace    time.Duration   // how long the body of a request is waited for before its rate counts; 0: a minute
	Log      zerolog.Logger
	Registry prometheus.Registerer // nil: nothing is counted anywhere
	Now      func() time.Time      // nil: time.Now
}

// Door is an http.Handler, and listens by itself in Run. What it decides by is replaced as a whole, by Use.
type Door struct {
	inForce   atomic.Pointer[Rules] // taken once for each request
	fresh     func() bool
	node      string
	ours      http1.Field // that names this node
	drain     time.Duration
	bodyGrace time.Duration
	farewell  time.Duration // before the end of a drain; 0: as the constant has it
	log       zerolog.Logger
	now       func() time.Time
	lines     sync.Pool                     // *[]byte, to write lines of the access log in
	since     func(time.Time) time.Duration // how long ago it was, by now
	tickets   *tickets
	cookies   []string    // names of ours
	rooms     http1.Rooms // for bodies under way
	asks      asks
	streams   *streams
	upstreams *upstream.Upstreams
	changes   *changes
	metrics   *metrics
	limits    *limits
	closing   atomic.Int64  // Unix ns, since when the door closes; 0: it does not
	coarse    atomic.Int64  // Unix ns, about a second ago at most: what costs nothing to look at
	reloaded  chan struct{} // holds one token when other rules came in force

	mu        sync.Mutex
	listeners []*listener        // guarded by mu
	serve     func(func() error) // guarded by mu: has Run wait for one more; nil: it does not run, or is at its end
}

// New checks everything that can be checked without opening it; all mistakes are told at once.
func New(o Options) (*Door, error) {
	d := &Door{
		fresh: o.Fresh, node: o.Node, ours: http1.NewField(NodeHeader, o.Node), drain: o.Drain, bodyGrace: cmp.Or(o.Grace, bodyGrace), log: o.Log, now: o.Now,
		cookies: ourCookies(), changes: newChanges(),
		reloaded: make(chan struct{}, 1),
	}
	d.since = func(t time.Time) time.Duration { return d.now().Sub(t) }
	if d.now == nil {
		d.now, d.since = time.Now, time.Since // which reads one clock instead of two
	}
	if d.fresh == nil {
		d.fresh = func() bool { return false }
	}
	if d.drain == 0 {
		d.drain = 10 * time.Second
	}
	d.tickets = newTickets(o.Keys, d.now)
	d.metrics = newMetrics(o.Registry)
	d.streams = newStreams()
	d.metrics.watchStreams(o.Registry, d.streams)
	var err error
	if d.limits, err = newLimits(o); err != nil {
		return nil, err
	}
	d.metrics.watchLimits(o.Registry, d.limits)
	d.upstreams = upstream.New(upstream.Options{Log: o.Log, Registry: o.Registry})
	rules, err := newRules(o.Parts, nil, d.tickets, d.upstreams)
	if err != nil {
		return nil, err
	}
	d.inForce.Store(rules)
	d.upstreams.Use(rules.plan)
	d.metrics.expire(o.Registry, newExpiries(d))
	d.addListeners(rules)
	rules.authn.OnChange(d.changes.add)
	d.coarse.Store(time.Now().UnixNano())
	return d, nil
}

// UpstreamStatus is how one application of one route is.
type UpstreamStatus = upstream.Status

// Upstreams are the applications of all routes, by the names of the routes.
func (d *Door) Upstreams() []UpstreamStatus { return d.upstreams.Status() }

// Changed tells the door that what policies see has changed, other than by a session, a user or their groups: whatever
// is under way is asked about again, at once. It does not wait.
func (d *Door) Changed() { d.changes.add(authn.Change{}) }

// take takes one request from reading it to the log line. What it is decided by is taken here, once; what is in force
// when it is done may be something else.
func (d *Door) take(r *http1.Request, c http1.Client, through *listener) {
	a := d.asks.get()
	a.id, a.began, a.heard, a.through, a.r = newID(), d.now(), d.changes.heard.Load(), through, r
	a.rules = d.inForce.Load() // after heard: what changes from now on is asked about again
	a.w.Client = c
	a.w.id, _ = requestID.With(a.id)
	defer d.returned(a)
	d.pass(a)
}

// returned is deferred: also when a response breaks off.
func (d *Door) returned(a *ask) {
	if !a.goesOn {
		d.over(a)
	}
}

// over is the end of a request.
func (d *Door) over(a *ask) {
	d.record(a)
	if a.stream.ring != nil {
		d.streams.remove(&a.stream)
	}
	d.asks.put(a)
}

// pass is the whole way of a request, step by step: whatever keeps it from the application stands here.
func (d *Door) pass(a *ask) {
	l := a.rules.front(a.through)
	if l == nil { // between two requests of a connection its address was closed
		a.w.last = true
		d.turnAway(a, closing())
		return
	}
	if a.datagrams = wantsDatagrams(a.r); a.datagrams || a.r.Method == http.MethodConnect {
		d.passTunnel(a, l)
		return
	}
	if f := d.read(a, l); f != nil {
		a.w.last = a.r.Major == 1 // another stream of HTTP/2 is read by itself
		d.turnAway(a, f)
		return
	}
	if d.prove(a, l) {
		return
	}
	s, f := findSite(a)
	if f != nil {
		d.turnAway(a, f)
		return
	}
	a.w.altSvc = l.altSvc(a)
	a.scrub()
	if l.Redirect != "" {
		d.toHTTPS(a)
		return
	}
	if a.own {
		f := barred(a)
		if f == nil {
			f = a.certify(l, a.began)
		}
		if f != nil {
			d.turnAway(a, f)
			return
		}
		if f := d.rationPage(a); f != nil {
			d.turnAway(a, f)
			return
		}
		d.showPage(a)
		d.pageShown(a)
		return
	}
	if f = findRoute(a, s); f == nil {
		f = a.certify(l, a.began)
	}
	if f != nil {
		d.turnAway(a, f)
		return
	}
	d.keepCredentials(a)
	a.dropImpersonation()
	if f := d.admit(&a.r.Life, a); f != nil {
		d.turnAway(a, f)
		return
	}
	d.lead(a)
}

// admit asks who is asking, whether they may, and what the application is told of them. Nil: the request is admitted.
func (d *Door) admit(ctx context.Context, a *ask) *authz.Refusal {
	if f := barred(a); f != nil {
		return f
	}
	if f := d.checkUpgrade(a); f != nil {
		return f
	}
	if f := d.ration(a, config.LimitByAddress); f != nil {
		return f
	}
	a.in.Data = a.rules.data()
	a.caller, a.answer = a.identify(ctx)
	if a.found() {
		a.caller.Fill(&a.in)
	}
	if !forEveryone(a.route.Route, &a.in.Request) {
		switch a.answer {
		case authn.Found:
		case authn.Locked:
			return locked(a, a.caller.Lock)
		case authn.Absent:
			return unauthenticated(a)
		default:
			return undecided(a)
		}
	}
	verdict := a.rules.authz.Decide(a.route.Route, &a.in)
	a.decision, a.shadow = verdict.Decision, verdict.Shadow
	a.rules.authz.Record(authz.Asked{RequestID: a.id, Route: a.route.Route, Input: &a.in}, verdict)
	if f := refused(a); f != nil {
		return f
	}
	if f := d.ration(a, config.LimitByUser); f != nil {
		return f
	}
	if f := d.vouch(a); f != nil {
		return f
	}
	return d.tell(ctx, a)
}

// address is path and query, as they were asked for.
func (a *ask) address() string {
	if a.in.Request.Query == "" {
		return a.in.Request.Path
	}
	return a.in.Request.Path + "?" + a.in.Request.Query
}

// routeName is the name of the route, "" when none was found.
func (a *ask) routeName() string {
	if a.route == nil {
		return ""
	}
	return a.route.Name
}

// newID is 128 random bits, in hexadecimal. They tell requests apart, and are no secret: the system need not be asked for each.
func newID() string {
	var b [16]byte
	binary.NativeEndian.PutUint64(b[:8], rand.Uint64())
	binary.NativeEndian.PutUint64(b[8:], rand.Uint64())
	var text [2 * len(b)]byte
	hex.Encode(text[:], b[:])
	return string(text[:])
}
