package authn

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"picket/broker"
	"picket/node/config"
)

// SignOutRequest is a visitor who wants to leave. The caller has seen to it that no other site asks for it.
type SignOutRequest struct {
	Origin config.Origin
	Cookie string // the session cookie of Origin; "": none
}

// SignOut ends the session of a cookie, first in the store and then in the browser, and leads on to the authenticate host.
// ErrMalformed; broker.ErrUnavailable, and then nothing has changed.
func (a *Authn) SignOut(ctx context.Context, r SignOutRequest) (Step, error) {
	if !a.known(r.Origin) {
		return Step{}, fmt.Errorf("signing out at %s: %w", r.Origin, ErrMalformed)
	}
	f := farewell{Issued: a.now().Unix(), Origin: r.Origin.String()}
	if id, ok := a.cookies.open(r.Origin, r.Cookie); ok {
		f.Session = id
		e, err := a.sessions.Get(ctx, id)
		if err != nil && !errors.Is(err, broker.ErrNotFound) {
			return Step{}, fmt.Errorf("reading the session: %w", err)
		}
		f.Identity = e.Value.Identity
		if err := a.deleteSession(ctx, id); err != nil {
			return Step{}, err
		}
		a.strip(ctx, id, f.Identity)
	}
	sealed, err := seal(a.seals.farewell, f)
	if err != nil {
		return Step{}, err
	}
	return Step{Redirect: a.page("sign_out", "request", sealed), Cookies: []Cookie{noCookie(r.Origin)}}, nil
}

// strip leaves of the tokens of an ended session the ID token, for as long as the way to the provider takes: it is what
// tells the provider who leaves. The others it is to forget.
func (a *Authn) strip(ctx context.Context, id, identity string) {
	e, err := a.tokens.Get(ctx, id)
	if err == nil {
		a.forgetLater(identity, id, e.Value)
		_, err = a.tokens.Update(ctx, id, tokens{ID: e.Value.ID, Generation: e.Value.Generation}, e.Revision, signOutLife)
	}
	if err == nil || errors.Is(err, broker.ErrNotFound) {
		return
	}
	a.endTokens(ctx, id)
}

// SignOutSSORequest is a browser that SignOut sent to the authenticate host.
type SignOutSSORequest struct {
	Sealed string // the parameter "request"
	Cookie string // the session cookie of the authenticate host; "": none
}

// SignOutSSO ends the session on the authenticate host too, if it is the one that was signed out or took its place, so that
// a link with someone else's request signs nobody out; and leads to the provider's own sign-out, or to our farewell page.
// ErrMalformed, ErrExpired, broker.ErrUnavailable.
func (a *Authn) SignOutSSO(ctx context.Context, r SignOutSSORequest) (Step, error) {
	f, err := unseal[farewell](a.seals.farewell, r.Sealed)
	if err != nil {
		return Step{}, fmt.Errorf("reading the request to sign out: %w", err)
	}
	if (errand{Issued: f.Issued}).expired(a.now(), signOutLife) {
		return Step{}, fmt.Errorf("request to sign out: %w", ErrExpired)
	}
	step := Step{}
	hint := a.farewellHint(ctx, f.Session)
	if id, ok := a.cookies.open(a.sso(), r.Cookie); ok {
		e, err := a.sessions.Get(ctx, id)
		if err != nil && !errors.Is(err, broker.ErrNotFound) {
			return Step{}, fmt.Errorf("reading the session: %w", err)
		}
		gone := err != nil
		if !gone && f.Session != "" && e.Value.Replaced == f.Session {
			f.Identity, hint = e.Value.Identity, a.farewellHint(ctx, id)
			if err := a.endAndForget(ctx, id, f.Identity); err != nil {
				return Step{}, err
			}
			gone = true
		}
		if gone {
			step.Cookies = []Cookie{noCookie(a.sso())}
		}
	}
	if f.Session != "" {
		a.endTokens(ctx, f.Session)
	}
	step.Redirect, err = a.leave(ctx, f, hint)
	return step, err
}

// farewellHint is the ID token of an ended session, "" when it is not there.
func (a *Authn) farewellHint(ctx context.Context, session string) string {
	if session == "" {
		return ""
	}
	e, err := a.tokens.Get(ctx, session)
	if err != nil {
		return ""
	}
	return e.Value.ID
}

// farewellTime bounds what a sign-out waits for the provider's metadata: it has succeeded already.
const farewellTime = 3 * time.Second

// leave is where a sign-out goes in the end (OpenID Connect RP-Initiated Logout 1.0, section 2).
func (a *Authn) leave(ctx context.Context, f farewell, hint string) (string, error) {
	state, err := seal(a.seals.goodbye, f.Origin)
	if err != nil {
		return "", err
	}
	p := a.providers[f.Identity]
	if p == nil || p.identity.Logout != nil && !slices.Contains(p.identity.Logout, "rp_initiated") {
		return a.page("signed_out", "state", state), nil
	}
	ctx, cancel := context.WithTimeout(ctx, farewellTime)
	defer cancel()
	m, err := p.metadata(ctx)
	if err != nil || m.EndSession == "" {
		return a.page("signed_out", "state", state), nil
	}
	q := url.Values{
		"client_id":                {p.identity.ClientID},
		"post_logout_redirect_uri": {a.sso().String() + "/.picket/signed_out"},
		"state":                    {state},
	}
	if hint != "" {
		q.Set("id_token_hint", hint)
	}
	return withQuery(m.EndSession, q), nil
}

// SignedOut is the origin that was signed out, from the parameter "state" of our farewell page; "" when that is not ours.
func (a *Authn) SignedOut(state string) string {
	s, err := unseal[string](a.seals.goodbye, state)
	if err != nil {
		return ""
	}
	if o, ok := parseOrigin(s); !ok || !a.known(o) {
		return ""
	}
	return s
}
