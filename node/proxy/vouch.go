package proxy

import (
	"strings"

	"picket/node/authz"
	"picket/node/proxy/http1"
)

// forwardedFor is the field that names the client, without it. It is read only.
var forwardedFor = http1.NewField("X-Forwarded-For", "")

// vouch says what the application is told of the request and of the caller, in fields that no client can have sent.
// Nothing is told of a caller who is not known. Without the assertion that a route promises nothing is carried.
func (d *Door) vouch(a *ask) *authz.Refusal {
	a.given = a.site.tell(a.given[:0], a.origin)
	if a.client.IsValid() {
		f, _ := forwardedFor.With(a.clientText())
		a.given = append(a.given, f)
	}
	if d.ours.Value != "" {
		a.given = append(a.given, d.ours)
	}
	if f := a.impersonate(); f != nil {
		return f
	}
	if !a.found() {
		return nil
	}
	told, err := a.rules.authn.Vouch(a.caller, a.route.Route, a.in.Now, a.identity)
	if err != nil {
		d.log.Error().Err(err).Str("request_id", a.id).Str("route", a.route.Name).Msg("signing an assertion")
		return unavailable(a.route.Name)
	}
	a.given = append(a.given, *told.(*http1.Fields)...)
	a.given = appendHeaders(a.given, a.route.passing, &a.in, "")
	return nil
}

// identity are the fields, as an *http1.Fields, that tell of the caller and are the same with each of their requests.
func (a *ask) identity(assertion string) any {
	told := appendHeaders(nil, a.route.identity, &a.in, "")
	if a.route.assertion.Name != "" {
		f, _ := a.route.assertion.With(assertion)
		told = append(told, f)
	}
	return &told
}

// outgoing is the part of a response's fields that goes to the client.
func (d *Door) outgoing(fields *http1.Fields, a *ask) {
	d.dropOurs(fields)
	if a.route != nil {
		a.route.answered.apply(fields, &a.in)
	}
	d.renew(fields, a)
}

// beside is the same of what comes before the header of a response (1xx), or behind its body: nothing is added there.
func (d *Door) beside(fields http1.Fields, a *ask) http1.Fields {
	if len(fields) == 0 {
		return nil
	}
	d.dropOurs(&fields)
	return a.route.answered.without(fields)
}

// dropOurs takes out what no application says to a client.
func (d *Door) dropOurs(fields *http1.Fields) { dropHops(fields, d.isOurs) }

// isOurs tells whether a field of a response is for us alone to say.
func (d *Door) isOurs(f *http1.Field) bool {
	switch f.Known() {
	case http1.SetCookie:
		return setsAny(f.Value, d.cookies)
	case http1.AltSvc: // would lead past this proxy
		return true
	}
	return false
}

// renew gives a browser another cookie when its own was made with a secret that is to be removed: with a page, and not
// with one that a cache might give to others.
func (d *Door) renew(fields *http1.Fields, a *ask) {
	if !a.navigates || a.bearer != "" || !a.found() {
		return
	}
	k, ok := a.rules.authn.Renewed(a.origin, a.cookie, a.caller.Session)
	if !ok {
		return
	}
	for line := range fields.All(http1.CacheControl) {
		if line = strings.ToLower(line); strings.Contains(line, "public") || strings.Contains(line, "s-maxage") {
			return
		}
	}
	*fields = append(*fields, http1.Field{Name: "Set-Cookie", Value: httpCookie(k, d.now()).String()})
}
