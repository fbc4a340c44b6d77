package console

import (
	"net/http"
	"time"

	"picket/node/authn"
	"picket/node/authz"
)

// userBody is what the user's page shows.
type userBody struct {
	SignedIn       bool
	User           *authn.User
	Session        *authn.Session
	Groups         []string
	Begun, Expires stamp
}

// Shown is the best name that we know.
func (b userBody) Shown() string { return bestName(b.User) }

// userDocument is what a program is told of the visitor.
type userDocument struct {
	User    userJSON    `json:"user"`
	Session sessionJSON `json:"session"`
}

type userJSON struct {
	ID            string   `json:"id"`
	Email         string   `json:"email,omitempty"`
	EmailVerified bool     `json:"email_verified"`
	Name          string   `json:"name,omitempty"`
	Groups        []string `json:"groups"` // a list even when empty
	Identity      string   `json:"identity"`
}

type sessionJSON struct {
	ID      string    `json:"id"`
	Begun   time.Time `json:"begun"`
	Expires time.Time `json:"expires"`
}

// identify asks who r is from: by a program's bearer where there is one of ours, else by the cookie.
func (c *Console) identify(r *http.Request, at site) (authn.Caller, authn.Answer) {
	if token := authn.SoleBearer(r.Header["Authorization"]); token != "" {
		return c.authn.IdentifyProgram(r.Context(), at.origin, token, nil)
	}
	return c.authn.Identify(r.Context(), at.origin, cookie(r, authn.CookieName(at.origin)), nil)
}

// name is who the visitor is signed in as, as well as we know: "" for nobody and for unknown.
func (c *Console) name(r *http.Request, at site) string {
	caller, answer := c.identify(r, at)
	if answer != authn.Found {
		return ""
	}
	return bestName(caller.User)
}

func bestName(u *authn.User) string {
	switch {
	case u.Name != "":
		return u.Name
	case u.Email != "":
		return u.Email
	}
	return u.ID
}

func (c *Console) userPage(w http.ResponseWriter, r *http.Request, at site) {
	caller, answer := c.identify(r, at)
	body := userBody{}
	switch answer {
	case authn.Found:
		body = c.userBody(caller)
	case authn.Locked:
		c.fail(w, r, caller.Lock.Err())
		return
	case authn.Unknown:
		c.Refuse(w, r, unknown(caller.Doubt))
		return
	}
	w.Header().Set("Referrer-Policy", "same-origin") // else the form is sent with "Origin: null"
	c.page(w, r, http.StatusOK, "user", body)
}

func (c *Console) userBody(caller authn.Caller) userBody {
	return userBody{
		SignedIn: true, User: caller.User, Session: caller.Session, Groups: caller.Groups.Names,
		Begun: newStamp(caller.Session.Begun, c.now()), Expires: newStamp(caller.Session.Expires, c.now()),
	}
}

func (c *Console) userJSON(w http.ResponseWriter, r *http.Request, at site) {
	caller, answer := c.identify(r, at)
	switch answer {
	case authn.Found:
		c.json(w, r, http.StatusOK, document(caller))
	case authn.Absent:
		c.refuse(w, r, unauthenticated(at), program)
	case authn.Locked:
		c.note(r, caller.Lock.Err()).Msg("somebody who is locked out asked who they are")
		c.refuse(w, r, authz.LockedOut(), program)
	default:
		c.refuse(w, r, unknown(caller.Doubt), program)
	}
}

func document(caller authn.Caller) userDocument {
	u, s := caller.User, caller.Session
	return userDocument{
		User: userJSON{
			ID: u.ID, Email: u.Email, EmailVerified: u.EmailVerified, Name: u.Name,
			Groups: append([]string{}, caller.Groups.Names...), Identity: s.Identity,
		},
		Session: sessionJSON{ID: s.ID, Begun: s.Begun.UTC(), Expires: s.Expires.UTC()},
	}
}
