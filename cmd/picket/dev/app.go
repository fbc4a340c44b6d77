package dev

import (
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

// Headers that the application looks at. Its routes are configured to send them.
const (
	assertionHeader = "X-Picket-Jwt-Assertion"
	nodeHeader      = "X-Picket-Node"
)

//go:embed app.html
var appHTML string

// AppOptions say where the application finds the keys, and whom it is.
type AppOptions struct {
	Keys      string        // URL of the key set that assertions are verified with
	Client    *http.Client  // to fetch it with; nil: the default one
	Audiences []string      // assertions for any of them are for this application
	Tick      time.Duration // between ticks of the WebSocket and the stream; zero: a second
}

// App is the application behind the routes: it shows what it was handed, and believes only what is signed.
type App struct {
	options  AppOptions
	verifier *oidc.IDTokenVerifier
	page     *template.Template
	mux      *http.ServeMux
}

// NewApp makes the application. The keys are fetched when the first assertion comes.
func NewApp(o AppOptions) (*App, error) {
	if o.Keys == "" || len(o.Audiences) == 0 {
		return nil, errors.New("the application needs the URL of the keys and its audiences")
	}
	if o.Client == nil {
		o.Client = http.DefaultClient
	}
	if o.Tick == 0 {
		o.Tick = time.Second
	}
	page, err := template.New("app").Parse(appHTML)
	if err != nil {
		return nil, fmt.Errorf("reading the application's page: %w", err)
	}
	// The verifier knows one audience and we have several, and whether the issuer is ours is what the keys say.
	config := &oidc.Config{SkipClientIDCheck: true, SkipIssuerCheck: true, SupportedSigningAlgs: []string{oidc.ES256}}
	keys := oidc.NewRemoteKeySet(oidc.ClientContext(context.Background(), o.Client), o.Keys)
	a := &App{options: o, page: page, mux: http.NewServeMux(), verifier: oidc.NewVerifier("", keys, config)}
	a.mux.HandleFunc("GET /", a.home)
	a.mux.HandleFunc("GET /api/whoami", a.whoami)
	a.mux.HandleFunc("GET /ws", a.socket)
	a.mux.HandleFunc("GET /stream", a.stream)
	return a, nil
}

// ServeHTTP answers what the cluster hands over.
func (a *App) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.mux.ServeHTTP(w, r) }

// Whoami is what the application was handed with one request.
type Whoami struct {
	Node      string    `json:"node"` // which carried the request; "": it did not say
	Host      string    `json:"host"` // as the browser wrote it
	Path      string    `json:"path"`
	Email     string    `json:"email"` // of identity headers, as the two below; "": nobody
	Name      string    `json:"name"`
	Groups    string    `json:"groups"`
	Assertion Assertion `json:"assertion"`
	Headers   []Header  `json:"headers"` // all of them, sorted by name
}

// Assertion is the signed identity, and whether it holds.
type Assertion struct {
	Sent     bool           `json:"sent"`
	Verified bool           `json:"verified"`
	Error    string         `json:"error,omitempty"` // why it does not hold
	Claims   map[string]any `json:"claims,omitempty"`
}

// Header is a header field that came with the request.
type Header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func (a *App) read(r *http.Request) Whoami {
	host := r.Header.Get("X-Forwarded-Host")
	if host == "" {
		host = r.Host
	}
	return Whoami{
		Node:      r.Header.Get(nodeHeader),
		Host:      host,
		Path:      r.URL.RequestURI(),
		Email:     r.Header.Get("X-Forwarded-Email"),
		Name:      r.Header.Get("X-Forwarded-User"),
		Groups:    r.Header.Get("X-Forwarded-Groups"),
		Assertion: a.verify(r.Context(), r.Header.Get(assertionHeader)),
		Headers:   headers(r.Header),
	}
}

// verify checks signature, expiry and audience.
func (a *App) verify(ctx context.Context, raw string) Assertion {
	if raw == "" {
		return Assertion{}
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	token, err := a.verifier.Verify(ctx, raw)
	if err != nil {
		return Assertion{Sent: true, Error: err.Error()}
	}
	answer := Assertion{Sent: true}
	if err := token.Claims(&answer.Claims); err != nil {
		answer.Error = err.Error()
		return answer
	}
	if !slices.ContainsFunc(token.Audience, func(to string) bool { return slices.Contains(a.options.Audiences, to) }) {
		answer.Error = fmt.Sprintf("it is for %s, not for this application", strings.Join(token.Audience, ", "))
		return answer
	}
	answer.Verified = true
	return answer
}

func headers(h http.Header) []Header {
	var all []Header
	for name, values := range h {
		for _, value := range values {
			all = append(all, Header{Name: name, Value: value})
		}
	}
	slices.SortStableFunc(all, func(a, b Header) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// appView is the page's data: the identity, the claims as text, and the nonce of its own script.
type appView struct {
	Whoami
	ClaimsText string
	Nonce      string
}

func (a *App) home(w http.ResponseWriter, r *http.Request) {
	v := appView{Whoami: a.read(r), Nonce: rand.Text()}
	if v.Assertion.Claims != nil {
		text, err := json.MarshalIndent(v.Assertion.Claims, "", "  ")
		if err != nil {
			http.Error(w, "the claims cannot be shown", http.StatusInternalServerError)
			return
		}
		v.ClaimsText = string(text)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; script-src 'nonce-"+v.Nonce+
		"'; connect-src 'self' ws: wss:; base-uri 'none'; frame-ancestors 'none'")
	_ = a.page.Execute(w, v) // the browser went away
}

func (a *App) whoami(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(a.read(r)) // the client went away
}
