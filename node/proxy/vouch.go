package proxy

import (
	"net/http"
	"strings"

	"golang.org/x/net/http/httpguts"

	"picket/node/authz"
)

// vouch says what the application is told of the request and of the caller, in fields that no client can have sent.
// Nothing is told of a caller who is not known. Without the assertion that a route promises nothing is carried.
func (d *Door) vouch(a *ask) *authz.Refusal {
	a.given = append(make([]field, 0, 8),
		field{"X-Forwarded-Proto", a.origin.Scheme},
		field{"X-Forwarded-Host", a.origin.Authority()},
		field{"X-Request-Id", a.id},
	)
	if a.client.IsValid() {
		a.given = append(a.given, field{"X-Forwarded-For", a.client.String()})
	}
	if d.node != "" {
		a.given = append(a.given, field{"X-Picket-Node", d.node})
	}
	if !a.found() {
		return nil
	}
	for _, h := range a.route.identity {
		if value, ok := h.value.Value(&a.in); ok && httpguts.ValidHeaderFieldValue(value) {
			a.given = append(a.given, field{h.name, value})
		}
	}
	if a.route.assertion == "" {
		return nil
	}
	assertion, err := a.rules.authn.Assertion(a.caller, a.route.Route)
	if err != nil {
		d.log.Error().Err(err).Str("request_id", a.id).Str("route", a.route.Name).Msg("signing an assertion")
		return unavailable(a.route.Name)
	}
	a.given = append(a.given, field{a.route.assertion, assertion})
	return nil
}

// give sets what the application is told, over whatever is there.
func (a *ask) give(h http.Header) {
	for _, f := range a.given {
		h[f.name] = []string{f.value}
	}
}

// outgoing is the part of a response's headers that goes to the client.
func (d *Door) outgoing(h http.Header, a *ask) {
	dropSetCookies(h, d.cookies)
	h["X-Request-Id"] = []string{a.id}
	delete(h, "Alt-Svc") // would lead past this proxy
	d.renew(h, a)
}

// renew gives a browser another cookie when its own was made with a secret that is to be removed: with a page, and not
// with one that a cache might give to others.
func (d *Door) renew(h http.Header, a *ask) {
	if !a.navigates || a.bearer != "" || !a.found() {
		return
	}
	k, ok := a.rules.authn.Renewed(a.origin, a.cookie, a.caller.Session)
	if !ok {
		return
	}
	for _, line := range h["Cache-Control"] {
		if line = strings.ToLower(line); strings.Contains(line, "public") || strings.Contains(line, "s-maxage") {
			return
		}
	}
	h["Set-Cookie"] = append(h["Set-Cookie"], httpCookie(k, d.now()).String())
}
