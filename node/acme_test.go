package node

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/miekg/dns"

	"picket/node/config"
)

// acmeListeners take the place of the listener of basics: one with TLS whose certificates are ordered, and one without.
const acmeListeners = `
listen "main" {
  address = "127.0.0.1:0"
  tls     = "auto"
}
listen "http" {
  address  = "127.0.0.1:0"
  redirect = "main"
}
acme {
  directory  = env("ACME")
  ca         = file(env("ACME_CA"))
  challenges = CHALLENGES
}
`

// authority is an ACME authority (Pebble) for which every name is on this machine.
type authority struct {
	*httptest.Server
	handler atomic.Pointer[http.Handler] // nil: it does not serve yet
	root    *x509.CertPool
	dns     string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	for name, value := range map[string]string{"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0", "PEBBLE_AUTHZREUSE": "0"} {
		t.Setenv(name, value)
	}
	a := &authority{root: x509.NewCertPool()}
	a.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h := a.handler.Load(); h != nil {
			(*h).ServeHTTP(w, r)
			return
		}
		http.Error(w, "not yet", http.StatusServiceUnavailable)
	}))
	t.Cleanup(a.Close)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server, done := &dns.Server{Listener: l, Handler: dns.HandlerFunc(here)}, make(chan error, 1)
	go func() { done <- server.ActivateAndServe() }()
	t.Cleanup(func() { _ = l.Close(); <-done })
	a.dns = l.Addr().String()
	file := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Certificate().Raw})
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("ACME", a.URL+"/dir")
	t.Setenv("ACME_CA", file)
	return a
}

// here says of every name that it is this machine's.
func here(w dns.ResponseWriter, r *dns.Msg) {
	res := new(dns.Msg)
	res.SetReply(r)
	if q := r.Question[0]; q.Qtype == dns.TypeA {
		res.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: q.Name, Rrtype: q.Qtype, Class: dns.ClassINET}, A: net.IPv4(127, 0, 0, 1)}}
	}
	_ = w.WriteMsg(res)
}

// begin has the authority issue. It asks for proofs at this node.
func (a *authority) begin(t *testing.T, m *running) {
	t.Helper()
	port := func(address string) int {
		_, digits, err := net.SplitHostPort(address)
		if err != nil {
			t.Fatal(err)
		}
		n, err := net.LookupPort("tcp", digits)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	quiet, store := log.New(io.Discard, "", 0), db.NewMemoryStore()
	issuer := ca.New(quiet, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {}})
	addresses := m.door.Addresses()
	checks := va.New(quiet, port(addresses[1]), port(addresses[0]), false, a.dns, store)
	front := wfe.New(quiet, store, checks, issuer, []string{"pebble.test"}, false, false, 0, 0)
	handler := front.Handler()
	a.root.AddCert(issuer.GetRootCert(0).Cert)
	a.handler.Store(&handler)
}

