package console

import (
	"net/http"
	"net/url"
	"time"

	"picket/node/authn"
	"picket/node/authz"
)

// maxForm bounds what is read of a form, in bytes.
const maxForm = 32 << 10

// program leads a person whose program wants a session: from the route host to the sign-in host, where they are asked, and
// on from there when they allow it.
func (c *Console) program(w http.ResponseWriter, r *http.Request, at site) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	switch {
	case err != nil:
		c.fail(w, r, authn.ErrMalformed)
	case at.signsIn && r.Method == http.MethodPost:
		c.allowProgram(w, r, at)
	case at.signsIn && q.Has("request"):
		c.askProgram(w, r, at, q)
	case r.Method == http.MethodPost || !at.forwards:
		c.fail(w, r, authn.ErrMalformed)
	default:
		c.beginProgram(w, r, at, q)
	}
}

// beginProgram takes what the program asks for.
func (c *Console) beginProgram(w http.ResponseWriter, r *http.Request, at site, q url.Values) {
	need, err := authn.NeedFrom(q)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	step, err := c.authn.BeginProgram(authn.ProgramRequest{
		Origin: at.origin, Route: c.route(r.Host, "/"), Need: need,
		Return: single(q, "return"), Challenge: single(q, "challenge"), State: single(q, "state"),
	})
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.follow(w, r, step)
}

// askProgram asks the person.
func (c *Console) askProgram(w http.ResponseWriter, r *http.Request, at site, q url.Values) {
	sealed := single(q, "request")
	question, err := c.authn.AskProgram(sealed)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	var choices []authn.Choice
	for _, name := range question.Identities {
		choices = append(choices, authn.Choice{Name: name})
	}
	w.Header().Set("Referrer-Policy", "same-origin") // else the form is sent with "Origin: null"
	c.page(w, r, http.StatusOK, "program", struct {
		authn.Question
		Request, User string
		Choices       []choice
	}{question, sealed, c.name(r, at), c.choices(choices)})
}

// allowProgram goes on with a person who said yes. That takes the button of our page: no other site, and no application,
// can say yes for them.
func (c *Console) allowProgram(w http.ResponseWriter, r *http.Request, at site) {
	if err := c.cross.Check(r); err != nil {
		c.note(r, err).Msg("a form of another site was refused")
		c.Refuse(w, r, authz.Refusal{
			Status: http.StatusForbidden, Code: "other_site", Title: "That came from another site",
			Detail: "A page of another site tried to let a program act as you. Nothing was done.",
			Next:   "Start the program again, and use the button of the page that it opens.",
		})
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		c.fail(w, r, authn.ErrMalformed)
		return
	}
	step, err := c.authn.AllowProgram(r.Context(), authn.AllowProgramRequest{
		Sealed:   single(r.PostForm, "request"),
		Identity: single(r.PostForm, "identity"),
		Binding:  cookie(r, authn.BindingName(at.origin)),
	})
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.goOn(w, r, step, onward{"Signing in", "Next, the identity provider says who you are."}) // see endSession
}

// tokenJSON is what a program is given.
type tokenJSON struct {
	Token   string    `json:"token"`
	Session string    `json:"session"`
	Expires time.Time `json:"expires"`
}

// programToken gives a program its bearer for the code that it was handed.
func (c *Console) programToken(w http.ResponseWriter, r *http.Request, at site) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		c.fail(w, r, authn.ErrMalformed)
		return
	}
	made, err := c.authn.RedeemProgram(r.Context(), authn.RedeemProgramRequest{
		Origin: at.origin, Code: single(r.PostForm, "code"), Verifier: single(r.PostForm, "verifier"),
	})
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.json(w, r, http.StatusOK, tokenJSON{Token: made.Token, Session: made.Session, Expires: made.Expires.UTC()})
}
