package proxy

import (
	"cmp"
	"net/http"
	"strings"
	"time"

	"picket/node/authn"
	"picket/node/authz"
	"picket/node/proxy/http1"
	"picket/policy"
)

// What a visitor is told when a request is not carried. All of it is chosen here; what else is known goes to the log.

// retryAfter is when to ask again after the store, or an application, could not be reached.
const retryAfter = 2 * time.Second

func malformed(why string) *authz.Refusal {
	return &authz.Refusal{
		Status: http.StatusBadRequest, Code: "malformed", Title: "This request cannot be read safely",
		Detail: "It was not passed on, because " + why + ".",
		Next:   "Check the address. If a program sent it, mend the program.",
	}
}

// unexpected is for an Expect that is not 100-continue: some servers read another into it, and wait for no body, or for one.
func unexpected() *authz.Refusal {
	f := malformed("it expects something that is not 100-continue")
	f.Status = http.StatusExpectationFailed
	return f
}

// unreadable is for a request whose body turned out malformed while it was carried.
func unreadable(m *http1.Malformed) *authz.Refusal {
	if m.Status == http.StatusRequestEntityTooLarge {
		return tooLarge("")
	}
	f := malformed(m.Reason)
	f.Status = m.Status
	return f
}

// tooLarge is for a body that is longer than the route allows.
func tooLarge(route string) *authz.Refusal {
	return &authz.Refusal{
		Status: http.StatusRequestEntityTooLarge, Code: "too_large", Title: "This request is too large", Route: route,
		Detail: "Its body is longer than the route of this address allows. It was not passed on.",
		Next:   "Send less, or ask whoever runs this proxy to allow more.",
	}
}

func tooManyFields() *authz.Refusal {
	return &authz.Refusal{
		Status: http.StatusRequestHeaderFieldsTooLarge, Code: "too_many_headers", Title: "This request has too many headers",
		Detail: "It was not passed on.",
		Next:   "Delete the cookies of this site, and try again.",
	}
}

func wrongMethod(method string) *authz.Refusal {
	return &authz.Refusal{
		Status: http.StatusMethodNotAllowed, Code: "wrong_method", Title: "That cannot be done here",
		Detail: method + " is not passed on by this proxy.",
		Next:   "Use another method.", Allow: "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
	}
}

// notByMethod is for a path that routes take with other methods.
func notByMethod(methods []string) *authz.Refusal {
	return &authz.Refusal{
		Status: http.StatusMethodNotAllowed, Code: "wrong_method", Title: "That cannot be done here",
		Detail: "Something is served at this address, by other methods.",
		Next:   "Use another method.", Allow: strings.Join(methods, ", "),
	}
}

func misdirected() *authz.Refusal {
	return &authz.Refusal{
		Status: http.StatusMisdirectedRequest, Code: "misdirected", Title: "This connection is for another host",
		Detail: "The TLS connection was made for one host, and the request is for another.",
		Next:   "Open a new connection.",
	}
}

func closing() *authz.Refusal {
	return &authz.Refusal{
		Status: http.StatusServiceUnavailable, Code: "closing", Title: "This address is being closed",
		Detail: "The proxy no longer answers here.",
		Next:   "Open a new connection.", RetryAfter: retryAfter,
	}
}

// closedUpon is for a request that was under way when all the time for that was over.
func closedUpon(route string) *authz.Refusal {
	f := closing()
	f.Route, f.Detail = route, "The proxy stopped before the application had answered, which may have done what it was asked to."
	return f
}

func unknownHost() *authz.Refusal {
	return &authz.Refusal{
		Status: http.StatusNotFound, Code: "unknown_host", Title: "Nothing is served under this name",
		Detail: "The request reached this proxy under a host name that none of its routes has.",
		Next:   "Check the address.",
	}
}

func noRoute() *authz.Refusal {
	return &authz.Refusal{
		Status: http.StatusNotFound, Code: "no_route", Title: "Nothing is served at this address",
		Detail: "No route of this host leads to the path.",
		Next:   "Check the address, or go to /.picket/ to see who you are signed in as.",
	}
}

func noTunnel() *authz.Refusal {
	return &authz.Refusal{
		Status: http.StatusNotFound, Code: "no_route", Title: "Nothing is served at this port",
		Detail: "TCP is carried for this host, but not for the port that was asked for.",
		Next:   "Check the port.",
	}
}

func noSocket(route string) *authz.Refusal {
	return &authz.Refusal{
		Status: http.StatusForbidden, Code: "websocket_off", Title: "No WebSocket is carried here", Route: route,
		Detail: "The route of this address does not allow WebSockets.",
		Next:   "If the application needs one, ask whoever runs this proxy to set websocket = true on the route.",
	}
}

func foreignOrigin(route string) *authz.Refusal {
	return &authz.Refusal{
		Status: http.StatusForbidden, Code: "foreign_origin", Title: "A WebSocket from another site is not carried", Route: route,
		Detail: "The page that opens it is of another origin than this host.",
		Next:   "Open it from a page of this host.",
	}
}

