package proxy

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go/http3"

	"picket/node/authz"
	"picket/node/config"
)

var versions = []uint16{tls.VersionTLS12, tls.VersionTLS13}

// protocols are what is spoken over TLS, by the names that it is agreed on by.
var protocols = []string{"http/1.1", "h2", "h3"}

// asks is a client for one protocol.
func (c *caller) asks(w *world, protocol string) http.RoundTripper {
	config := c.config.Clone()
	config.NextProtos = []string{protocol}
	if protocol == "h3" {
		config.MaxVersion = 0
		h := &http3.Transport{TLSClientConfig: config}
		w.t.Cleanup(func() { _ = h.Close() })
		return h
	}
	h := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: protocol == "h2"}
	w.t.Cleanup(h.CloseIdleConnections)
	return h
}

// over asks for a page over a connection of its own, and gives status and body; 0 when TLS is not agreed on.
func (c *caller) over(w *world, protocol, host string) (status int, body string) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.ctx, http.MethodGet, "https://"+w.address+"/x", nil)
	w.must(err)
	req.Host = host
	req.Header.Set("Cookie", c.cookie)
	res, err := c.asks(w, protocol).RoundTrip(req)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	if want := map[string]int{"h3": 3, "h2": 2, "http/1.1": 1}[protocol]; res.ProtoMajor != want {
		w.t.Errorf("it spoke %s", res.Proto)
	}
	text, err := io.ReadAll(res.Body)
	w.must(err)
	return res.StatusCode, string(text)
}

func TestARouteRefusesWhoHasNoValidCertificate(t *testing.T) {
	ours, others := newAuthority(t, "Ours"), newAuthority(t, "Others")
	revoked := ours.issue()
	w := newWorld(t, http.HandlerFunc(mirror), mutual(t, func(c *config.Config) {
		c.Listeners[0].Client = ours.wants(config.NotAsked)
		c.Listeners[0].Client.Revoked = ours.revokes(revoked)
		routeOf(c, "wiki").Client.Ask = config.Required
	}))
	for name, c := range map[string]struct {
		shows  []tls.Certificate
		status int
		code   string
	}{
		"none":    {nil, 403, "certificate_required"},
		"ours":    {[]tls.Certificate{ours.issue()}, 200, ""},
		"another": {[]tls.Certificate{others.issue()}, 403, "certificate_invalid"},
		"expired": {[]tls.Certificate{ours.issue(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })}, 403, "certificate_invalid"},
		"revoked": {[]tls.Certificate{revoked}, 403, "certificate_invalid"},
	} {
		for _, protocol := range protocols {
			for _, version := range versions {
				caller := newCaller(version, "wiki.test", c.shows...)
				status, body := caller.over(w, protocol, "wiki.test")
				var f authz.Refusal
				_ = json.Unmarshal([]byte(body), &f)
				if status != c.status || c.code != "" && f.Code != c.code {
					t.Errorf("%s, %s, TLS %x: %d %s", name, protocol, version, status, body)
				}
			}
		}
	}
	elsewhere := newCaller(0, "open.test", ours.issue())
	if status, _ := elsewhere.over(w, "h2", "open.test"); status != 200 || elsewhere.asked != 0 {
		t.Errorf("where no certificate is needed: %d, asked %d times", status, elsewhere.asked)
	}
}

