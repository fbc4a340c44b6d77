package certs

import (
	"bytes"
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"
	"go.uber.org/zap"
	"go.uber.org/zap/exp/zapslog"

	"picket/node/config"
)

const (
	// longestAnswer is how much of one answer of the authority is read, in bytes.
	longestAnswer = 1 << 20
	// answerTime is how long the authority may take to answer.
	answerTime = 30 * time.Second
	// pollTime is how long the authority may take for its checks, and then to issue.
	pollTime = 3 * time.Minute
)

// authority is the ACME authority of a configuration: certmagic.Issuer. certmagic's own would answer challenges from the
// memory of the process that ordered, and open ports of its own; here they are answered from the bucket, by any node.
type authority struct {
	config.ACME
	key     string // IssuerKey
	storage *storage
	notes   notes
	client  *http.Client
	log     *zap.Logger
}

func newAuthority(c config.ACME, n notes, log *zap.Logger) (*authority, error) {
	roots, err := trusted(c.CA)
	if err != nil {
		return nil, err
	}
	client := &http.Client{Timeout: answerTime, Transport: bounded{&http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: answerTime}).DialContext,
		TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    answerTime,
		ResponseHeaderTimeout:  answerTime,
		IdleConnTimeout:        time.Minute,
		ForceAttemptHTTP2:      true,
		MaxResponseHeaderBytes: 64 << 10,
	}}}
	return &authority{ACME: c, key: issuerKey(c.Directory), storage: n.storage, notes: n, client: client, log: log}, nil
}

// trusted are the system's authorities, and those of a PEM text; nil when the system's are all.
func trusted(ca []byte) (*x509.CertPool, error) {
	if len(ca) == 0 {
		return nil, nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(ca) {
		return nil, errors.New("acme.ca holds no certificate")
	}
	return pool, nil
}

// bounded is a transport whose answers end after longestAnswer bytes, in an error, and are of this node's time.
type bounded struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := b.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if err := clocksAgree(res.Header.Get("Date"), time.Now()); err != nil {
		_ = res.Body.Close()
		return nil, err
	}
	res.Body = &boundedBody{ReadCloser: res.Body, left: longestAnswer}
	return res, nil
}

// clockSlack is how far this node's clock and the authority's may be apart. Beyond it, certificates seem to be over that are
// not: ordering more of them helps nobody, and there is a limit to it.
const clockSlack = time.Hour

// clocksAgree holds the date of an answer against this node's clock.
func clocksAgree(date string, now time.Time) error {
	theirs, err := http.ParseTime(date)
	if err != nil {
		return nil // it says nothing
	}
	if apart := now.Sub(theirs).Abs(); apart > clockSlack {
		return fmt.Errorf("it is %s here, and %s at the authority: set this node's clock right", now.UTC().Format(time.RFC3339), theirs.UTC().Format(time.RFC3339))
	}
	return nil
}

type boundedBody struct {
	io.ReadCloser
	left int
}

// Read implements io.Reader.
func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, fmt.Errorf("the authority's answer is longer than %d bytes", longestAnswer)
	}
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// issuerKey is the folder of what an authority issued: host and path of its directory, as certmagic writes it.
func issuerKey(directory string) string {
	u, err := url.Parse(directory)
	if err != nil {
		return certmagic.StorageKeys.Safe(directory)
	}
	if folder := strings.Trim(strings.ReplaceAll(u.Path, "/", "-"), "-"); folder != "" {
		return u.Host + "-" + folder
	}
	return u.Host
}

// IssuerKey tells what this authority issued from what others did.
func (a *authority) IssuerKey() string { return a.key }

// Issue orders a certificate. It is called under the lock of the name, and ends when that is lost. What fails is noted, so
// that no node tries again too soon.
func (a *authority) Issue(ctx context.Context, csr *x509.CertificateRequest) (*certmagic.IssuedCertificate, error) {
	name, err := nameOf(csr)
	if err != nil {
		return nil, err
	}
	ctx, release, err := a.storage.whileHeld(ctx, siteLock+name)
	if err != nil {
		return nil, err
	}
	defer release()
	before, err := a.notes.attempt(ctx, name)
	if err != nil {
		return nil, err
	}
	if next := a.notes.waits.until(name, before); time.Until(next) > 0 {
		return nil, postponed{next}
	}
	now, err := a.notes.begin(ctx, name, before)
	if err != nil {
		return nil, err
	}
	issued, err := a.order(ctx, name, csr)
	if err != nil {
		err = cause(ctx, err)
		return nil, errors.Join(err, a.notes.failed(context.WithoutCancel(ctx), name, now, err))
	}
	return issued, nil
}

