package console

import (
	"net/http"
	"net/url"

	"picket/node/authn"
	"picket/node/authz"
)

// signOut asks first and acts on POST. At the sign-in host the sealed request of a route host acts at once: whoever
// made it has asked already.
func (c *Console) signOut(w http.ResponseWriter, r *http.Request, at site) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	switch {
	case err != nil:
		c.fail(w, r, authn.ErrMalformed)
	case at.signsIn && q.Has("request"):
		c.endSignOn(w, r, at, q)
	case r.Method == http.MethodPost:
		c.endSession(w, r, at)
	default:
		c.askSignOut(w, r, at)
	}
}

func (c *Console) askSignOut(w http.ResponseWriter, r *http.Request, at site) {
	w.Header().Set("Referrer-Policy", "same-origin") // else the form is sent with "Origin: null"
	c.page(w, r, http.StatusOK, "sign_out", struct{ User string }{c.name(r, at)})
}

// endSession ends the session that the cookie names, everywhere, then goes on to the sign-in host.
func (c *Console) endSession(w http.ResponseWriter, r *http.Request, at site) {
	if err := c.cross.Check(r); err != nil {
		c.note(r, err).Msg("a form of another site was refused")
		c.Refuse(w, r, otherSite())
		return
	}
	step, err := c.authn.SignOut(r.Context(), authn.SignOutRequest{
		Origin: at.origin,
		Cookie: cookie(r, authn.CookieName(at.origin)),
	})
	if err != nil {
		c.fail(w, r, err)
		return
	}
	if reader(r) != person {
		c.follow(w, r, step)
		return
	}
	// An address that a form's redirects lead to would have to be in form-action, and nobody knows all addresses of a
	// provider. A page of ours that goes on is no redirect.
	c.goOn(w, r, step, onward{"Signing out", "Your session here has ended. Next, the identity provider is told."})
}

// endSignOn ends the session of the sign-in host too, and goes on to the provider.
func (c *Console) endSignOn(w http.ResponseWriter, r *http.Request, at site, q url.Values) {
	step, err := c.authn.SignOutSSO(r.Context(), authn.SignOutSSORequest{
		Sealed: single(q, "request"),
		Cookie: cookie(r, authn.CookieName(at.origin)),
	})
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.follow(w, r, step)
}

// signedOut says that it is done, and leads back to where the visitor came from.
func (c *Console) signedOut(w http.ResponseWriter, r *http.Request, _ site) {
	origin := c.authn.SignedOut(r.URL.Query().Get("state"))
	if origin != "" {
		origin += "/"
	}
	c.page(w, r, http.StatusOK, "signed_out", struct{ Back string }{origin})
}

func otherSite() authz.Refusal {
	return authz.Refusal{
		Status: http.StatusForbidden, Code: "other_site", Title: "That came from another site",
		Detail: "A page of another site tried to sign you out. Nothing was done.",
		Next:   "To sign out, go to /.picket/ and use the button there.",
	}
}
