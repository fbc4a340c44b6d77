package certs

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"picket/broker"
	"picket/examples/ports"
	"picket/node/config"
)

// TestMain has Pebble do at once, and at first, what it else does late and at random.
func TestMain(m *testing.M) {
	for name, value := range map[string]string{"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0", "PEBBLE_AUTHZREUSE": "0"} {
		if err := os.Setenv(name, value); err != nil {
			log.Fatal(err)
		}
	}
	os.Exit(m.Run())
}

// world is a store, an ACME authority (Pebble) with its DNS, and the ports at which it asks for answers.
type world struct {
	t         *testing.T
	store     string // folder of the NATS server
	nats      *server.Server
	port      int // of the NATS server
	authority *httptest.Server
	ca        *ca.CAImpl
	zone      *zone
	orders    atomic.Int32            // that the authority was asked for
	hold      atomic.Pointer[func()]  // called when an order is asked for; nil: nothing is
	answers   atomic.Pointer[Manager] // which node the authority reaches
	plain     net.Listener            // where it asks for HTTP-01
	secure    net.Listener            // where it asks for TLS-ALPN-01
}

// lifetime of certificates that is long enough for a test.
const day = 24 * 60 * 60

// newWorld starts all of it. Certificates are good for so many seconds.
func newWorld(t *testing.T, life uint64, eab ...string) *world {
	t.Helper()
	t.Parallel()
	w := &world{t: t, store: t.TempDir(), zone: newZone(t)}
	w.startStore()
	t.Cleanup(func() { w.stopStore() })
	w.plain, w.secure = listen(t), listen(t)
	w.serveAnswers()
	quiet := log.New(io.Discard, "", 0)
	store := db.NewMemoryStore()
	for i := 0; i+1 < len(eab); i += 2 {
		w.must(store.AddExternalAccountKeyByID(eab[i], eab[i+1]))
	}
	w.ca = ca.New(quiet, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {ValidityPeriod: life}})
	checks := va.New(quiet, portOf(w.plain), portOf(w.secure), false, w.zone.address, store)
	front := wfe.New(quiet, store, checks, w.ca, []string{"pebble.test"}, false, len(eab) > 0, 0, 0)
	handler := front.Handler()
	w.authority = httptest.NewTLSServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/order-plz") {
			w.orders.Add(1)
			if hold := w.hold.Load(); hold != nil {
				(*hold)()
			}
		}
		handler.ServeHTTP(rw, r)
	}))
	t.Cleanup(w.authority.Close)
	return w
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func portOf(l net.Listener) int { return l.Addr().(*net.TCPAddr).Port }

// startStore starts the NATS server, again with what it had.
func (w *world) startStore() {
	w.t.Helper()
	var err error
	if w.port == 0 { // that nobody else is given while the store is down
		_, port, err := net.SplitHostPort(ports.One(w.t))
		w.must(err)
		w.port, err = strconv.Atoi(port)
		w.must(err)
	}
	w.nats, err = server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: w.port, JetStream: true, StoreDir: w.store, NoSigs: true, NoLog: true,
	})
	w.must(err)
	w.nats.Start()
	w.until("the store is up", func() bool { return w.nats.ReadyForConnections(time.Second) })
}

func (w *world) stopStore() {
	w.nats.Shutdown()
	w.nats.WaitForShutdown()
}

// serveAnswers has the authority's questions answered by the node that it reaches.
func (w *world) serveAnswers() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/acme-challenge/{token}", func(rw http.ResponseWriter, r *http.Request) {
		if m := w.answers.Load(); m != nil {
			if text, ok := m.KeyAuthorization(r.Context(), r.PathValue("token")); ok {
				_, _ = io.WriteString(rw, text)
				return
			}
		}
		http.NotFound(rw, r)
	})
	plain := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	secure := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0), TLSConfig: &tls.Config{
		NextProtos: []string{ALPN}, GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			return w.answers.Load().Certificate(hello)
		},
	}}
	var group errgroup.Group
	group.Go(func() error { _ = plain.Serve(w.plain); return nil })
	group.Go(func() error { _ = secure.ServeTLS(w.secure, "", ""); return nil })
	w.t.Cleanup(func() {
		_ = plain.Close()
		_ = secure.Close()
		_ = group.Wait()
	})
}

// acme is a configuration for the authority.
func (w *world) acme(challenge string, names ...string) config.ACME {
	return config.ACME{
		Names: names, Directory: w.authority.URL + "/dir", Email: "ops@example.com", KeyType: "p256", Challenges: []string{challenge},
		CA:  pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: w.authority.Certificate().Raw}),
		DNS: w.zone.config(),
	}
}

