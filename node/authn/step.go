package authn

import (
	"errors"
	"time"
)

// What can go wrong on the way to a session; wrapped, told apart by errors.Is. Besides them every method that reads or
// writes state may return broker.ErrUnavailable.
var (
	ErrMalformed         = errors.New("malformed request")                 // missing, doubled, altered, or not of this cluster
	ErrExpired           = errors.New("the sign-in took too long")         // it was ours, and is too old
	ErrReplayed          = errors.New("used already")                      // it was ours, and was spent
	ErrOtherBrowser      = errors.New("another browser began the sign-in") // its binding cookie is not the one that began
	ErrProvider          = errors.New("identity provider failed")          // unreachable, or its answer cannot be trusted
	ErrAnswer            = errors.New("its answer is not acceptable")      // the provider answered; ErrProvider as well
	ErrClocks            = errors.New("the clocks disagree")               // a provider's token is of another time; ErrProvider as well
	ErrRefusedByProvider = errors.New("identity provider refused")         // it said so: access_denied and its like
	ErrTooWeak           = errors.New("the sign-in does not show enough")  // a policy requires more than the provider vouched for
	ErrInactive          = errors.New("the account is not active")         // made inactive here, whatever the provider says
)

// Step is what a browser is to do next. Cookies are set in any case; then either Redirect or Choose is given.
type Step struct {
	Redirect string   // absolute URL
	Cookies  []Cookie // to set or, when they have expired, to remove
	Choose   []Choice // which identity provider: several are possible

	// Settle: send a page of ours that goes on to Redirect, not a redirect. A SameSite=Strict cookie that was set while
	// the browser came from another site is withheld from redirects, and the visitor would sign in for ever.
	Settle bool
}

// Choice is one identity provider that the visitor may choose.
type Choice struct {
	Name string // of the identity block
	URL  string // absolute; leads on with this identity
}

// Cookie is a cookie to set. It is always HttpOnly with Path=/ and without Domain.
type Cookie struct {
	Name     string
	Value    string
	Expires  time.Time // zero: when the browser closes; past: remove it
	Secure   bool
	SameSite string // "lax", "strict", "none"
}

// againError is an error of a sign-in that may be begun again.
type againError struct {
	error
	again string
}

func (e againError) Unwrap() error { return e.error }

// Again is the absolute URL where the sign-in that failed with err may be begun again, "" when that is not known. The
// URL was sealed by us.
func Again(err error) string {
	var a againError
	if errors.As(err, &a) {
		return a.again
	}
	return ""
}
