package authz

import (
	"net/http"
	"time"
)

// Refusal is what a visitor is told when a request is not carried. It holds nothing that the visitor may not see;
// what we know beyond it goes to the log.
type Refusal struct {
	Status     int           // HTTP status
	Code       string        // stable word for programs: "denied", "unauthenticated", "unavailable", ...
	Title      string        // a few words: "You may not open this"
	Detail     string        // one or two sentences: what it means
	Next       string        // what to do next
	Route      string        // name of the route; "" when none was found
	User       string        // who the visitor is signed in as; "": nobody
	Rule       string        // the rule that refused; "": none did
	RequestID  string        // also in the log
	LoginURL   string        // where to sign in; "": not the matter
	Challenge  string        // of a 401: what WWW-Authenticate says; "": that somebody has to sign in
	Allow      string        // of a 405: the methods that there are (RFC 9110, section 10.2.1)
	RetryAfter time.Duration // zero: no Retry-After

	RateLimit, RateLimitPolicy string // of a 429: what the headers of these names say
}

// LockedOut is for whoever an operator has locked out, or comes from where one has. Why is for the log: it is said neither
// what is locked nor the reason.
func LockedOut() Refusal {
	return Refusal{
		Status: http.StatusForbidden, Code: "locked", Title: "Access is locked",
		Detail: "Whoever runs this site has locked it for you, for your browser, or for the network that you are in.",
		Next:   "Ask whoever runs this site, and name the request id. You can still sign out, at /.picket/sign_out.",
	}
}
