// Package console is the pages for people: who you are, signing in and out, and what to do when a request is refused.
//
// It turns the steps of package authn into HTTP: addresses below /.picket/, forms, redirects, cookies. It promises that
// a page loads nothing from elsewhere, runs no script, is framed by nobody and names no secret; that a form of another
// site does nothing here; and that what a visitor is told and what the log is told are chosen in one place (problems.go).
// It leaves to authn who somebody is, and to the door which hosts exist: r.Host is one of them, in canonical form,
// r.RemoteAddr is the visitor's address, and X-Request-Id is ours.
package console

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"picket/node/authn"
	"picket/node/authz"
	"picket/node/config"
)

// The addresses of the pages, on every host that picket answers for.
const (
	userPath      = "/.picket/"
	signInPath    = "/.picket/sign_in"
	callbackPath  = "/.picket/callback"
	signOutPath   = "/.picket/sign_out"
	signedOutPath = "/.picket/signed_out"
	userJSONPath  = "/.picket/user"
	pingPath      = "/.picket/ping"
	programPath   = "/.picket/program"
	tokenPath     = "/.picket/program/token"
	keysPath      = "/.well-known/picket/jwks.json"
)

// Options are the parts that the pages are about. All but Now are needed.
type Options struct {
	Config *config.Config
	Authn  *authn.Authn
	Log    zerolog.Logger
	Now    func() time.Time // nil: time.Now
}

// Console serves the pages. It is read only once made.
type Console struct {
	config    *config.Config
	authn     *authn.Authn
	log       zerolog.Logger
	now       func() time.Time
	pages     *pages
	cross     *http.CrossOriginProtection
	endpoints map[string]endpoint
}

// endpoint is one address: what may be done there, and who does it.
type endpoint struct {
	methods string // for Allow
	serve   func(w http.ResponseWriter, r *http.Request, at site)
}

// New checks the options and reads the pages. It opens nothing.
func New(o Options) (*Console, error) {
	if o.Config == nil || o.Authn == nil {
		return nil, errors.New("console: Config and Authn are needed")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	p, err := newPages()
	if err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	c := &Console{config: o.Config, authn: o.Authn, log: o.Log, now: o.Now, pages: p, cross: http.NewCrossOriginProtection()}
	c.endpoints = map[string]endpoint{
		userPath:      {"GET, HEAD", c.userPage},
		signInPath:    {"GET, HEAD", c.signIn},
		callbackPath:  {"GET", c.callback}, // a code serves once: no HEAD may spend it
		signOutPath:   {"GET, HEAD, POST", c.signOut},
		signedOutPath: {"GET, HEAD", c.signedOut},
		userJSONPath:  {"GET, HEAD", c.userJSON},
		pingPath:      {"GET, HEAD", c.ping},
		programPath:   {"GET, HEAD, POST", c.program},
		tokenPath:     {"POST", c.programToken},
		keysPath:      {"GET, HEAD", c.keys},
	}
	return c, nil
}

// ServeHTTP answers for everything below /.picket/ and /.well-known/picket/.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	guard(w.Header())
	at, known := c.site(r.Host)
	e, found := c.endpoints[r.URL.Path]
	if !known || !found {
		c.Refuse(w, r, notFound())
		return
	}
	if !strings.Contains(" "+e.methods+",", " "+r.Method+",") {
		w.Header().Set("Allow", e.methods)
		c.Refuse(w, r, wrongMethod(e.methods))
		return
	}
	e.serve(w, r, at)
}

// ping tells that a node is there; it says nothing of the visitor.
func (c *Console) ping(w http.ResponseWriter, r *http.Request, _ site) {
	c.json(w, r, http.StatusOK, map[string]bool{"pong": true})
}

// keys is the public half of the keys that sign identities (RFC 7517), for any application to read.
func (c *Console) keys(w http.ResponseWriter, r *http.Request, _ site) {
	h := w.Header()
	h.Set("Content-Type", "application/jwk-set+json")
	h.Set("Cache-Control", "public, max-age=300")
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	if _, err := w.Write(c.authn.JWKS()); err != nil {
		c.log.Debug().Err(err).Str("request_id", requestID(r)).Msg("writing the keys")
	}
}

func notFound() authz.Refusal {
	return authz.Refusal{
		Status: http.StatusNotFound, Code: "not_found", Title: "There is no such page",
		Detail: "Addresses that begin with /.picket/ belong to the door in front of this application, and this is none of them.",
		Next:   "Check the address, or go to /.picket/ to see who you are signed in as.",
	}
}

func wrongMethod(allowed string) authz.Refusal {
	return authz.Refusal{
		Status: http.StatusMethodNotAllowed, Code: "wrong_method", Title: "That cannot be done here",
		Detail: "This address answers to " + allowed + " only.",
		Next:   "Go back and use the links and buttons of the page.",
	}
}
