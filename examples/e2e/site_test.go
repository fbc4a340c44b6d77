//go:build e2e

package e2e

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"picket/examples/ports"
)

// site is one node that clients reach at its own address, over TCP and UDP, with the application of the matrix behind it.
type site struct {
	*cluster
	key string // the SHA-256 of the node's public key, in base64, as Chromium has it
}

// startSite starts it; env is added to what the node is told.
func startSite(t *testing.T, env ...string) *site {
	t.Helper()
	s := &site{cluster: openCluster(t, "site.localhost")}
	n := s.nodes[0]
	s.nodes, s.front, s.port = s.nodes[:1], n.listen, portOf(t, n.listen)
	authority := newAuthority(t)
	s.roots.AddCert(authority.certificate)
	s.ca = authority.path
	certificate, key := authority.issue(t, "*.site.localhost", "localhost")
	s.key = publicKeyOf(t, certificate)
	s.provider = builtIn(t, s.cluster)
	web := httptest.NewServer(http.HandlerFunc(lively))
	t.Cleanup(web.Close)
	s.tell(t, n, "testdata/site.hcl")
	n.env = append(n.env, "PICKET_BROKER="+ports.One(t), "PICKET_CLIENT="+ports.One(t), "PICKET_STORE="+t.TempDir(),
		"E2E_PORT="+s.port, "E2E_CERTIFICATE="+certificate, "E2E_KEY="+key, "E2E_UPSTREAM="+web.URL)
	n.env = append(n.env, env...)
	s.startAll(t)
	return s
}

// publicKeyOf is what Chromium knows a certificate by.
func publicKeyOf(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	made, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(made.RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// browse starts Chromium with QUIC, over which it tries one address of a host, that of the site here. It takes the site's certificate
// for one of an authority that all know: over QUIC it takes few others.
func (s *site) browse(t *testing.T, flags ...chromedp.ExecAllocatorOption) *browser {
	t.Helper()
	return startBrowserWith(t, append([]chromedp.ExecAllocatorOption{chromedp.Flag("enable-quic", true),
		chromedp.Flag("host-resolver-rules", "MAP *.site.localhost 127.0.0.1"), chromedp.Flag("ignore-certificate-errors-spki-list", s.key)}, flags...)...)
}

// accessLine is one line of the access log.
type accessLine struct {
	Message, Protocol, Method, Host, Path, Route, Decision, Email, Ended string
	Status                                                               int
}

// String tells the most of it.
func (l accessLine) String() string {
	return fmt.Sprintf("%s %s %s%s: %d %s %s %s", l.Protocol, l.Method, l.Host, l.Path, l.Status, l.Decision, l.Email, l.Ended)
}

// served are the requests of a path that the node has told of.
func (s *site) served(t *testing.T, host, path string) []accessLine {
	t.Helper()
	return s.servedAt(t, s.host(host), path)
}

func (s *site) servedAt(t *testing.T, host, path string) (all []accessLine) {
	t.Helper()
	text := s.nodes[0].log.String()
	for line := range strings.Lines(text[:strings.LastIndexByte(text, '\n')+1]) {
		var l accessLine
		if json.Unmarshal([]byte(line), &l) == nil && l.Message == "request" && l.Host == host && l.Path == path {
			all = append(all, l)
		}
	}
	return all
}

// tellsOf waits for a line about a path that is right.
func (s *site) tellsOf(t *testing.T, host, path string, right func(accessLine) bool) accessLine {
	t.Helper()
	var found accessLine
	eventually(t, patience, func() string {
		all := s.served(t, host, path)
		i := slices.IndexFunc(all, right)
		if i < 0 {
			return fmt.Sprintf("the access log tells of %s only %v", path, all)
		}
		found = all[i]
		return ""
	})
	return found
}