// acmeless is a configuration for an authority that does not answer.
func (w *world) acmeless(names ...string) config.ACME {
	return config.ACME{Names: names, Directory: "https://127.0.0.1:1/dir", KeyType: "p256", Challenges: []string{"http-01"}}
}

// selfSigned is a certificate of its own, and its key, as PEM.
func selfSigned(t *testing.T, name string, until time.Time) (chain, key []byte) {
	t.Helper()
	made, err := certmagic.StandardKeyGenerator{KeyType: certmagic.P256}.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	signer := made.(crypto.Signer)
	template := x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotBefore: until.Add(-90 * 24 * time.Hour), NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, signer.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	if key, err = certmagic.PEMEncodePrivateKey(made); err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), key
}

// member is one node's part.
type member struct {
	*Manager
	log  *journal
	stop func() // as a node stops
	kill func() // as a node dies
}

// follow starts a node that answers and serves, and orders nothing.
func (w *world) follow(name string, c config.ACME, change ...func(*broker.Options)) *member {
	w.t.Helper()
	o := broker.Options{
		Cluster: "t", Node: name, Secrets: [][]byte{[]byte(strings.Repeat("s", 32))}, Log: zerolog.Nop(),
		URLs: []string{fmt.Sprintf("nats://127.0.0.1:%d", w.port)}, Replicas: 1,
	}
	for _, f := range change {
		f(&o)
	}
	b, err := broker.New(o)
	w.must(err)
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	w.must(b.Open(ctx))
	m := &member{log: &journal{}}
	ended := w.run(b.Run)
	closing := sync.OnceFunc(func() { _ = b.Close(context.Background()) })
	m.kill = func() { closing(); ended() }
	m.stop = func() { ended(); closing() }
	w.t.Cleanup(m.stop)
	m.Manager, err = New(Options{Config: w.config(name, c), Broker: b, Log: zerolog.New(m.log)})
	w.must(err)
	m.life = 12 * time.Second // a slow machine renews it in time
	m.waits.retries = []time.Duration{time.Second}
	w.must(m.Open(ctx))
	return m
}

func (w *world) config(node string, c config.ACME) *config.Config {
	return &config.Config{Cluster: config.Cluster{Broker: config.Broker{Node: node}}, ACME: c}
}

// start starts a node.
func (w *world) start(name string, c config.ACME, change ...func(*broker.Options)) *member {
	w.t.Helper()
	m := w.follow(name, c, change...)
	ended, kill, stop := w.run(m.Run), m.kill, m.stop
	m.kill = func() { kill(); ended() }
	m.stop = func() { ended(); stop() }
	w.t.Cleanup(m.stop)
	return m
}

// run runs f until the function that it gives is called.
func (w *world) run(f func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var group errgroup.Group
	group.Go(func() error { return f(ctx) })
	return sync.OnceFunc(func() {
		cancel()
		if err := group.Wait(); err != nil {
			w.t.Errorf("running: %v", err)
		}
	})
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// until waits for something to become true.
func (w *world) until(what string, ok func() bool) {
	w.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(3 * time.Minute)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			w.t.Fatalf("not within three minutes: %s", what)
		}
	}
}

// served is the certificate that a node serves for a name; nil: none.
func (m *member) served(name string) *x509.Certificate {
	cert, err := m.Certificate(&tls.ClientHelloInfo{ServerName: name, SupportedProtos: []string{"h2"}})
	if err != nil || cert == nil {
		return nil
	}
	return cert.Leaf
}

// serves waits until all nodes serve one certificate for a name, signed by the authority, other than before.
func (w *world) serves(name string, before *x509.Certificate, members ...*member) *x509.Certificate {
	w.t.Helper()
	var leaf *x509.Certificate
	w.until("a certificate for "+name, func() bool {
		leaf = members[0].served(name)
		for _, m := range members {
			if other := m.served(name); other == nil || before != nil && before.Equal(other) || !other.Equal(leaf) {
				return false
			}
		}
		return true
	})
	if leaf.Issuer.CommonName != w.ca.GetIntermediateCert(0).Cert.Subject.CommonName {
		w.t.Errorf("it was issued by %s", leaf.Issuer)
	}
	w.must(leaf.VerifyHostname(name))
	return leaf
}

// journal is what was logged. It may be written and read at once.
type journal struct {
	mu   sync.Mutex
	text strings.Builder
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) has(text string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Contains(j.text.String(), text)
}
