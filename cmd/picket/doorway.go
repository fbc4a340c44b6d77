package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// doorway is a route host as programs reach it.
type doorway struct {
	scheme, host, port string // host without brackets; port is never ""
}

// parseDoorway reads scheme, host and port of a URL; what follows is left to others.
func parseDoorway(text string) (doorway, *url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil {
		return doorway{}, nil, misused("%q is no URL of a host: give https://HOST", text)
	}
	d := doorway{u.Scheme, strings.TrimSuffix(strings.ToLower(u.Hostname()), "."), u.Port()}
	if d.port == "" {
		d.port = map[string]string{"https": "443", "http": "80"}[d.scheme]
	}
	if d.scheme == "http" && !isHere(d.host) {
		return doorway{}, nil, misused("http is for localhost: what is shown to %s could be read on the way. Give https://", d.host)
	}
	return d, u, nil
}

// String is scheme://host[:port], as the node writes it.
func (d doorway) String() string {
	u := url.URL{Scheme: d.scheme, Host: net.JoinHostPort(d.host, d.port)}
	if d.scheme == "https" && d.port == "443" || d.scheme == "http" && d.port == "80" {
		u.Host = strings.TrimSuffix(u.Host, ":"+d.port)
	}
	return u.String()
}

// isHere tells whether a host is this computer, whoever asks (RFC 6761, section 6.3).
func isHere(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback() || host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// dial connects to the door. Names below localhost need no name server.
func (d doorway) dial(ctx context.Context) (net.Conn, error) {
	host := d.host
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		host = "127.0.0.1"
	}
	return (&net.Dialer{Timeout: 10 * time.Second}).DialContext(ctx, "tcp", net.JoinHostPort(host, d.port))
}

// client asks at this door and nowhere else.
func (d doorway) client() *http.Client {
	return &http.Client{
		Timeout: time.Minute,
		Transport: &http.Transport{
			DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return d.dial(ctx) },
			TLSClientConfig:   &tls.Config{MinVersion: tls.VersionTLS12},
			DisableKeepAlives: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// unreachable says what to look at when nobody answers, or somebody whom this computer does not trust.
func (d doorway) unreachable(err error) error {
	if errors.As(err, new(*tls.CertificateVerificationError)) {
		return fmt.Errorf("the certificate of %s is not one that this computer trusts (%w)", d, cause(err))
	}
	return fmt.Errorf("no picket answers at %s: is the address right? (%w)", d, cause(err))
}

// refusal is what a door says when it does not do what it was asked.
type refusal struct {
	Error    string `json:"error"`
	Title    string `json:"title"`
	Detail   string `json:"detail"`
	LoginURL string `json:"login_url"`
}

// refused is an error that says what the door said and, where that helps, how to sign in.
func (d doorway) refused(status int, text []byte) error {
	var f refusal
	if json.Unmarshal(text, &f) != nil || f.Error == "" {
		return fmt.Errorf("what answers at %s is no picket (HTTP %d)", d, status)
	}
	if status != http.StatusUnauthorized {
		return fmt.Errorf("%s refused: %s: %s", d, printable(f.Title), printable(f.Detail))
	}
	at := d.String()
	if to, u, err := parseDoorway(f.LoginURL); err == nil && to.host == d.host {
		at = to.String()
		if u.Query().Has("max_age") || u.Query().Has("acr_values") || u.Query().Has("amr") {
			at = "'" + strings.ReplaceAll(u.String(), "'", "%27") + "'"
		}
	}
	return fmt.Errorf("%s: %s: run: picket login %s", d, printable(f.Title), printable(at))
}