func TestAListenerAgreesOnTLSWithNobodyElse(t *testing.T) {
	ours, others := newAuthority(t, "Ours"), newAuthority(t, "Others")
	revoked := ours.issue()
	w := newWorld(t, http.HandlerFunc(mirror), mutual(t, func(c *config.Config) {
		c.Listeners[0].Client = ours.wants(config.Required)
		c.Listeners[0].Client.Revoked = ours.revokes(revoked)
	}))
	for _, version := range versions {
		for name, c := range map[string]struct {
			caller *caller
			status int
		}{
			"none":                   {newCaller(version, "wiki.test"), 0},
			"ours":                   {newCaller(version, "wiki.test", ours.issue()), 200},
			"ours, for another host": {newCaller(version, "open.test", ours.issue()), 200},
			"another":                {newCaller(version, "wiki.test", others.issue()), 0},
			"revoked":                {newCaller(version, "wiki.test", revoked), 0},
			"none, unknown host":     {newCaller(version, "x.test"), 0},
		} {
			if got := c.caller.status(w); got != c.status {
				t.Errorf("%s, TLS %x: %d", name, version, got)
			}
		}
	}
	for _, why := range []string{"it was revoked", "no certificate was shown", "no TLS came about"} { // perhaps a moment after the client has noticed
		w.until("the log says: "+why, func() bool { return w.log.says(why) })
	}
	for name, c := range map[string]struct {
		caller *caller
		status int
	}{
		"none":    {newCaller(0, "wiki.test"), 0},
		"ours":    {newCaller(0, "wiki.test", ours.issue()), 200},
		"another": {newCaller(0, "wiki.test", others.issue()), 0},
		"revoked": {newCaller(0, "wiki.test", revoked), 0},
	} {
		if got, body := c.caller.over(w, "h3", "wiki.test"); got != c.status {
			t.Errorf("%s, HTTP/3: %d %s", name, got, body)
		}
	}
	for reason, want := range map[string]float64{"none": 4, "authority": 2, "revoked": 2, "time": 0} {
		w.until("those are counted who were refused: "+reason, func() bool {
			return w.metric("picket_client_certificates_refused_total")["reason="+reason] == want
		})
	}
	caller := newCaller(0, "wiki.test", ours.issue())
	conn := tls.Client(w.dial(), caller.config)
	_, err := io.WriteString(conn, "GET /.picket/ping HTTP/1.1\r\nHost: wiki.test\r\n\r\n")
	w.must(err)
	if res := w.read(conn); res.StatusCode != 200 {
		t.Errorf("our own page: %s", res.Status)
	}
}

// TestARouteTrustsItsOwnAuthorityAlone: also beside another route of its host, on one connection.
func TestARouteTrustsItsOwnAuthorityAlone(t *testing.T) {
	ours, devices, partners := newAuthority(t, "Ours"), newAuthority(t, "Devices"), newAuthority(t, "Partners")
	w := newWorld(t, http.HandlerFunc(mirror), mutual(t, func(c *config.Config) {
		c.Listeners[0].Client = ours.wants(config.Requested)
		routeOf(c, "wiki").Client.Ask = config.Required
		for name, a := range map[string]*authority{"/devices": devices, "/partners": partners} {
			r := *routeOf(c, "twin")
			r.Name, r.From, r.Prefix, r.Client = name[1:], origin("wiki.test"), name, a.wants(config.Required)
			c.Routes = append(c.Routes, r)
		}
	}))
	for shown, a := range map[string]*authority{"/": ours, "/devices": devices, "/partners": partners} {
		for _, path := range []string{"/", "/devices", "/partners"} {
			conn := tls.Client(w.dial(), newCaller(0, "wiki.test", a.issue()).config)
			for _, path := range []string{shown, path} {
				want := map[bool]int{true: 200, false: 403}[path == shown]
				_, err := io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: wiki.test\r\n\r\n")
				w.must(err)
				if res := w.read(conn); res.StatusCode != want || res.Close != (want == 403) {
					t.Errorf("a certificate of %s at %s: %s, closes: %v", shown, path, res.Status, res.Close)
				}
			}
		}
	}
}

// TestAListenerThatRequiresACertificateTakesThoseOfItsRoutes at their hosts: also for our own pages, where people sign in.
func TestAListenerThatRequiresACertificateTakesThoseOfItsRoutes(t *testing.T) {
	ours, devices := newAuthority(t, "Ours"), newAuthority(t, "Devices")
	w := newWorld(t, http.HandlerFunc(mirror), mutual(t, func(c *config.Config) {
		c.Listeners[0].Client = ours.wants(config.Required)
		routeOf(c, "wiki").Client = devices.wants(config.Required)
	}))
	for _, c := range []struct {
		by     *authority
		host   string
		path   string
		status int
	}{
		{devices, "wiki.test", "/x", 200},
		{devices, "wiki.test", "/.picket/ping", 200},
		{devices, "twin.test", "/x", 0},
		{ours, "wiki.test", "/x", 403},
		{ours, "wiki.test", "/.picket/ping", 200},
		{ours, "twin.test", "/x", 200},
	} {
		conn := tls.Client(w.dial(), newCaller(0, c.host, c.by.issue()).config)
		_, err := io.WriteString(conn, "GET "+c.path+" HTTP/1.1\r\nHost: "+c.host+"\r\n\r\n")
		w.must(err)
		status := 0
		if res, err := http.ReadResponse(bufio.NewReader(conn), nil); err == nil {
			status = res.StatusCode
		}
		if status != c.status {
			t.Errorf("a certificate of %s at %s%s: %d", c.by.cert.Subject, c.host, c.path, status)
		}
	}
}

