package console

import (
	"errors"
	"net/http"
	"time"

	"github.com/rs/zerolog"

	"picket/broker"
	"picket/node/authn"
	"picket/node/authz"
)

// fail answers with what a visitor may know of err, and logs the rest. This file is the only place that chooses.
func (c *Console) fail(w http.ResponseWriter, r *http.Request, err error) {
	f, level := problem(err)
	if r.URL.Path == signOutPath {
		f = leaving(f)
	}
	c.log.WithLevel(level).Err(err).Str("request_id", requestID(r)).Str("host", r.Host).Str("path", r.URL.Path).
		Str("code", f.Code).Msg("a step of signing in or out failed")
	if !canRepeat(r, f) && f.Code != "locked" {
		f.LoginURL = c.again(r, err)
	}
	c.Refuse(w, r, f)
}

// again is where what failed can be begun once more. The sealed request of a sign-in knows best.
func (c *Console) again(r *http.Request, err error) string {
	if url := authn.Again(err); url != "" {
		return url
	}
	at, _ := c.site(r.Host)
	if r.URL.Path == signOutPath {
		return at.origin.String() + signOutPath
	}
	return at.origin.String() + signInPath
}

// note begins a line about a request that was refused for what it is.
func (c *Console) note(r *http.Request, err error) *zerolog.Event {
	return c.log.Info().Err(err).Str("request_id", requestID(r)).Str("host", r.Host).Str("path", r.URL.Path)
}

// startAgain is what helps after most problems: a sign-in is made of parts that serve once.
const startAgain = "Open the page that you wanted to see once more: that begins a new sign-in."

// problem is the refusal for an error of authn or broker, and how loud it is. Visitors' mistakes are no warnings: anyone
// can make them at will.
func problem(err error) (authz.Refusal, zerolog.Level) {
	switch {
	case errors.Is(err, authn.ErrExpired):
		return authz.Refusal{
			Status: http.StatusBadRequest, Code: "sign_in_expired", Title: "This sign-in took too long",
			Detail: "A sign-in has to be finished within a few minutes of its beginning, and this one was not.",
			Next:   startAgain,
		}, zerolog.InfoLevel
	case errors.Is(err, authn.ErrReplayed):
		return authz.Refusal{
			Status: http.StatusBadRequest, Code: "sign_in_used", Title: "This sign-in is already done",
			Detail: "The address that you opened works once, and it has been used. Reloading it, or going back to it, does nothing.",
			Next:   startAgain,
		}, zerolog.InfoLevel
	case errors.Is(err, authn.ErrOtherBrowser):
		return authz.Refusal{
			Status: http.StatusBadRequest, Code: "other_browser", Title: "This sign-in began in another browser",
			Detail: "A sign-in ends in the browser in which it began, and this browser does not have its cookie. If somebody sent you this address, do not go on.",
			Next:   "Allow cookies for this site if you block them. " + startAgain,
		}, zerolog.InfoLevel
	case errors.Is(err, authn.ErrRefusedByProvider):
		return authz.Refusal{
			Status: http.StatusForbidden, Code: "provider_refused", Title: "The identity provider did not sign you in",
			Detail: "It was asked who you are, and answered that you may not sign in here, or that the sign-in was cancelled.",
			Next:   "Try again with another account, or ask whoever manages your account.",
		}, zerolog.InfoLevel
	case errors.Is(err, authn.ErrTooWeak):
		return authz.Refusal{
			Status: http.StatusForbidden, Code: "step_up_failed", Title: "This sign-in does not show enough",
			Detail: "The page that you want asks for a sign-in that is recent or strong, such as with a second factor. The identity provider signed you in, but did not vouch for that.",
			Next:   "Start again and sign in in the way that your organisation asks for. If it does not help, ask whoever manages your account.",
		}, zerolog.InfoLevel
	case errors.Is(err, authn.ErrInactive):
		return authz.Refusal{
			Status: http.StatusForbidden, Code: "inactive", Title: "Your account is not active here",
			Detail: "The identity provider knows you, but your account has been made inactive on this side.",
			Next:   "Ask whoever manages your account.",
		}, zerolog.InfoLevel
	case errors.Is(err, authn.ErrLocked):
		return authz.LockedOut(), zerolog.InfoLevel
	case errors.Is(err, authn.ErrAnswer), errors.Is(err, authn.ErrClocks):
		return authz.Refusal{
			Status: http.StatusBadGateway, Code: "sign_in_failed", Title: "Signing in did not work",
			Detail:     "The identity provider answered, but its answer could not be accepted here. This is not your mistake.",
			Next:       "Try again in a moment. If this goes on, tell whoever runs this site, with the request number below.",
			RetryAfter: 10 * time.Second,
		}, zerolog.ErrorLevel
	case errors.Is(err, authn.ErrProvider):
		return authz.Refusal{
			Status: http.StatusBadGateway, Code: "provider_unavailable", Title: "The identity provider does not answer",
			Detail:     "Nobody can sign in while it is away. Those who are signed in already are not affected.",
			Next:       "Try again in a moment. If this goes on, tell whoever runs this site, with the request number below.",
			RetryAfter: 10 * time.Second,
		}, zerolog.WarnLevel
	case errors.Is(err, broker.ErrUnavailable):
		return unknown(authn.StoreSilent), zerolog.WarnLevel
	case errors.Is(err, authn.ErrMalformed):
		return authz.Refusal{
			Status: http.StatusBadRequest, Code: "malformed", Title: "This address is not complete",
			Detail: "It is one of the steps of signing in or out, and it was cut short, altered, or opened by itself.",
			Next:   startAgain,
		}, zerolog.InfoLevel
	}
	return authz.Refusal{
		Status: http.StatusInternalServerError, Code: "internal", Title: "Something went wrong here",
		Detail: "This is our mistake, not yours.",
		Next:   "Try again. If it goes on, tell whoever runs this site, with the request number below.",
	}, zerolog.ErrorLevel
}

// unknown is for when we cannot tell who somebody is: neither yes nor no, and nobody is signed out by it.
func unknown(d authn.Doubt) authz.Refusal {
	if d == authn.ProviderSilent {
		return authz.Refusal{
			Status: http.StatusServiceUnavailable, Code: "provider_unavailable", Title: "The identity provider does not answer at the moment",
			Detail:     "It has to confirm from time to time who you are, and just now it does not. You have not been signed out.",
			Next:       "Try again in a moment.",
			RetryAfter: 10 * time.Second,
		}
	}
	return authz.Refusal{
		Status: http.StatusServiceUnavailable, Code: "unavailable", Title: "We cannot tell just now",
		Detail:     "The store that knows who is signed in does not answer. You have not been signed out.",
		Next:       "Try again in a moment.",
		RetryAfter: 5 * time.Second,
	}
}

// unauthenticated is for a program that asks who it is and is nobody.
func unauthenticated(at site) authz.Refusal {
	return authz.Refusal{
		Status: http.StatusUnauthorized, Code: "unauthenticated", Title: "You are not signed in",
		Next:     "Open login_url in a browser.",
		LoginURL: at.origin.String() + signInPath,
	}
}

// leaving is f, in the words for somebody who signs out.
func leaving(f authz.Refusal) authz.Refusal {
	if f.Code == "sign_in_expired" {
		f.Code, f.Title = "sign_out_expired", "This sign-out took too long"
		f.Detail = "You are signed out where you began, but perhaps not everywhere."
		f.Next = "Start again to sign out everywhere."
	}
	return f
}
