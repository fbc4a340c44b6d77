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
// It leaves pages to package console, by Parts.Pages and Parts.Refuse.
package proxy

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"log"
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
	"picket/policy"
)

// Options are what a door is made of.
type Options struct {
	Parts        // by which it decides at first
	Node  string // name of this node; goes upstream as X-Picket-Node

	// Fresh tells whether this node's knowledge is within max_staleness: what cannot be told while it is not, is cut at
	// once. Nil: it never is.
	Fresh func() bool

	Keys     *broker.Keyring // of TLS session tickets; nil: they are good for this door alone
	Drain    time.Duration   // how long requests under way may take when the door closes; 0: 10 s
	Log      zerolog.Logger
	Registry prometheus.Registerer // nil: nothing is counted anywhere
	Now      func() time.Time      // nil: time.Now
}

// Door is an http.Handler, and listens by itself in Run. What it decides by is replaced as a whole, by Use.
type Door struct {
	inForce  atomic.Pointer[Rules] // taken once for each request
	fresh    func() bool
	node     string
	drain    time.Duration
	log      zerolog.Logger
	plainLog *log.Logger // log for net/http, which says on it what clients did wrong
	now      func() time.Time
	tickets  *tickets
	cookies  []string // names of ours
	buffers  *buffers
	streams  *streams
	changes  *changes
	metrics  *metrics

	mu        sync.Mutex
	listeners []*listener        // guarded by mu
	serve     func(func() error) // guarded by mu: has Run wait for one more; nil: it does not run, or is at its end
}

// New checks everything that can be checked without opening it; all mistakes are told at once.
func New(o Options) (*Door, error) {
	d := &Door{
		fresh: o.Fresh, node: o.Node, drain: o.Drain, log: o.Log, now: o.Now,
		plainLog: log.New(debugLog{o.Log}, "", 0), cookies: ourCookies(), buffers: newBuffers(), changes: newChanges(),
	}
	if d.now == nil {
		d.now = time.Now
	}
	if d.fresh == nil {
		d.fresh = func() bool { return false }
	}
	if d.drain == 0 {
		d.drain = 10 * time.Second
	}
	d.tickets = newTickets(o.Keys, d.now)
	d.metrics = newMetrics(o.Registry)
	d.streams = newStreams(d.metrics)
	rules, err := newRules(o.Parts, nil, d.tickets)
	if err != nil {
		return nil, err
	}
	d.inForce.Store(rules)
	d.addListeners(rules)
	rules.authn.OnChange(d.changes.add)
	return d, nil
}

// Changed tells the door that what policies see has changed, other than by a session, a user or their groups: whatever
// is under way is asked about again, at once. It does not wait.
func (d *Door) Changed() { d.changes.add(authn.Change{}) }

// ServeHTTP is the door without a listener of its own: nothing in front of it is trusted.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) { d.take(w, r, nil) }

// take takes one request from reading it to the log line. What it is decided by is taken here, once; what is in force
// when it is done may be something else.
func (d *Door) take(w http.ResponseWriter, r *http.Request, through *listener) {
	a := &ask{id: newID(), began: d.now(), heard: d.changes.heard.Load(), through: through}
	a.rules = d.inForce.Load() // after heard: what changes from now on is asked about again
	rec := &recorder{ResponseWriter: w, id: a.id}
	defer d.record(a, rec, r)
	d.pass(rec, r, a)
}

// pass is the whole way of a request, step by step: whatever keeps it from the application stands here.
func (d *Door) pass(w *recorder, r *http.Request, a *ask) {
	l := a.rules.front(a.through)
	if l == nil { // between two requests of a connection its address was closed
		w.last = true
		d.turnAway(w, r, a, closing())
		return
	}
	if r.Method == http.MethodConnect {
		d.passTunnel(w, r, l, a)
		return
	}
	if f := d.read(a, l, r); f != nil {
		w.last = true
		d.turnAway(w, r, a, f)
		return
	}
	s, f := findSite(a, r.Header)
	if f != nil {
		d.turnAway(w, r, a, f)
		return
	}
	a.rules.scrub.request(r.Header)
	r.Header["X-Request-Id"] = []string{a.id} // before policies see the headers: they may be asked again while it is carried
	if l.Redirect != "" {
		d.toHTTPS(w, r, a)
		return
	}
	if a.own {
		if f := barred(a); f != nil {
			d.turnAway(w, r, a, f)
			return
		}
		hangUp(w, r)
		present(r, a)
		a.rules.pages.ServeHTTP(w, r)
		return
	}
	if f := findRoute(a, s); f != nil {
		d.turnAway(w, r, a, f)
		return
	}
	d.keepCredentials(r.Header)
	if f := d.admit(r.Context(), a); f != nil {
		d.turnAway(w, r, a, f)
		return
	}
	d.carry(w, r, a)
}

