package proxy

import (
	"context"

	"picket/node/authn"
	"picket/node/proxy/http1"
)

// keepCredentials takes out of the fields what is between the caller and us alone: neither policies nor the application
// see it.
func (d *Door) keepCredentials(a *ask) {
	if !a.r.Has(http1.Cookie) && !a.r.Has(http1.Authorization) {
		return
	}
	a.r.Fields = drop(a.r.Fields, func(f *http1.Field) bool {
		switch f.Known() {
		case http1.Cookie: // what is left of a value that was looked at needs no other look
			f.Value = withoutCookie(f.Value, d.cookies)
			return f.Value == ""
		case http1.Authorization:
			return authn.Bearer(f.Value) != ""
		}
		return false
	})
}

// identify asks who is asking: by the bearer where there is one of ours, else by the cookie.
func (a *ask) identify(ctx context.Context) (authn.Caller, authn.Answer) {
	if a.bearer != "" {
		return a.rules.authn.IdentifyProgram(ctx, a.origin, a.bearer, a.route.Route)
	}
	return a.rules.authn.IdentifyAt(ctx, a.in.Now, a.origin, a.cookie, a.route.Route)
}

// recheck is identify for a request that is under way, by the rules that are in force meanwhile and their route for it.
func (a *ask) recheck(ctx context.Context, rules *Rules, r *route) (authn.Caller, authn.Answer) {
	if a.bearer != "" {
		return rules.authn.RecheckProgram(ctx, a.origin, a.bearer, r.Route)
	}
	return rules.authn.Recheck(ctx, a.origin, a.cookie, r.Route)
}