// nameOf is the one name of a request.
func nameOf(csr *x509.CertificateRequest) (string, error) {
	names := append([]string{}, csr.DNSNames...)
	for _, ip := range csr.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) != 1 {
		return "", fmt.Errorf("a certificate is for one name, not for %d", len(names))
	}
	return names[0], nil
}

// cause is why a context ended, where that is why something failed.
func cause(ctx context.Context, err error) error {
	if why := context.Cause(ctx); why != nil && errors.Is(err, ctx.Err()) {
		return why
	}
	return err
}

// order goes the way of an order (RFC 8555, section 7.4), and checks what comes of it.
func (a *authority) order(ctx context.Context, name string, csr *x509.CertificateRequest) (*certmagic.IssuedCertificate, error) {
	client := a.acme()
	account, err := a.account(ctx, client.Client)
	if err != nil {
		return nil, err
	}
	params, err := acmez.OrderParametersFromCSR(account, csr)
	if err != nil {
		return nil, fmt.Errorf("making an order: %w", err)
	}
	params.Profile = a.Profile
	params.Replaces = a.replaced(ctx, name)
	chains, err := client.ObtainCertificate(ctx, params)
	if gone := new(acme.Problem); errors.As(err, gone) && gone.Type == acme.ProblemTypeAccountDoesNotExist {
		return nil, errors.Join(fmt.Errorf("the authority has forgotten the account; the next try makes a new one: %w", err), a.forgetAccount(ctx))
	}
	if err != nil {
		return nil, err
	}
	if len(chains) == 0 {
		return nil, errors.New("the authority issued no certificate")
	}
	if err := fits(chains[0].ChainPEM, name, csr.PublicKey); err != nil {
		return nil, fmt.Errorf("the authority issued what was not ordered: %w", err)
	}
	return &certmagic.IssuedCertificate{Certificate: chains[0].ChainPEM, Metadata: chains[0]}, nil
}

// acme is a client for one order.
func (a *authority) acme() acmez.Client {
	logger := slog.New(zapslog.NewHandler(a.log.Core(), zapslog.AddStacktraceAt(slog.Level(127))))
	return acmez.Client{
		Client: &acme.Client{
			Directory: a.Directory, HTTPClient: a.client, UserAgent: "picket", PollTimeout: pollTime, Logger: logger,
		},
		ChallengeSolvers: a.solvers(),
	}
}

// replaced is the certificate that is to be renewed, which the authority is told of (RFC 9773, section 5): it spares the
// limits for new ones. Nil when there is none, or one that cannot be read: an order needs it not.
func (a *authority) replaced(ctx context.Context, name string) *x509.Certificate {
	text, err := a.storage.Load(ctx, certmagic.StorageKeys.SiteCert(a.key, name))
	if err != nil {
		return nil
	}
	leaf, err := leafOf(text)
	if err != nil || len(leaf.AuthorityKeyId) == 0 {
		return nil
	}
	return leaf
}

// fits tells whether a chain is for a name and a key, and good now.
func fits(chain []byte, name string, key crypto.PublicKey) error {
	leaf, err := leafOf(chain)
	if err != nil {
		return err
	}
	if public, ok := leaf.PublicKey.(interface{ Equal(crypto.PublicKey) bool }); !ok || !public.Equal(key) {
		return errors.New("the certificate is for another key")
	}
	if err := leaf.VerifyHostname(strings.Replace(name, "*", "any", 1)); err != nil {
		return err
	}
	if now := time.Now(); now.After(leaf.NotAfter) {
		return fmt.Errorf("the certificate was good until %s, and it is %s here: is this node's clock right?",
			leaf.NotAfter.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	}
	return nil
}

// leafOf is the first certificate of a PEM text.
func leafOf(text []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(bytes.TrimSpace(text))
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New("no PEM block CERTIFICATE comes first")
	}
	return x509.ParseCertificate(block.Bytes)
}

// missing tells whether an error says that something is not there, for sure.
func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
