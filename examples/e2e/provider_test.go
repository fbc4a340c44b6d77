//go:build e2e

package e2e

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"picket/cmd/picket/dev"
	"picket/examples/ports"
)

// What picket is at the providers.
const (
	clientID     = "picket"
	clientSecret = "a-secret-that-only-the-suite-knows"
)

// provider is an identity provider that the cluster signs people in with.
type provider struct {
	issuer string
	server *http.Server  // of the built-in one; nil: it is down, or a process of its own
	dev    *dev.Provider // the built-in one; nil: another
}

// builtIn is the provider of `picket dev`, on an address of its own.
func builtIn(t *testing.T, c *cluster) *provider {
	t.Helper()
	return builtInWith(t, c, dev.DefaultAccessTokenLifetime)
}

// builtInWith is the same with access tokens that are good for so long.
func builtInWith(t *testing.T, c *cluster, life time.Duration) *provider {
	t.Helper()
	address := ports.One(t)
	p := &provider{issuer: "http://" + address}
	handler, err := dev.NewProvider(dev.ProviderOptions{
		Issuer: p.issuer, ClientID: clientID, ClientSecret: clientSecret,
		RedirectURIs:           []string{c.url("auth") + "/.picket/callback"},
		PostLogoutRedirectURIs: []string{c.url("auth") + "/.picket/*"},
		AccessTokenLifetime:    life,
	})
	if err != nil {
		t.Fatal(err)
	}
	p.dev = handler
	p.up(t)
	t.Cleanup(func() { p.down(t) })
	return p
}

// up lets the provider answer.
func (p *provider) up(t *testing.T) {
	t.Helper()
	p.server = &http.Server{Handler: p.dev, ReadHeaderTimeout: 10 * time.Second}
	server, listener := p.server, listen(t, strings.TrimPrefix(p.issuer, "http://"))
	go func() { _ = server.Serve(listener) }() // it ends by down
}

// down cuts the provider off, connections that are open included.
func (p *provider) down(t *testing.T) {
	t.Helper()
	if p.server == nil {
		return
	}
	if err := p.server.Close(); err != nil {
		t.Errorf("closing the provider: %v", err)
	}
	p.server = nil
}

// certified is the npm package oidc-provider, in a process of its own.
func certified(t *testing.T, c *cluster) *provider {
	t.Helper()
	address := ports.One(t)
	p := &process{name: "oidc-provider", command: []string{"node", "oidc-provider/server.mjs"}, env: []string{
		"PORT=" + portOf(t, address),
		"CLIENT_ID=" + clientID,
		"CLIENT_SECRET=" + clientSecret,
		"REDIRECT_URI=" + c.url("auth") + "/.picket/callback",
		"POST_LOGOUT_REDIRECT_URI=" + c.url("auth") + "/.picket/signed_out",
	}}
	keep(t, p)
	p.start(t)
	eventually(t, patience, func() string {
		if p.hasEnded() {
			t.Fatal("oidc-provider ended: has ./install been run?")
		}
		return answers("http://" + address + "/.well-known/openid-configuration")
	})
	return &provider{issuer: "http://" + address}
}

// answers tells what is wrong with a URL that ought to answer 200.
func answers(at string) string {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return err.Error()
	}
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(request)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return response.Status
	}
	return ""
}

// is tells whether a URL is the provider's.
func (p *provider) is(u *url.URL) bool { return p.issuer == u.Scheme+"://"+u.Host }

// environment is what nodes are told of the provider.
func (p *provider) environment() []string {
	return []string{"OIDC_ISSUER=" + p.issuer, "OIDC_CLIENT_ID=" + clientID, "OIDC_CLIENT_SECRET=" + clientSecret}
}

func hostOf(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return host
}