// unauthenticated is for whoever is nobody, and does not follow a redirect to sign in.
func unauthenticated(a *ask) *authz.Refusal {
	return &authz.Refusal{
		Status: http.StatusUnauthorized, Code: "unauthenticated", Title: "You are not signed in",
		Detail: "This address is for people who are signed in.",
		Next:   "Sign in, then ask again with the cookie that you were given.",
		Route:  a.routeName(), LoginURL: a.origin.String() + "/.picket/sign_in",
	}
}

// unavailable is for when it cannot be told who is asking: nobody is let in, and nobody is signed out.
func unavailable(route string) *authz.Refusal {
	return &authz.Refusal{
		Status: http.StatusServiceUnavailable, Code: "unavailable", Title: "We cannot tell who you are at the moment",
		Detail: "Sessions cannot be looked up just now. You are still signed in.",
		Next:   "Try again in a few seconds.", Route: route, RetryAfter: retryAfter,
	}
}

// providerRetry is when to ask again while an identity provider is away: it is left alone for about as long.
const providerRetry = 10 * time.Second

// undecided is for a request that asked who is asking and was not told, by what did not tell.
func undecided(a *ask) *authz.Refusal {
	if a.caller.Doubt != authn.ProviderSilent {
		return unavailable(a.route.Name)
	}
	return &authz.Refusal{
		Status: http.StatusServiceUnavailable, Code: "provider_unavailable", Title: "The identity provider does not answer at the moment",
		Detail: "It has to confirm from time to time who you are, and just now it does not. You are still signed in.",
		Next:   "Try again in a moment.", Route: a.route.Name, RetryAfter: providerRetry,
	}
}

// refused is what became of a decision that does not allow; nil for one that does.
func refused(a *ask) *authz.Refusal {
	switch a.decision.Outcome {
	case policy.Allow:
		return nil
	case policy.StepUp:
		return stepUp(a)
	}
	return denied(a)
}

// stepUp is for whoever may, once they have signed in again: browsers that go to a page are sent there, others are told.
func stepUp(a *ask) *authz.Refusal {
	in := &a.in
	q := authn.NeedQuery(a.decision.Need)
	if in.Request.Method == http.MethodGet {
		q.Set("return", a.address())
	}
	return &authz.Refusal{
		Status: http.StatusUnauthorized, Code: "step_up", Title: "Sign in again to open this",
		Detail: "You may open it, with a sign-in that is more recent, or stronger, than yours.",
		Next:   "Sign in again, then ask again with the cookie that you were given.",
		Route:  a.routeName(), User: cmp.Or(in.User.Email, in.User.Name, in.User.ID),
		LoginURL:  a.origin.String() + "/.picket/sign_in?" + q.Encode(),
		Challenge: authn.Challenge("picket", a.decision.Need),
	}
}

// denied is for whoever is known and may not.
func denied(a *ask) *authz.Refusal {
	in, d := &a.in, &a.decision
	return &authz.Refusal{
		Status: http.StatusForbidden, Code: "denied", Title: "You may not open this",
		Detail: cmp.Or(d.Message, "No rule lets you in."), Route: a.routeName(), Rule: d.Rule,
		User: cmp.Or(in.User.Email, in.User.Name, in.User.ID),
		Next: "If you should have access, ask whoever runs this application, and name the request id. Or sign in as somebody else.",
	}
}

func badGateway(route string) *authz.Refusal {
	return &authz.Refusal{
		Status: http.StatusBadGateway, Code: "upstream_down", Title: "The application does not answer", Route: route,
		Detail: "You may open it, but no connection to it could be made, or it broke off.",
		Next:   "Try again in a moment. If it lasts, tell whoever runs the application.",
	}
}

// crowded is for a route whose applications have as many requests under way as it allows.
func crowded(route string) *authz.Refusal {
	return &authz.Refusal{
		Status: http.StatusServiceUnavailable, Code: "upstream_full", Title: "Too much is asked of the application at the moment", Route: route,
		Detail: "You may open it, but it has as many requests under way as it is to have.",
		Next:   "Try again in a moment.", RetryAfter: retryAfter,
	}
}

// nameless is for somebody whom Kubernetes cannot be told of.
func nameless(route string) *authz.Refusal {
	return &authz.Refusal{
		Status: http.StatusForbidden, Code: "no_email", Title: "Kubernetes cannot be told who you are", Route: route,
		Detail: "You are to act there under your email address, and the identity provider gave none that can be used.",
		Next:   "Ask whoever runs the identity provider to give your account an email address.",
	}
}

// slowBody is for a client that takes too long to send what it announced.
func slowBody(route string) *authz.Refusal {
	return &authz.Refusal{
		Status: http.StatusRequestTimeout, Code: "slow_body", Title: "The request took too long to arrive", Route: route,
		Detail: "What was being sent came more slowly than is waited for.",
		Next:   "Try again, perhaps on a better connection.",
	}
}

func gatewayTimeout(route string) *authz.Refusal {
	return &authz.Refusal{
		Status: http.StatusGatewayTimeout, Code: "upstream_slow", Title: "The application takes too long", Route: route,
		Detail: "It was asked, and did not answer in the time that its route allows.",
		Next:   "Try again in a moment. If it lasts, tell whoever runs the application.",
	}
}
