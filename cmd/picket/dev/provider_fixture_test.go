package dev

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

const callback = "http://auth.localhost:8000/.picket/callback"

// relyingParty is a client as others write them: go-oidc and x/oauth2, against the provider over HTTP.
type relyingParty struct {
	t        *testing.T
	provider *Provider
	issuer   string
	oidc     *oidc.Provider
	oauth    oauth2.Config
}

func newRelyingParty(t *testing.T, change ...func(*ProviderOptions)) *relyingParty {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	options := ProviderOptions{
		Issuer:                 "http://" + server.Listener.Addr().String(),
		ClientID:               "picket",
		ClientSecret:           "s3cret/+ &",
		RedirectURIs:           []string{callback},
		PostLogoutRedirectURIs: []string{"http://auth.localhost:8000/*"},
	}
	for _, f := range change {
		f(&options)
	}
	provider, err := NewProvider(options)
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = provider
	server.Start()
	t.Cleanup(server.Close)
	discovered, err := oidc.NewProvider(t.Context(), options.Issuer)
	if err != nil {
		t.Fatal(err)
	}
	return &relyingParty{t: t, provider: provider, issuer: options.Issuer, oidc: discovered, oauth: oauth2.Config{
		ClientID:     options.ClientID,
		ClientSecret: options.ClientSecret,
		Endpoint:     discovered.Endpoint(),
		RedirectURL:  callback,
		Scopes:       []string{"openid", "profile", "email", "offline_access"},
	}}
}

// visitor is a browser that knows one person's mind.
type visitor struct {
	t      *testing.T
	client *http.Client
}

func newVisitor(t *testing.T) *visitor {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &visitor{t: t, client: &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}}
}

// open follows redirects until a page, or until the browser is sent away from the provider; that URL is the answer.
func (v *visitor) open(issuer, address string) (status int, body, away string) {
	v.t.Helper()
	for range 10 {
		response, err := v.client.Get(address)
		if err != nil {
			v.t.Fatal(err)
		}
		status, body, next := v.read(response)
		if next == "" {
			return status, body, ""
		}
		if !strings.HasPrefix(next, issuer+"/") {
			return status, body, next
		}
		address = next
	}
	v.t.Fatal("too many redirects")
	return
}

func (v *visitor) read(response *http.Response) (status int, body, next string) {
	v.t.Helper()
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	if location, err := response.Location(); err == nil {
		next = location.String()
	}
	return response.StatusCode, string(b), next
}

// submit sends the form of the page that is shown, as pressing one button does, and follows.
func (v *visitor) submit(issuer, page, name, value string) (away string) {
	v.t.Helper()
	_, rest, ok := strings.Cut(page, `name="request" value="`)
	if !ok {
		v.t.Fatalf("the page has no form:\n%s", page)
	}
	request, _, _ := strings.Cut(rest, `"`)
	response, err := v.client.PostForm(issuer+"/login", url.Values{"request": {request}, name: {value}})
	if err != nil {
		v.t.Fatal(err)
	}
	_, body, next := v.read(response)
	if !strings.HasPrefix(next, issuer+"/") {
		if next == "" {
			v.t.Fatalf("picking led nowhere:\n%s", body)
		}
		return next
	}
	_, _, away = v.open(issuer, next)
	return away
}

// flow is one sign-in, from the client's side.
type flow struct {
	state, nonce, verifier string
}

func (rp *relyingParty) begin(options ...oauth2.AuthCodeOption) (flow, string) {
	f := flow{state: "state-1", nonce: "nonce-1", verifier: oauth2.GenerateVerifier()}
	options = append(options, oidc.Nonce(f.nonce), oauth2.S256ChallengeOption(f.verifier))
	return f, rp.oauth.AuthCodeURL(f.state, options...)
}

// code is what came back to the callback, after the checks that a client does.
func (rp *relyingParty) code(f flow, away string) string {
	rp.t.Helper()
	query := rp.answer(away)
	if query.Get("state") != f.state || query.Get("iss") != rp.issuer || query.Get("code") == "" {
		rp.t.Fatalf("want code, state and iss, came back with %q", away)
	}
	return query.Get("code")
}

func (rp *relyingParty) answer(away string) url.Values {
	rp.t.Helper()
	u, err := url.Parse(away)
	if err != nil || !strings.HasPrefix(away, callback+"?") {
		rp.t.Fatalf("want to be sent to the callback, was sent to %q (%v)", away, err)
	}
	return u.Query()
}

// signIn goes all the way, over the page.
func (rp *relyingParty) signIn(v *visitor, person string) *oauth2.Token {
	rp.t.Helper()
	f, address := rp.begin()
	_, page, away := v.open(rp.issuer, address)
	if away == "" {
		away = v.submit(rp.issuer, page, "person", person)
	}
	token, err := rp.oauth.Exchange(rp.t.Context(), rp.code(f, away), oauth2.VerifierOption(f.verifier))
	if err != nil {
		rp.t.Fatal(err)
	}
	return token
}

// claims are what the ID token says, verified.
type claims struct {
	Subject       string   `json:"sub"`
	Nonce         string   `json:"nonce"`
	Email         string   `json:"email"`
	EmailVerified bool     `json:"email_verified"`
	Name          string   `json:"name"`
	Groups        []string `json:"groups"`
	ACR           string   `json:"acr"`
	AMR           []string `json:"amr"`
	SID           string   `json:"sid"`
	AuthTime      int64    `json:"auth_time"`
}

func (rp *relyingParty) claims(token *oauth2.Token) claims {
	rp.t.Helper()
	raw, _ := token.Extra("id_token").(string)
	id, err := rp.oidc.Verifier(&oidc.Config{ClientID: "picket"}).Verify(rp.t.Context(), raw)
	if err != nil {
		rp.t.Fatal(err)
	}
	if err := id.VerifyAccessToken(token.AccessToken); err != nil {
		rp.t.Error(err)
	}
	var c claims
	if err := id.Claims(&c); err != nil {
		rp.t.Fatal(err)
	}
	return c
}

// refresh redeems a refresh token, once and now.
func (rp *relyingParty) refresh(token string) (*oauth2.Token, error) {
	ctx, cancel := context.WithTimeout(rp.t.Context(), 2*time.Minute)
	defer cancel()
	return rp.oauth.TokenSource(ctx, &oauth2.Token{RefreshToken: token}).Token()
}
