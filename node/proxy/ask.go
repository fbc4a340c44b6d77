package proxy

import (
	"net/http"
	"net/netip"
	"strings"
	"time"

	"picket/node/authn"
	"picket/node/authz"
	"picket/node/config"
	"picket/policy"
)

// ask is one request as the door reads it: taken once, before anything is decided. Below that nothing looks at the
// request again to decide, so that what is decided on is what is carried, and another protocol need only fill an ask.
// Once the request is admitted the fields above upstream no longer change.
type ask struct {
	id      string // of the request, in the log and upstream
	began   time.Time
	rules   *Rules    // that it is decided by
	through *listener // nil: none of ours

	host      string        // canonical; "": it could not be read
	port      string        // that CONNECT names; "" for other requests
	origin    config.Origin // of the host asked for; zero: the host is none of ours
	route     *route        // nil: none was found, or own is true
	own       bool          // for our own pages
	client    netip.Addr    // behind trusted proxies; the zero Addr when it could not be read
	cookie    string        // our session cookie's text; "": none, or several
	bearer    string        // our bearer that a program showed; "": none; goes before the cookie
	binding   string        // text of the cookie that a sign-in is bound to
	from      []string      // the Origin header
	navigates bool          // a browser that goes to an address, and can show a page

	in       policy.Input // the facts that policies see
	heard    uint64       // changes that this node had heard of before anything was decided
	caller   authn.Caller
	answer   authn.Answer
	lock     *authn.Lock // that bars the caller, or the address; nil: none does
	decision policy.Decision
	shadow   []authz.Shadow // what would have been decided otherwise
	given    []field        // what is added to the request that goes upstream

	target   *target // that it is sent to
	upstream string  // the address that it was sent to; "": it was not
	received int64   // bytes that came through a TCP tunnel
	refused  string  // code of the refusal; "": it was carried
	ended    error   // why what was carried did not come to its own end; nil: it did
}

// field is one header field.
type field struct{ name, value string }

// found tells whether the caller is known.
func (a *ask) found() bool { return a.answer == authn.Found }

// fields lets policies read the headers of net/http.
type fields http.Header

// Field gives a header by its name; several lines of it are one list (RFC 9110, section 5.3).
func (f fields) Field(name string) (string, bool) {
	values := http.Header(f).Values(name)
	switch len(values) {
	case 0:
		return "", false
	case 1:
		return values[0], true
	}
	return strings.Join(values, ", "), true
}

// navigates tells whether r is a browser that goes to an address and can follow a redirect to a page: it says so itself
// (Fetch Metadata) or, when it says nothing, asks for HTML. A request that carries credentials of its own is a program.
func navigates(r *http.Request) bool {
	h := r.Header
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	if h.Get("X-Requested-With") != "" || h.Get("Authorization") != "" {
		return false
	}
	switch h.Get("Sec-Fetch-Dest") {
	case "", "document", "iframe", "frame":
	default:
		return false
	}
	if mode := h.Get("Sec-Fetch-Mode"); mode != "" {
		return mode == "navigate"
	}
	return strings.Contains(strings.ToLower(strings.Join(h.Values("Accept"), ",")), "text/html")
}
