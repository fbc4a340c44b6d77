package proxy

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"

	"picket/node/authz"
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
	x.proxy = httputil.ReverseProxy{
		Rewrite: x.rewrite, Transport: x, ModifyResponse: x.modify, ErrorHandler: x.failed,
		FlushInterval: -1, BufferPool: d.buffers, ErrorLog: d.plainLog,
	}
	x.proxy.ServeHTTP(w, r)
}

// ending is why a request did not come to its own end; nil when it did.
func ending(ctx context.Context) error {
	cause := context.Cause(ctx)
	if errors.Is(cause, context.Canceled) {
		return errClientGone
	}
	return cause
}

// small is the length in bytes up to which a body is sent in one piece.
const small = 2 << 10

// exchange is one request and its response on their way through httputil.ReverseProxy.
type exchange struct {
	door *Door
	*ask
	w    *recorder
	r    *http.Request
	idle *idle

	proxy httputil.ReverseProxy
}

// rewrite makes the request that goes upstream. Path and query are those that were decided on, byte for byte: Opaque is
// what net/http sends as it stands.
func (x *exchange) rewrite(p *httputil.ProxyRequest) {
	in := &x.in.Request
	p.Out.URL = &url.URL{Opaque: in.Path, RawQuery: in.Query}
	p.Out.Header.Del("Host")
	x.give(p.Out.Header)
	if p.Out.Body != nil {
		p.Out.Body = x.idle.watch(p.Out.Body)
		x.sendTrailers(p.Out)
	}
}

// notInTrailers are fields that say who asks, for what, and how a message is framed: too late in a trailer (RFC 9110,
// section 6.5.1), where some servers take them all the same.
var notInTrailers = [...]string{
	"Authorization", "Cookie", "Host", "Content-Length", "Content-Type", "Content-Encoding", "Content-Range", "Expect", "Range",
	"Max-Forwards", "Cache-Control", "Set-Cookie", "Www-Authenticate",
}

// sendTrailers lets through the trailers that the client announced, but for reserved ones; ReverseProxy forgets them.
func (x *exchange) sendTrailers(out *http.Request) {
	x.rules.scrub.reserved(out.Trailer)
	for _, name := range notInTrailers {
		delete(out.Trailer, name)
	}
	if len(out.Trailer) > 0 {
		out.Body = &trailing{ReadCloser: out.Body, from: x.r, to: out.Trailer}
	}
}

// RoundTrip asks the application: the target whose turn it is or, while no connection can be made and there is no body
// that may have been sent, the next.
func (x *exchange) RoundTrip(out *http.Request) (res *http.Response, err error) {
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

// modify makes the response fit for the client.
func (x *exchange) modify(res *http.Response) error {
	if res.StatusCode == http.StatusSwitchingProtocols {
		return errors.New("the application switched to a protocol that was not asked for")
	}
	x.door.outgoing(res.Header, x.ask)
	res.Body = x.idle.watch(res.Body)
	if 0 <= res.ContentLength && res.ContentLength <= small {
		x.proxy.FlushInterval = 0 // it fits into one write, which costs less than two; all else is flushed at once
	}
	return nil
}

// failed answers when the application did not.
func (x *exchange) failed(_ http.ResponseWriter, _ *http.Request, err error) {
	x.door.notCarried(x.w, x.r, x.ask, err)
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