// admit asks who is asking, whether they may, and what the application is told of them. Nil: the request is admitted.
func (d *Door) admit(ctx context.Context, a *ask) *authz.Refusal {
	if f := barred(a); f != nil {
		return f
	}
	if f := d.checkSocket(a); f != nil {
		return f
	}
	a.in.Data = a.rules.data()
	a.caller, a.answer = a.identify(ctx)
	if a.found() {
		a.caller.Fill(&a.in)
	}
	if a.route.Access != config.Public {
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
	return d.vouch(a)
}

// checkSocket lets a WebSocket pass where the route says so, and only from a page of the same origin: browsers open
// them to any host, with its cookies (RFC 6455, section 10.2).
func (d *Door) checkSocket(a *ask) *authz.Refusal {
	if !a.in.Request.WebSocket {
		return nil
	}
	if !a.route.WebSocket {
		return noSocket(a.route.Name)
	}
	if len(a.from) > 1 || len(a.from) == 1 && a.from[0] != a.origin.String() {
		return foreignOrigin(a.route.Name)
	}
	return nil
}

// turnAway answers a request that is not carried: a browser that is nobody, or has to show more, is sent to sign in, all
// else is refused. So is a browser that comes back from there and still does not show enough: it would go round for ever.
func (d *Door) turnAway(w http.ResponseWriter, r *http.Request, a *ask, f *authz.Refusal) {
	a.refused = f.Code
	hangUp(w, r)
	present(r, a)
	if f.Status == http.StatusUnauthorized {
		settling := a.decision.Outcome == policy.StepUp && a.caller.SteppedUp(d.now())
		if a.navigates && !settling && d.signIn(w, a) {
			return
		}
		w.Header().Set("WWW-Authenticate", cmp.Or(f.Challenge, `Picket realm="`+a.origin.Authority()+`"`))
	}
	if f.Status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
	}
	f.RequestID = a.id
	a.rules.refuse(w, r, *f)
}

// hangUp ends the connection after an answer that does not need the body: net/http would wait for all of it before it
// answers, and the body may never come. A stream of HTTP/2 ends by itself.
func hangUp(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength != 0 && r.ProtoMajor == 1 {
		w.Header().Set("Connection", "close")
	}
}

// signIn redirects a browser to where people sign in, and tells whether it did.
func (d *Door) signIn(w http.ResponseWriter, a *ask) bool {
	step, err := a.rules.authn.Begin(authn.BeginRequest{
		Origin: a.origin, ReturnTo: a.address(), Route: a.route.Name, Binding: a.binding, Need: a.decision.Need,
	})
	if err != nil {
		d.log.Error().Err(err).Str("request_id", a.id).Msg("beginning a sign-in")
		return false
	}
	for _, k := range step.Cookies {
		http.SetCookie(w, httpCookie(k, d.now()))
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Location", step.Redirect)
	w.WriteHeader(http.StatusFound)
	return true
}

// toHTTPS sends whoever came over http to the same address over https; only for hosts that are ours.
func (d *Door) toHTTPS(w http.ResponseWriter, r *http.Request, a *ask) {
	if !a.origin.Secure() {
		d.turnAway(w, r, a, unknownHost())
		return
	}
	w.Header().Set("Location", a.origin.String()+a.address())
	w.WriteHeader(http.StatusPermanentRedirect)
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

// newID is 128 random bits, in hexadecimal.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	return hex.EncodeToString(b[:])
}
