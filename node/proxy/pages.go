package proxy

import (
	"cmp"
	"net/http"
	"net/url"

	"picket/node/authn"
	"picket/node/authz"
	"picket/node/proxy/http1"
	"picket/policy"
)

// showPage answers with one of our own pages.
func (d *Door) showPage(a *ask) {
	d.show(a, a.rules.pages.ServeHTTP)
}

// show answers by a handler of net/http, for which a request is made of what was read.
func (d *Door) show(a *ask, page http.HandlerFunc) {
	a.hangUp()
	if a.r.Length != 0 {
		a.bodyWithin(pageGrace)
	}
	if err := http1.Serve(page, present(a), &a.w); err != nil {
		d.log.Debug().Err(err).Str("request_id", a.id).Msg("showing a page")
	}
}

// present makes a request that says what was read: one host, one path, the visitor's address, our id.
func present(a *ask) *http.Request {
	r, err := a.r.HTTP()
	if err != nil { // it is refused, and this is for the page that says so
		r = (&http.Request{Method: a.r.Method, ProtoMajor: 1, ProtoMinor: 1, Header: a.r.Fields.Header(), URL: &url.URL{Path: "/"}}).WithContext(&a.r.Life)
	}
	r.Host, r.RemoteAddr = "", a.client.String()
	if a.origin.Host != "" {
		r.Host = a.origin.Authority()
	}
	r.Header["X-Request-Id"] = []string{a.id}
	in := &a.in.Request
	if path, err := url.PathUnescape(in.Path); err == nil && in.Path != "" {
		r.URL = &url.URL{Path: path, RawPath: in.Path, RawQuery: in.Query}
		r.RequestURI = r.URL.RequestURI()
	}
	return r
}

// hangUp ends the connection after an answer that does not need the body: the body may never come. A stream of HTTP/2 ends by
// itself.
func (a *ask) hangUp() {
	if a.r.Length != 0 && a.r.Major == 1 {
		a.w.last = true
	}
}

// turnAway answers a request that is not carried: a browser that is nobody, or has to show more, is sent to sign in, all
// else is refused. So is a browser that comes back from there and still does not show enough: it would go round for ever.
func (d *Door) turnAway(a *ask, f *authz.Refusal) {
	a.refused = f.Code
	d.show(a, func(w http.ResponseWriter, r *http.Request) {
		if f.Status == http.StatusUnauthorized {
			settling := a.decision.Outcome == policy.StepUp && a.caller.SteppedUp(d.now())
			if a.navigates && !settling && d.signIn(w, a) {
				return
			}
			w.Header().Set("WWW-Authenticate", cmp.Or(f.Challenge, `Picket realm="`+a.origin.Authority()+`"`))
		}
		if f.Status == http.StatusMethodNotAllowed {
			w.Header().Set("Allow", f.Allow)
		}
		f.RequestID = a.id
		a.rules.refuse(w, r, *f)
	})
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
func (d *Door) toHTTPS(a *ask) {
	if !a.origin.Secure() {
		d.turnAway(a, unknownHost())
		return
	}
	a.hangUp()
	a.w.Begin(http1.Reply{Status: http.StatusPermanentRedirect, Fields: http1.Fields{{Name: "Location", Value: a.origin.String() + a.address()}}})
	_ = a.w.Finish(nil) // a client that is gone is told nothing
}
