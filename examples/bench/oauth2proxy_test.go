//go:build bench

package bench

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"picket/cmd/picket/dev"
)

// oauth2Proxy is the binary to compare with; "": there is none. No package of Debian has it.
func oauth2Proxy() string { return os.Getenv("OAUTH2_PROXY") }

// oauth2Peers are oauth2-proxy as the proxy, and as whom nginx asks, both with somebody who is signed in and a session in
// a cookie. One process speaks either plain HTTP or TLS, so that there are two, with one secret for their cookies.
func oauth2Peers(t *testing.T, c proxyConfig) []*peer {
	t.Helper()
	own := c.placed(t)
	origin := "http://localhost:" + portOf(own.Listen)
	provider, secret := providerFor(t, origin+"/oauth2/callback")
	argv := []string{
		oauth2Proxy(),
		"--upstream=http://" + c.Upstream + "/", "--provider=oidc", "--oidc-issuer-url=" + provider, "--client-id=" + clientID, "--client-secret=" + secret,
		"--redirect-url=" + origin + "/oauth2/callback", "--code-challenge-method=S256", "--scope=openid profile email",
		"--email-domain=*", "--insecure-oidc-allow-unverified-email=true", "--skip-provider-button=true",
		"--cookie-secret=" + rand.Text()[:16], "--cookie-secure=false", "--reverse-proxy=false", "--set-xauthrequest=true",
		fmt.Sprintf("--request-logging=%t", c.Log), "--auth-logging=false", "--silence-ping-logging=true",
	}
	serve := func(log, address string, flags ...string) *process {
		p := launch(t, peerOAuth2, filepath.Join(own.Dir, log), nil, slices.Concat(argv, flags)...)
		p.until(t, "listening", 20*time.Second, func() bool { return listening(address) })
		return p
	}
	plain := serve("log", own.Listen, "--http-address="+own.Listen)
	safe := serve("log-tls", own.ListenTLS, "--https-address="+own.ListenTLS, "--tls-cert-file="+c.TLS.Chain, "--tls-key-file="+c.TLS.Key, "--tls-min-version=TLS1.3")
	cookie := oauth2SignIn(t, origin, provider)

	asking := launchNginx(t, peerAuthAsking, c, "auto", own.Listen)
	both := []*process{asking.process, plain}
	return []*peer{
		{peerOAuth2, doorway{processes: []*process{plain}, address: own.Listen, cookie: cookie}, doorway{processes: []*process{safe}, address: own.ListenTLS, cookie: cookie}},
		{peerAuthAsking, doorway{processes: both, address: asking.address, cookie: cookie}, doorway{processes: both, address: asking.secured, cookie: cookie}},
	}
}

// providerFor is an identity provider with one client.
func providerFor(t *testing.T, callback string) (issuer, secret string) {
	t.Helper()
	server, secret := httptest.NewUnstartedServer(nil), rand.Text()
	provider, err := dev.NewProvider(dev.ProviderOptions{
		Issuer: "http://" + server.Listener.Addr().String(), ClientID: clientID, ClientSecret: secret, RedirectURIs: []string{callback},
		AccessTokenLifetime: 24 * time.Hour, People: []dev.Person{{Name: person(0), FullName: "Person 0", Groups: []string{"staff"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = provider
	server.Start()
	t.Cleanup(server.Close)
	return server.URL, secret
}

// oauth2SignIn signs somebody in and gives the cookies, which may be several.
func oauth2SignIn(t *testing.T, origin, issuer string) string {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, Timeout: 30 * time.Second, CheckRedirect: func(next *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(next.URL.String(), issuer+"/login?") {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	asked, err := visit(t.Context(), browser, http.MethodGet, origin+"/", nil)
	if err != nil {
		t.Fatalf("opening a page of oauth2-proxy: %v", err)
	}
	pick, err := asked.Location()
	if err != nil {
		t.Fatalf("a page of oauth2-proxy led to %s with %s, and not to the provider", asked.Request.URL, asked.Status)
	}
	form := url.Values{"request": pick.Query()["request"], "person": {person(0)}}
	came, err := visit(t.Context(), browser, http.MethodPost, issuer+"/login", form)
	if err != nil || came.StatusCode != http.StatusOK {
		t.Fatalf("signing in to oauth2-proxy: %v %v", came, err)
	}
	var cookies []string
	for _, k := range jar.Cookies(came.Request.URL) {
		cookies = append(cookies, k.Name+"="+k.Value)
	}
	return strings.Join(cookies, "; ")
}
