package proxy

import (
	"context"
	"errors"
	"maps"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"

	"picket/node/authz"
	"picket/node/proxy/http1"
	"picket/policy"
)

// Why a request under way was ended from here; the cause of its context.
var (
	errSessionOver = errors.New("the session is over")
	errRouteGone   = errors.New("the configuration no longer leads this request there")
	errNobody      = errors.New("the address is no longer for everyone")
	errUnproved    = errors.New("it cannot be told any more who is asking")
	errIdle        = errors.New("nothing was sent for too long")
	errClientGone  = errors.New("the client left")
	errGoingAway   = errors.New("this node is closing")
)

// errNotAllowed is the same when the policies no longer admit the request.
type errNotAllowed struct{ decision policy.Decision }

func (e errNotAllowed) Error() string {
	if e.decision.Outcome == policy.StepUp {
		return "the sign-in is no longer what policy " + e.decision.Policy + " requires"
	}
	return "rule " + e.decision.Rule + " no longer admits the request"
}

// carry takes an admitted request to the application and the response back. Until it returns, the request stands among
// those that are asked about again.
func (d *Door) carry(w *recorder, r *http.Request, a *ask) {
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	defer func() { a.ended = ending(ctx) }()
	s := d.streams.add(a, d.now(), cancel)
	defer d.streams.remove(s)
	if d.changes.heard.Load() != a.heard { // something changed before the request could be found among those under way
		d.askAgain(ctx, []*stream{s})
	}
	r = r.WithContext(ctx)
	if a.in.Request.WebSocket {
		d.carrySocket(w, r, a)
		return
	}
	if a.route.Connect != "" {
		d.carryTunnel(w, r, a, cancel)
		return
	}
	if r.ContentLength != 0 {
		_ = http.NewResponseController(w).EnableFullDuplex() // else net/http throws the rest of a body away once the answer begins
	}
	x := &exchange{door: d, ask: a, w: w, r: r, idle: newIdle(a.route.IdleTimeout, cancel)}
	defer x.idle.stop()
	x.run()
}

// ending is why a request did not come to its own end; nil when it did.
func ending(ctx context.Context) error {
	cause := context.Cause(ctx)
	if errors.Is(cause, context.Canceled) {
		return errClientGone
	}
	return cause
}

// exchange is one request and its response on their way.
type exchange struct {
	door *Door
	*ask
	w    *recorder
	r    *http.Request
	idle *idle

	unreadable atomic.Pointer[http1.Malformed] // what is wrong with the request's body; nil: nothing, as far as it was read
}

// run asks the application and passes its response on. What the application says before it responds (1xx) goes on as well.
func (x *exchange) run() {
	early := &early{to: x.w}
	defer early.end() // also before a panic: somebody else may have the writer then
	out := x.request(httptrace.WithClientTrace(x.r.Context(), &httptrace.ClientTrace{Got1xxResponse: early.inform}))
	res, err := x.send(out)
	early.end()
	if err == nil && res.StatusCode == http.StatusSwitchingProtocols {
		_ = res.Body.Close()
		err = errors.New("the application switched to a protocol that was not asked for")
	}
	if m := x.unreadable.Load(); err != nil && m != nil {
		x.door.turnAway(x.w, x.r, x.ask, unreadable(m))
		return
	}
	if err != nil {
		x.door.notCarried(x.w, x.r, x.ask, err)
		return
	}
	x.respond(res)
}

// request makes the request that goes upstream. Path and query are those that were decided on, byte for byte: Opaque is what
// is sent as it stands. The headers are a copy: policies may be asked again about those that came.
func (x *exchange) request(ctx context.Context) *http.Request {
	in := &x.in.Request
	out := x.r.WithContext(ctx)
	out.URL = &url.URL{Opaque: in.Path, RawQuery: in.Query}
	out.RequestURI, out.Close, out.Header = "", false, maps.Clone(x.r.Header)
	delete(out.Header, "Host")
	x.give(out.Header)
	if _, told := out.Header["User-Agent"]; !told {
		out.Header["User-Agent"] = []string{""} // else a transport of net/http names itself
	}
	if out.Body == http.NoBody || out.ContentLength == 0 {
		out.Body = nil
	}
	if out.Body == nil {
		out.Trailer = nil
		return out
	}
	out.Body = &checked{x.idle.watch(out.Body), &x.unreadable}
	x.sendTrailers(out)
	return out
}

// notInTrailers are fields that say who asks, for what, and how a message is framed: too late in a trailer (RFC 9110,
// section 6.5.1), where some servers take them all the same.
var notInTrailers = [...]string{
	"Authorization", "Cookie", "Host", "Content-Length", "Content-Type", "Content-Encoding", "Content-Range", "Expect", "Range",
	"Max-Forwards", "Cache-Control", "Set-Cookie", "Www-Authenticate",
}

// sendTrailers lets through the trailers that the client announced, but for reserved ones.
func (x *exchange) sendTrailers(out *http.Request) {
	out.Trailer = maps.Clone(out.Trailer)
	x.rules.scrub.reserved(out.Trailer)
	for _, name := range notInTrailers {
		delete(out.Trailer, name)
	}
	if len(out.Trailer) > 0 {
		out.Body = &trailing{ReadCloser: out.Body, from: x.r, to: out.Trailer}
	}
}

// send asks the application: the target whose turn it is or, while no connection can be made and there is no body
// that may have been sent, the next.
func (x *exchange) send(out *http.Request) (res *http.Response, err error) {
	for target := range x.route.inTurn {
		x.upstream = target.Host
		out.URL.Scheme, out.URL.Host = target.Scheme, target.Host
		out.Host = x.route.hostFor(target, x.origin)
		res, err = target.transport.RoundTrip(out)
		if err == nil || out.Body != nil || !notConnected(err) {
			break
		}
	}
	return res, err
}

// notConnected tells whether an error came before anything could be sent.
func notConnected(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// notCarried answers a request that was admitted and got no response, and says why in the log.
func (d *Door) notCarried(w *recorder, r *http.Request, a *ask, err error) {
	f := reason(r.Context(), a, err)
	if f == nil {
		a.refused = "client_gone"
		w.status = statusClientGone
		return
	}
	d.log.Warn().Err(err).Str("request_id", a.id).Str("route", a.route.Name).Str("upstream", a.upstream).Msg("not carried")
	d.turnAway(w, r, a, f)
}

// reason is what the visitor is told when no response came; nil when nobody is there to be told.
func reason(ctx context.Context, a *ask, err error) *authz.Refusal {
	route := a.route.Name
	if cause := context.Cause(ctx); cause != nil {
		var no errNotAllowed
		var barred errLocked
		switch {
		case errors.As(cause, &barred):
			return locked(a, barred.lock)
		case errors.Is(cause, errRouteGone):
			return noRoute()
		case errors.Is(cause, errSessionOver), errors.Is(cause, errNobody):
			return unauthenticated(a)
		case errors.As(cause, &no):
			a.decision = no.decision
			return refused(a)
		case errors.Is(cause, errUnproved), errors.Is(cause, errGoingAway):
			return unavailable(route)
		case errors.Is(cause, errIdle):
			return gatewayTimeout(route)
		}
		return nil
	}
	var wait net.Error
	if errors.As(err, &wait) && wait.Timeout() {
		return gatewayTimeout(route)
	}
	return badGateway(route)
}
