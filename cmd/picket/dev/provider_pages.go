package dev

import (
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

//go:embed provider.html
var providerHTML string

// pages are what people see of the provider.
type pages struct{ page *template.Template }

// view is what the page shows.
type view struct {
	Title   string
	Text    string
	Request string   // to be answered by a pick; "": none
	People  []Person // to pick from
	Client  string   // who asks
	Current string   // who is signed in in this browser; "": nobody
}

func newPages() (*pages, error) {
	page, err := template.New("provider").Parse(providerHTML)
	if err != nil {
		return nil, fmt.Errorf("reading the provider's page: %w", err)
	}
	return &pages{page: page}, nil
}

// show writes a page. There is no form-action in the policy: browsers apply it to the redirect that follows, too.
func (g *pages) show(w http.ResponseWriter, status int, v view) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'")
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(status)
	_ = g.page.Execute(w, v) // the browser went away
}

// home says who is signed in here, and offers to end it.
func (p *Provider) home(w http.ResponseWriter, r *http.Request) {
	v := view{Title: "A provider for trying things out", Text: "Nobody is signed in here, in this browser."}
	if who, ok := p.store.signedIn(browserOf(r.Context())); ok {
		v.Current = who.person
		v.Text = who.person + " is signed in here, in this browser."
	}
	p.pages.show(w, http.StatusOK, v)
}

// login offers the people, unless somebody is signed in already and the client does not mind.
func (p *Provider) login(w http.ResponseWriter, r *http.Request) {
	id := r.URL.Query().Get("request")
	request, err := p.store.AuthRequestByID(r.Context(), id)
	if err != nil {
		p.lost(w, err)
		return
	}
	if request.Done() {
		p.carryOn(w, r, id)
		return
	}
	v := view{Title: "Who are you?", Text: "Pick somebody. There are no passwords here.",
		Request: id, People: p.options.People, Client: request.GetClientID()}
	if who, ok := p.store.signedIn(browserOf(r.Context())); ok {
		v.Current = who.person
	}
	p.pages.show(w, http.StatusOK, v)
}

// pick signs in the person who was picked, or tells the client that nobody was.
func (p *Provider) pick(w http.ResponseWriter, r *http.Request) {
	id := r.PostFormValue("request")
	if r.PostFormValue("cancel") != "" {
		p.cancel(w, r, id)
		return
	}
	if err := p.store.pick(r.Context(), id, r.PostFormValue("person")); err != nil {
		p.lost(w, err)
		return
	}
	p.carryOn(w, r, id)
}

func (p *Provider) cancel(w http.ResponseWriter, r *http.Request, id string) {
	request, err := p.store.AuthRequestByID(r.Context(), id)
	if err != nil {
		p.lost(w, err)
		return
	}
	op.AuthRequestError(w, r, request, oidc.ErrAccessDenied().WithDescription("nobody was picked"), p.op)
}

// carryOn hands the browser back to the library, which sends it to the client with a code.
func (p *Provider) carryOn(w http.ResponseWriter, r *http.Request, id string) {
	http.Redirect(w, r, op.AuthCallbackURL(p.op)(p.context(r.Context()), escape(id)), http.StatusSeeOther)
}

// lost is for a request that is not there, or not this browser's.
func (p *Provider) lost(w http.ResponseWriter, err error) {
	text := "This sign-in is not known here any more. Go back to where you came from and begin again."
	if errors.Is(err, errOtherBrowser) {
		text = "This sign-in was begun in another browser. Go back to where you came from and begin again."
	}
	p.pages.show(w, http.StatusBadRequest, view{Title: "This did not work", Text: text})
}

// signOut ends the session of this browser.
func (p *Provider) signOut(w http.ResponseWriter, r *http.Request) {
	if who, ok := p.store.signedIn(browserOf(r.Context())); ok {
		p.store.mu.Lock()
		p.store.end(who.sid)
		p.store.mu.Unlock()
	}
	http.Redirect(w, r, p.options.Issuer+"/", http.StatusSeeOther)
}