func TestAHostWithRulesOfItsOwnIsReachedByItsOwnName(t *testing.T) {
	ours, others := newAuthority(t, "Ours"), newAuthority(t, "Others")
	w := newWorld(t, http.HandlerFunc(mirror), mutual(t, func(c *config.Config) {
		c.Listeners[0].Client = ours.wants(config.NotAsked)
		routeOf(c, "wiki").Client.Ask = config.Required
		routeOf(c, "twin").Client.Ask = config.Required
		any := routeOf(c, "any")
		any.Access, any.Client, any.Prefix = config.Public, others.wants(config.Required), "/"
	}))
	cert, other := ours.issue(), others.issue()
	for _, c := range []struct {
		name, host string
		shows      tls.Certificate
		status     int
	}{
		{"wiki.test", "wiki.test", cert, 200},
		{"wiki.test", "twin.test", cert, 200}, // one certificate, and the same is asked
		{"plain.test", "wiki.test", cert, 421},
		{"wiki.test", "plain.test", cert, 421},
		{"", "wiki.test", cert, 421},
		{"wiki.test", "a.any.test", cert, 421},
		{"a.any.test", "wiki.test", other, 421},
		{"a.any.test", "b.any.test", other, 200},
		{"a.any.test", "a.any.test", cert, 403},
		{"open.test", "wiki.test", cert, 421},
	} {
		for _, protocol := range protocols {
			caller := newCaller(0, c.name, c.shows)
			if c.name == "" {
				caller.config.ServerName = "127.0.0.1" // is not sent
			}
			if status, body := caller.over(w, protocol, c.host); status != c.status {
				t.Errorf("TLS for %q, %s for %q: %d %s", c.name, protocol, c.host, status, body)
			}
		}
	}
}

func TestPoliciesSeeTheCertificate(t *testing.T) {
	ours, others := newAuthority(t, "Ours"), newAuthority(t, "Others")
	w := newWorld(t, http.HandlerFunc(mirror), mutual(t, func(c *config.Config) {
		c.Listeners[0].Client = ours.wants(config.Requested)
		wiki := routeOf(c, "wiki")
		wiki.Access, wiki.Policies = config.ByPolicy, []string{"device"}
		wiki.IdentityHeaders = []config.HeaderValue{{Name: "X-Device", Value: template(t, `"${certificate.subject} of ${certificate.issuer}"`)}}
	}))
	cookie := w.signIn("alice", origin("wiki.test"), "wiki")
	for _, c := range []struct {
		shows  []tls.Certificate
		status int
	}{
		{[]tls.Certificate{ours.issue()}, 200},
		{[]tls.Certificate{ours.issue(func(c *x509.Certificate) { c.URIs = nil })}, 403},
		{[]tls.Certificate{others.issue()}, 403},
		{nil, 403},
	} {
		for _, protocol := range protocols {
			caller := newCaller(0, "wiki.test", c.shows...)
			caller.cookie = cookie
			status, body := caller.over(w, protocol, "wiki.test")
			if status != c.status || status == 200 && !strings.Contains(body, "CN=device of CN=Ours") {
				t.Errorf("%s: %d %s", protocol, status, body)
			}
		}
	}
}

// TestWhoHadNoCertificateIsAskedAnew has a client come back with one. It keeps its connection as long as it may.
func TestWhoHadNoCertificateIsAskedAnew(t *testing.T) {
	ours := newAuthority(t, "Ours")
	w := newWorld(t, http.HandlerFunc(mirror), mutual(t, func(c *config.Config) { routeOf(c, "wiki").Client = ours.wants(config.Required) }))
	for _, protocol := range protocols[:2] {
		c, installed := newCaller(tls.VersionTLS13, "wiki.test"), ours.issue()
		shown := &tls.Certificate{}
		c.config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return shown, nil }
		client := c.asks(w, protocol)
		status := func() int {
			req, err := http.NewRequestWithContext(w.ctx, http.MethodGet, "https://"+w.address+"/x", nil)
			w.must(err)
			req.Host = "wiki.test"
			res, err := client.RoundTrip(req)
			w.must(err)
			_, err = io.Copy(io.Discard, res.Body)
			w.must(errors.Join(err, res.Body.Close()))
			return res.StatusCode
		}
		if got := status(); got != http.StatusForbidden {
			t.Errorf("%s: %d without one", protocol, got)
		}
		shown = &installed
		w.until(protocol+" is let in", func() bool { return status() == http.StatusOK })
	}
}