// TestANodeServesWhatAnotherOrdered goes the whole way: no node has a certificate, and serves all else; the authority asks the
// second node, whichever orders; both serve, and what a new configuration adds.
func TestANodeServesWhatAnotherOrdered(t *testing.T) {
	for _, challenge := range []string{"http-01", "tls-alpn-01"} {
		t.Run(challenge, func(t *testing.T) {
			a := newAuthority(t)
			listeners := strings.Replace(acmeListeners, "CHALLENGES", fmt.Sprintf("[%q]", challenge), 1)
			w := newWorldOf(t, 0, strings.Replace(basics, `listen "main" { address = "127.0.0.1:0" }`, listeners, 1)+acmeRoute("wiki"), greet)
			for i := range 2 {
				t.Setenv("PICKET_NODE", fmt.Sprintf("n%d", i+1))
				w.start(config.Read(w.file))
			}
			if _, err := w.secured(a, w.nodes[0], "wiki.example.test"); err == nil {
				t.Fatal("a certificate was served before one was issued")
			}
			if status, text := w.plain(w.nodes[0], "wiki.example.test", "/page"); status != http.StatusPermanentRedirect {
				t.Errorf("the rest of the node answers %d: %s", status, text)
			}
			if status, _ := w.plain(w.nodes[0], "wiki.example.test", "/.well-known/acme-challenge/"+strings.Repeat("a", 43)); status != http.StatusPermanentRedirect {
				t.Errorf("for a token that nobody knows: %d", status)
			}
			a.begin(t, w.nodes[1])
			w.renewed("wiki.example.test")
			w.servedByAll(a, "wiki.example.test")
			for _, m := range w.nodes {
				w.within(time.Minute, "the metric tells", func() bool {
					v := m.metric(w, `picket_certificate_expiry_timestamp_seconds{name="wiki.example.test"}`)
					return v != "" && v != "0"
				})
			}
			text, err := os.ReadFile(w.file)
			w.must(err)
			w.must(os.WriteFile(w.file, append(text, []byte(acmeRoute("blog"))...), 0o600))
			for i, m := range w.nodes {
				t.Setenv("PICKET_NODE", fmt.Sprintf("n%d", i+1))
				if status, answer := m.ask(w, http.MethodPost, "/v1/reload", ""); status != http.StatusOK {
					t.Fatalf("%d %s", status, answer)
				}
			}
			w.servedByAll(a, "blog.example.test")
		})
	}
}

func acmeRoute(name string) string {
	return fmt.Sprintf("route %q {\n  from = \"https://%s.example.test\"\n  to = env(\"APP\")\n  public = true\n}\n", name, name)
}

func greet(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }

// renewed asks for a certificate at once: what failed while the authority did not issue is not waited out.
func (w *world) renewed(name string) {
	w.t.Helper()
	var told struct {
		Certificates []struct{ Error, State string }
	}
	w.within(time.Minute, "the first try has ended", func() bool {
		_, text := w.nodes[0].ask(w, http.MethodGet, "/v1/certificates", "")
		w.must(json.Unmarshal([]byte(text), &told))
		return len(told.Certificates) > 0 && (told.Certificates[0].Error != "" || told.Certificates[0].State == "served")
	})
	if told.Certificates[0].State == "served" { // it came after the authority had begun
		return
	}
	if status, text := w.nodes[0].ask(w, http.MethodPost, "/v1/certificates/"+name+"/renew", ""); status != http.StatusOK {
		w.t.Fatalf("%d %s", status, text)
	}
	if status, _ := w.nodes[0].ask(w, http.MethodPost, "/v1/certificates/other.test/renew", ""); status != http.StatusNotFound {
		w.t.Errorf("a name that no route has: %d", status)
	}
}

// servedByAll waits until all nodes serve one certificate for a name, which the authority has signed.
func (w *world) servedByAll(a *authority, name string) {
	w.t.Helper()
	var first []byte
	for _, m := range w.nodes {
		w.within(time.Minute, name+" is served", func() bool {
			cert, err := w.secured(a, m, name)
			if err != nil {
				return false
			}
			if first == nil {
				first = cert.Raw
			}
			return bytes.Equal(first, cert.Raw)
		})
	}
}

// secured is the certificate that a node proves to be a name with.
func (w *world) secured(a *authority, m *running, name string) (*x509.Certificate, error) {
	conn, err := tls.Dial("tcp", m.door.Addresses()[0], &tls.Config{ServerName: name, RootCAs: a.root, NextProtos: []string{"http/1.1"}})
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0], nil
}

// plain asks a node without TLS.
func (w *world) plain(m *running, host, path string) (status int, text string) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, "http://"+m.door.Addresses()[1]+path, nil)
	w.must(err)
	req.Host = host
	res, err := http.DefaultTransport.RoundTrip(req)
	w.must(err)
	defer res.Body.Close()
	read, err := io.ReadAll(res.Body)
	w.must(err)
	return res.StatusCode, string(read)
}
