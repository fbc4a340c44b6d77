package authn

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

// Limits of what a provider may make us wait for and read.
const (
	quickTime   = 10 * time.Second // a person waits
	patientTime = 12 * time.Second // a token is being spent: giving up early would lose it. A node that stops waits longer
	answerLimit = 1 << 20          // bytes
	headerLimit = 64 << 10         // bytes
	maxHops     = 3
)

var errTooLong = errors.New("the answer is too long")

// client talks to one provider: within limits, trusting its own certificates beside the system's, never led to another
// host.
type client struct{ http *http.Client }

func newClient(roots *x509.CertPool, within time.Duration) *client {
	return &client{&http.Client{
		Timeout:       within,
		CheckRedirect: sameHost,
		Transport: limited{&http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            dialCounted,
			TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    quickTime,
			IdleConnTimeout:        time.Minute,
			MaxIdleConnsPerHost:    refreshers,
			MaxResponseHeaderBytes: headerLimit,
			ForceAttemptHTTP2:      true,
		}},
	}}
}

// context makes the oidc and oauth2 packages use this client.
func (c *client) context(ctx context.Context) context.Context { return oidc.ClientContext(ctx, c.http) }

// certificates are the system's and those in pem; nil, which is the system's, when pem is empty.
func certificates(pem []byte) (*x509.CertPool, error) {
	if len(pem) == 0 {
		return nil, nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("reading the system's certificates: %w", err)
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("ca holds no certificate")
	}
	return pool, nil
}

// sameHost lets a provider move a page within its host, and nothing else; what was posted is posted once, and a redirect is
// the answer.
func sameHost(next *http.Request, via []*http.Request) error {
	first := via[0]
	if first.Method != http.MethodGet {
		return http.ErrUseLastResponse
	}
	if len(via) > maxHops || next.URL.Scheme != first.URL.Scheme || next.URL.Host != first.URL.Host {
		return fmt.Errorf("redirect to %.256q not followed", next.URL.Redacted())
	}
	return nil
}

// limited refuses answers above answerLimit.
type limited struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (l limited) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := l.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Body = &limitedBody{resp.Body, answerLimit}
	return resp, nil
}

// limitedBody fails, rather than ends, where the limit is passed.
type limitedBody struct {
	io.ReadCloser
	left int64
}

// Read implements io.Reader.
func (b *limitedBody) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, errTooLong
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, errTooLong
	}
	return n, err
}
