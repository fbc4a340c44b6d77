package proxy

import (
	"errors"
	"net"
	"net/http"
	"slices"

	"golang.org/x/net/http/httpguts"

	"picket/node/authz"
	"picket/node/proxy/http1"
	"picket/node/proxy/upstream"
	"picket/policy"
)

// Why a request under way was ended from here; the cause of its context.
var (
	errSessionOver = errors.New("the session is over")
	errRouteGone   = errors.New("the configuration no longer leads this request there")
	errNobody      = errors.New("the address is no longer for everyone")
	errUnproved    = errors.New("it cannot be told any more who is asking")
	errIdle        = errors.New("nothing was sent for too long")
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

// carry takes an admitted request to the application and the response back. Until it is over, the request stands among those that are
// asked about again.
func (d *Door) carry(a *ask) {
	life := &a.r.Life
	upgrade, tunnel := a.wants != "", a.route.Connect != ""
	if !upgrade && !tunnel { // these look after themselves
		a.stream.patience, a.stream.thinking = a.route.IdleTimeout, a.route.thinking
	}
	s := d.streams.add(a, d.coarse.Load())
	defer func() {
		if !a.goesOn {
			a.carried()
		}
	}()
	if d.changes.heard.Load() != a.heard { // something changed before the request could be found among those under way
		d.askAgain(life, []*stream{s})
	}
	switch {
	case upgrade:
		d.carryUpgrade(a)
	case a.route.UDP:
		d.carryUDP(a)
	case tunnel:
		d.carryTunnel(a)
	default:
		a.exchange.door, a.exchange.ask = d, a
		a.exchange.run()
	}
}

// carried is the end of what was carried. A door that closes waits for its line, too.
func (a *ask) carried() {
	a.call.Done()
	a.ended = a.r.Life.Cause()
	a.stream.over.Store(true)
}

// goOn goes on with what a request became, on a stack of its own where it has a connection of its own: it may last for hours.
func (d *Door) goOn(a *ask, f func()) {
	c, ok := a.w.Client.(interface{ Leave(func()) })
	if !ok {
		f()
		return
	}
	a.goesOn = true
	c.Leave(func() {
		defer d.over(a)
		defer a.carried()
		f()
	})
}

// exchange is one request and its response on their way.
type exchange struct {
	door *Door
	*ask
	asked    http1.Question
	body     sending
	informed bool // something that the application said before it responded was passed on
}

// run asks the application and passes its response on. What the application says before it responds (1xx) goes on as well.
func (x *exchange) run() {
	answer, err := x.send(x.question())
	if x.asked.Body != nil {
		x.body.pace.over.Store(true)
	}
	if err == nil && answer.Status == http.StatusSwitchingProtocols {
		answer.Close()
		err = errors.New("the application switched to a protocol that was not asked for")
	}
	if m := x.body.wrong.Load(); err != nil && m != nil {
		x.door.turnAway(x.ask, unreadable(m))
		return
	}
	if err != nil {
		x.door.notCarried(x.ask, err)
		return
	}
	x.alive() // first: what is counted from now on begins here
	x.stream.answered.Store(true)
	x.respond(answer)
	x.room, x.simple = answer.Fields, x.r.Major < 3 && x.asked.Keeps(answer)
}

// question is what is asked of the application. Path and query are those that were decided on, byte for byte, unless the
// route makes another path of it.
func (x *exchange) question() *http1.Question {
	q, r := &x.asked, x.r // of which nothing is set yet
	q.Life, q.Method, q.Path, q.Query = &r.Life, r.Method, x.upstreamPath(), x.in.Request.Query
	q.Fields, q.Given = x.route.asked.without(r.Fields), x.given
	q.Length, q.Expect, q.Informed, q.Room = r.Length, r.Expect, x, x.room
	if x.r.Body != nil && x.r.Length != 0 {
		x.body.exchange, x.body.Body, x.body.limit = x, x.r.Body, x.route.BodyLimit
		q.Body, q.Trailers = &x.body, x.trailers()
		x.stream.unasked.Store(true)
		if paced(x.r) {
			x.stream.pace.Store(&x.body.pace)
		}
	}
	return q
}

// Inform passes on what the application says before it responds. That it switches to another protocol is none of that: it was not
// asked to (HTTP/2 lets it say so all the same).
func (x *exchange) Inform(status int, fields http1.Fields) error {
	if status == http.StatusSwitchingProtocols {
		return nil
	}
	x.informed = true
	return x.w.Inform(status, x.door.beside(fields, x.ask))
}

// notInTrailers are fields that say who asks, for what, and how a message is framed, or are of one connection: too late in a
// trailer (RFC 9110, section 6.5.1), where some servers take them all the same.
var notInTrailers = [...]string{
	"Authorization", "Cookie", "Host", "Content-Length", "Content-Type", "Content-Encoding", "Content-Range", "Expect", "Range",
	"Max-Forwards", "Cache-Control", "Set-Cookie", "Www-Authenticate", "Connection", "Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
	"Http2-Settings", "Proxy-Authorization", "Proxy-Authenticate", "Proxy-Connection", "Proxy-Authentication-Info",
}

// alive notes that something came from either side.
func (x *exchange) alive() { x.stream.noteAlive(x.door.coarse.Load()) }

// trailers are the names of those that the client announced, but for reserved ones and what is no name.
func (x *exchange) trailers() []string {
	return slices.DeleteFunc(x.announced, func(name string) bool {
		return !httpguts.ValidHeaderFieldName(name) || x.rules.scrub.isReserved(name) || x.route.asked.takes(name) || isAmong(notInTrailers[:], name)
	})
}

// notCarried answers a request that was admitted and got no response, and says why in the log.
func (d *Door) notCarried(a *ask, err error) {
	f := reason(a, err)
	if f == nil {
		a.refused = "client_gone"
		a.w.status = statusClientGone
		return
	}
	d.log.Warn().Err(err).Str("request_id", a.id).Str("route", a.route.Name).Str("upstream", a.upstream).Msg("not carried")
	d.turnAway(a, f)
}

// reason is what the visitor is told when no response came; nil when nobody is there to be told.
func reason(a *ask, err error) *authz.Refusal {
	route := a.route.Name
	if cause := a.r.Life.Cause(); cause != nil {
		var no errNotAllowed
		var barred errLocked
		var expired errUncertified
		var wrong *http1.Malformed
		switch {
		case errors.As(cause, &wrong):
			return unreadable(wrong)
		case errors.As(cause, &barred):
			return locked(a, barred.lock)
		case errors.As(cause, &expired):
			return uncertified(a, expired.why)
		case errors.Is(cause, errRouteGone):
			return noRoute()
		case errors.Is(cause, errSessionOver), errors.Is(cause, errNobody):
			return unauthenticated(a)
		case errors.As(cause, &no):
			a.decision = no.decision
			return refused(a)
		case errors.Is(cause, errUnproved):
			return unavailable(route)
		case errors.Is(cause, errGoingAway):
			return closedUpon(route)
		case errors.Is(cause, errSlowBody):
			return slowBody(route)
		case errors.Is(cause, errIdle):
			return gatewayTimeout(route)
		}
		return nil
	}
	var wait net.Error
	switch {
	case errors.Is(err, upstream.ErrFull):
		return crowded(route)
	case errors.As(err, &wait) && wait.Timeout():
		return gatewayTimeout(route)
	}
	return badGateway(route)
}
