package proxy

import (
	"context"
	"net/http"

	"picket/node/authn"
)

// keepCredentials takes out of the headers what is between the caller and us alone: neither policies nor the application
// see it.
func (d *Door) keepCredentials(h http.Header) {
	h["Cookie"] = withoutCookies(h["Cookie"], d.cookies)
	lines := h["Authorization"]
	kept := lines[:0:0]
	for _, line := range lines {
		if authn.Bearer(line) == "" {
			kept = append(kept, line)
		}
	}
	if len(kept) < len(lines) {
		h["Authorization"] = kept
	}
}

// identify asks who is asking: by the bearer where there is one of ours, else by the cookie.
func (a *ask) identify(ctx context.Context) (authn.Caller, authn.Answer) {
	if a.bearer != "" {
		return a.rules.authn.IdentifyProgram(ctx, a.origin, a.bearer, a.route.Route)
	}
	return a.rules.authn.Identify(ctx, a.origin, a.cookie, a.route.Route)
}

// recheck is identify for a request that is under way, by the rules that are in force meanwhile and their route for it.
func (a *ask) recheck(ctx context.Context, rules *Rules, r *route) (authn.Caller, authn.Answer) {
	if a.bearer != "" {
		return rules.authn.RecheckProgram(ctx, a.origin, a.bearer, r.Route)
	}
	return rules.authn.Recheck(ctx, a.origin, a.cookie, r.Route)
}
