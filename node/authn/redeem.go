package authn

import (
	"context"
	"errors"
	"fmt"

	"picket/broker"
	"picket/node/config"
)

// handOver sends the browser back to the route host that it came from, with a code for a session.
func (a *Authn) handOver(e errand, session string) (Step, error) {
	h := handOver{errand: e, Session: session}
	h.ID, h.Issued = newID(), a.now().Unix()
	code, err := seal(a.seals.code, h)
	if err != nil {
		return Step{}, err
	}
	return Step{Redirect: e.Origin + "/.picket/callback?code=" + code}, nil // base64url needs no escaping
}

// RedeemRequest is a browser that brings a hand-over code to a route host.
type RedeemRequest struct {
	Origin  config.Origin // of the route host
	Code    string        // the parameter "code"
	Binding string        // the binding cookie of Origin; "": none
}

// Redeem turns a hand-over code, once, into the cookie of the route host, and leads to the page first asked for. Should
// the session be gone by now (another tab's sign-in took its place), the sign-in begins anew, which costs a redirect.
// ErrMalformed, ErrExpired, ErrReplayed, ErrOtherBrowser, ErrTooWeak, broker.ErrUnavailable.
func (a *Authn) Redeem(ctx context.Context, r RedeemRequest) (Step, error) {
	h, err := unseal[handOver](a.seals.code, r.Code)
	if err != nil {
		return Step{}, fmt.Errorf("reading the code: %w", err)
	}
	if h.Origin != r.Origin.String() {
		return Step{}, fmt.Errorf("code for %.128q at %s: %w", h.Origin, r.Origin, ErrMalformed)
	}
	if _, err := a.destination(h.errand); err != nil {
		return Step{}, err
	}
	if h.expired(a.now(), handOverLife) {
		return Step{}, h.fail(fmt.Errorf("code: %w", ErrExpired))
	}
	if err := a.spend(ctx, "code-"+h.ID, handOverLife); err != nil { // also when the next check fails: it has been seen
		return Step{}, h.fail(err)
	}
	if !bound(h.Bound, r.Binding) {
		return Step{}, h.fail(fmt.Errorf("code: %w", ErrOtherBrowser))
	}
	s, err := a.sessions.Get(ctx, h.Session)
	if errors.Is(err, broker.ErrNotFound) || err == nil && !a.now().Before(s.Value.Expires) {
		return a.Begin(BeginRequest{Origin: r.Origin, ReturnTo: h.ReturnTo, Route: h.Route, Binding: r.Binding, Need: h.Need})
	}
	if err != nil {
		return Step{}, h.fail(fmt.Errorf("looking for the session: %w", err))
	}
	if !s.Value.proof().shows(h.Need, a.now()) { // its time has passed on the way
		return Step{}, h.fail(fmt.Errorf("%s required: %w", h.Need, ErrTooWeak))
	}
	c := a.sessionCookie(r.Origin, &s.Value)
	return Step{Redirect: h.again(), Cookies: []Cookie{c}, Settle: c.SameSite == "strict"}, nil
}
