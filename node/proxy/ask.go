package proxy

import (
	"cmp"
	"crypto/x509"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"picket/node/authn"
	"picket/node/authz"
	"picket/node/config"
	"picket/node/proxy/http1"
	"picket/node/proxy/upstream"
	"picket/policy"
)

// ask is one request as the door reads it: taken once, before anything is decided. Below that nothing looks at the
// request again to decide, so that what is decided on is what is carried, and another protocol need only fill an ask.
// Once the request is admitted the fields above upstream no longer change.
type ask struct {
	r       *http1.Request
	w       recorder // the way back
	id      string   // of the request, in the log and upstream
	began   time.Time
	rules   *Rules    // that it is decided by
	through *listener // nil: none of ours

	host      string        // canonical; "": it could not be read
	port      string        // that CONNECT names; "" for other requests
	datagrams bool          // it is CONNECT-UDP (RFC 9298)
	site      *site         // of the host asked for; nil: the host is none of ours, or was not looked for
	origin    config.Origin // the site's, with the host that was asked for
	route     *route        // nil: none was found, or own is true
	own       bool          // for our own pages
	client    netip.Addr    // behind trusted proxies; the zero Addr when it could not be read
	cookie    string        // our session cookie's text; "": none, or several
	bearer    string        // our bearer that a program showed; "": none; goes before the cookie
	binding   string        // text of the cookie that a sign-in is bound to
	announced []string      // names of trailers that may come behind the body
	wants     string        // the protocol that is to be spoken after this request; "": none
	navigates bool          // a browser that goes to an address, and can show a page

	shown    []*x509.Certificate // by the client when TLS was agreed on, its own first: of the tls.ConnectionState, no copy
	distrust error               // why that does not do; nil: it does, or need not

	in       policy.Input // the facts that policies see
	heard    uint64       // changes that this node had heard of before anything was decided
	caller   authn.Caller
	answer   authn.Answer
	lock     *authn.Lock // that bars the caller, or the address; nil: none does
	decision policy.Decision
	shadow   []authz.Shadow // what would have been decided otherwise
	given    http1.Fields   // what is added to the request that goes upstream
	stream   stream         // by which it is found while it is under way
	exchange exchange       // that carries it

	sent     string        // the path that goes upstream; "": the one that was decided on
	call     upstream.Call // by which a target is chosen
	target   *target       // that it is sent to, where it has a connection of its own
	upstream string        // the address that it was sent to; "": it was not
	room     http1.Fields  // for the fields of the answer, from a request before
	came     func()        // exchange.alive, made once for all requests that this one's memory is used for; nil: it is not used again
	simple   bool          // no body was sent, and nobody but this package had a part in it
	received int64         // bytes that came through a TCP tunnel
	refused  string        // code of the refusal; "": it was carried
	ended    error         // why what was carried did not come to its own end; nil: it did
	goesOn   bool          // on a stack of its own, which sees to its end
}

// asks are those whose requests are over, to be used again: their memory is still in the processor's caches.
type asks struct{ pool sync.Pool }

// get gives one of which nothing is known.
func (p *asks) get() *ask {
	if a, ok := p.pool.Get().(*ask); ok {
		return a
	}
	a := &ask{}
	a.came = a.exchange.alive
	return a
}

// put takes one back, unless somebody may hold it.
func (p *asks) put(a *ask) {
	if !a.simple || a.r.Life.Kept() {
		return
	}
	given, room, came := spare(a.given), spare(a.room), a.came
	*a = ask{}
	a.given, a.room, a.came = given, room, came
	p.pool.Put(a)
}

// mostSpare is how many fields there may be in what is used again.
const mostSpare = 64

// spare is the room of some fields, which are forgotten. Behind them stands at most what recorder.Begin added: whoever drops fields
// clears their places.
func spare(f http1.Fields) http1.Fields {
	if cap(f) > mostSpare {
		return nil
	}
	clear(f)
	return f[:0]
}

// upstreamPath is the path that goes upstream.
func (a *ask) upstreamPath() string { return cmp.Or(a.sent, a.in.Request.Path) }

// found tells whether the caller is known.
func (a *ask) found() bool { return a.answer == authn.Found }

// Field lets policies read the header; several lines of a name are one list (RFC 9110, section 5.3).
func (a *ask) Field(name string) (value string, ok bool) {
	for i := range a.r.Fields {
		f := &a.r.Fields[i]
		switch {
		case !http1.EqualFold(f.Name, name):
		case ok:
			value += ", " + f.Value
		default:
			value, ok = f.Value, true
		}
	}
	return value, ok
}

// told is what the fields of a request say of who sends it.
type told struct {
	agent, dest, mode string
	program           bool // it carries credentials of its own, or says that it is none
	html              bool // it takes a page
}

// hear takes in one field.
func (t *told) hear(name http1.Known, value string) {
	switch name {
	case http1.UserAgent:
		t.agent = cmp.Or(t.agent, value)
	case http1.SecFetchDest:
		t.dest = cmp.Or(t.dest, value)
	case http1.SecFetchMode:
		t.mode = cmp.Or(t.mode, value)
	case http1.RequestedWith, http1.Authorization:
		t.program = t.program || value != ""
	case http1.Accept:
		t.html = t.html || value != "*/*" && strings.Contains(strings.ToLower(value), "text/html")
	}
}

// navigates tells whether a request is of a browser that goes to an address and can follow a redirect to a page: it says so itself
// (Fetch Metadata) or, when it says nothing, asks for HTML. A request that carries credentials of its own is a program.
func (t *told) navigates(method string) bool {
	if method != http.MethodGet && method != http.MethodHead || t.program {
		return false
	}
	switch t.dest {
	case "", "document", "iframe", "frame":
	default:
		return false
	}
	if t.mode != "" {
		return t.mode == "navigate"
	}
	return t.html
}
