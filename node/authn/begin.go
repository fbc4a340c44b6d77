package authn

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"time"

	"golang.org/x/oauth2"

	"picket/broker"
	"picket/node/config"
	"picket/policy"
)

// BeginRequest is a visit that needs a session.
type BeginRequest struct {
	Origin   config.Origin // that was visited; of a route, or the authenticate host
	ReturnTo string        // path and query on Origin where the visit ends
	Route    string        // name; "": a page of ours
	Binding  string        // value of the cookie BindingName(Origin); "": none was sent

	Need *policy.Requirement // what the session has to show in the end; nil: nothing
}

// Begin sends a browser to the authenticate host, with a sealed request that is good for this browser and a quarter of an
// hour. A return address that is too long to carry, or that leaves the origin, becomes "/".
func (a *Authn) Begin(r BeginRequest) (Step, error) {
	if !a.known(r.Origin) {
		return Step{}, fmt.Errorf("beginning at %s: %w", r.Origin, ErrMalformed)
	}
	if !localPath(r.ReturnTo) {
		r.ReturnTo = "/"
	}
	binding, set := a.bind(r.Origin, r.Binding)
	sealed, err := seal(a.seals.request, errand{
		ID:       newID(),
		Issued:   a.now().Unix(),
		Origin:   r.Origin.String(),
		Route:    r.Route,
		ReturnTo: r.ReturnTo,
		Bound:    bindingHash(binding),
		Need:     r.Need,
	})
	if err != nil {
		return Step{}, err
	}
	return Step{Redirect: a.page("sign_in", "request", sealed), Cookies: set}, nil
}

// page is the URL of a page of ours on the authenticate host, with a query of names and values.
func (a *Authn) page(name string, query ...string) string {
	v := url.Values{}
	for i := 0; i+1 < len(query); i += 2 {
		v.Set(query[i], query[i+1])
	}
	return a.sso().String() + "/.picket/" + name + "?" + v.Encode()
}

// SignInRequest is a browser that Begin sent to the authenticate host.
type SignInRequest struct {
	Sealed   string // the parameter "request"
	Cookie   string // the session cookie of the authenticate host; "": none
	Binding  string // the binding cookie of the authenticate host; "": none
	Identity string // the parameter "identity": what the visitor chose; "": nothing yet
}

// SignIn hands over the session that the browser has already, if it shows what is needed, or sends it to the identity
// provider, or lets the visitor choose among several. ErrMalformed, ErrExpired, ErrLocked, ErrProvider, broker.ErrUnavailable.
func (a *Authn) SignIn(ctx context.Context, r SignInRequest) (Step, error) {
	e, err := unseal[errand](a.seals.request, r.Sealed)
	if err != nil {
		return Step{}, fmt.Errorf("reading the request to sign in: %w", err)
	}
	route, err := a.destination(e)
	if err != nil {
		return Step{}, err
	}
	if e.expired(a.now(), signInLife) {
		return Step{}, e.fail(fmt.Errorf("request to sign in: %w", ErrExpired))
	}
	c, answer := a.signedIn(ctx, r.Cookie, route)
	switch {
	case answer == Locked:
		return Step{}, e.fail(c.Lock.Err())
	case answer == Unknown:
		return Step{}, e.fail(fmt.Errorf("looking for a session: %w", broker.ErrUnavailable))
	case answer == Found && (r.Identity == "" || r.Identity == c.Session.Identity):
		if c.Session.proof().shows(e.Need, a.now()) {
			return a.handOver(e, c.Session.ID)
		}
		return a.toProvider(ctx, e, c.Session.Identity, r.Binding, true)
	}
	names := a.identities(route)
	switch {
	case r.Identity != "":
		if !slices.Contains(names, r.Identity) {
			return Step{}, e.fail(fmt.Errorf("identity %.64q: %w", r.Identity, ErrMalformed))
		}
		return a.toProvider(ctx, e, r.Identity, r.Binding, false)
	case len(names) == 1:
		return a.toProvider(ctx, e, names[0], r.Binding, false)
	}
	step := Step{}
	for _, name := range names {
		step.Choose = append(step.Choose, Choice{Name: name, URL: a.page("sign_in", "request", r.Sealed, "identity", name)})
	}
	return step, nil
}

// destination is the route that an errand is for (nil: a page of ours), as it is configured now.
func (a *Authn) destination(e errand) (*config.Route, error) {
	o, ok := parseOrigin(e.Origin)
	if !ok || !a.known(o) || !localPath(e.ReturnTo) {
		return nil, fmt.Errorf("sign-in for %.128q: %w", e.Origin, ErrMalformed)
	}
	if e.Route == "" {
		return nil, nil
	}
	route := a.route(e.Route)
	if route == nil || !matches(route.From, o) {
		return nil, e.fail(fmt.Errorf("sign-in for route %.128q: %w", e.Route, ErrMalformed))
	}
	return route, nil
}

// askStore is how often the store is asked anew whose session it is, by a sign-in that waits out an election.
const askStore = 100 * time.Millisecond

// signedIn tells who the browser is on the authenticate host, by the limits of the route that it wants to go to. While that
// cannot be told, it waits.
func (a *Authn) signedIn(ctx context.Context, cookie string, route *config.Route) (Caller, Answer) {
	id, ok := a.cookies.open(a.sso(), cookie)
	if !ok {
		return Caller{}, Absent
	}
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	tick := time.NewTicker(askStore)
	defer tick.Stop()
	for {
		c, answer := a.caller(ctx, id, nil, route, a.now())
		if answer != Unknown {
			return c, answer
		}
		select {
		case <-ctx.Done():
			return c, answer
		case <-tick.C:
		}
	}
}

// identities are the names of those that may vouch on a route (nil: any).
func (a *Authn) identities(r *config.Route) []string {
	if r == nil || len(r.Identities) == 0 {
		return a.names
	}
	return r.Identities
}

// toProvider sends the browser to an identity provider: code flow with PKCE, nonce, and state that only this browser can
// bring back. anew asks for signing in again whoever is signed in there.
func (a *Authn) toProvider(ctx context.Context, e errand, identity, sent string, anew bool) (Step, error) {
	p := a.providers[identity]
	if p == nil {
		return Step{}, e.fail(fmt.Errorf("identity %.64q: %w", identity, ErrMalformed))
	}
	if l := a.locks.known().device(deviceOf(sent), a.now()); l != nil {
		return Step{}, e.fail(l.Err())
	}
	m, err := p.metadata(ctx)
	if err != nil {
		return Step{}, e.fail(err)
	}
	binding, set := a.bind(a.sso(), sent)
	s := stay{
		errand:   e,
		Identity: identity,
		Nonce:    newID(),
		Verifier: oauth2.GenerateVerifier(),
		BoundSSO: bindingHash(binding),
	}
	s.ID, s.Issued = newID(), a.now().Unix()
	state, err := seal(a.seals.state, s)
	if err != nil {
		return Step{}, err
	}
	return Step{Redirect: p.authorization(m, state, s.Nonce, s.Verifier, askFor(e.Need, anew)...), Cookies: set}, nil
}
