package node

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// pair writes a certificate for a host and its key.
func (w *world) pair(dir, host string, serial int64) {
	w.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	w.must(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), DNSNames: []string{host}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	w.must(err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	w.must(err)
	w.put(filepath.Join(dir, "key.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
	w.put(filepath.Join(dir, "cert.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
}

// devices writes an authority for certificates of clients, and a list of those that it revoked, and gives one of them.
func (w *world) devices(dir string) (revoke func(), client tls.Certificate) {
	w.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	w.must(err)
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Devices"}, NotAfter: time.Now().Add(time.Hour), IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, SubjectKeyId: []byte("devices"),
	}
	der, err := x509.CreateCertificate(rand.Reader, ca, ca, key.Public(), key)
	w.must(err)
	w.put(filepath.Join(dir, "ca.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	one := &x509.Certificate{SerialNumber: big.NewInt(7), NotAfter: time.Now().Add(time.Hour)}
	der, err = x509.CreateCertificate(rand.Reader, one, ca, key.Public(), key)
	w.must(err)
	list := func(revoked ...x509.RevocationListEntry) {
		made, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
			Number: big.NewInt(1), ThisUpdate: time.Now(), NextUpdate: time.Now().Add(time.Hour), RevokedCertificateEntries: revoked,
		}, ca, key)
		w.must(err)
		w.put(filepath.Join(dir, "devices.crl"), string(made))
	}
	list()
	revoke = func() { list(x509.RevocationListEntry{SerialNumber: one.SerialNumber, RevocationTime: time.Now()}) }
	return revoke, tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestAListOfRevokedCertificatesIsReadAnew(t *testing.T) {
	w := newWorld(t, 0, `
listen "tls" {
  address    = "127.0.0.1:0"
  tls        = { certificate = file("cert.pem"), key = file("key.pem") }
  client_ca  = file("ca.pem")
  client_crl = file("devices.crl")
}
route "devices" {
  from               = "https://devices.example.com"
  to                 = env("APP")
  public             = true
  client_certificate = "require"
}
`, echoing)
	dir := filepath.Dir(w.file)
	w.pair(dir, "devices.example.com", 1)
	revoke, client := w.devices(dir)
	w.start(w.reading("n1"))
	n := w.nodes[0]
	status := func(shows ...tls.Certificate) int {
		t.Helper()
		transport := &http.Transport{TLSClientConfig: &tls.Config{ServerName: "devices.example.com", InsecureSkipVerify: true, Certificates: shows}}
		defer transport.CloseIdleConnections()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+n.door.Addresses()[1]+"/", nil)
		w.must(err)
		req.Host = "devices.example.com"
		res, err := transport.RoundTrip(req)
		w.must(err)
		_ = res.Body.Close()
		return res.StatusCode
	}
	if none, one := status(), status(client); none != 403 || one != 200 {
		t.Fatalf("without a certificate %d, with one %d", none, one)
	}
	revoke()
	w.until("the list is read", func() bool { return status(client) == 403 })
	w.put(filepath.Join(dir, "devices.crl"), "no list")
	n.reload(w, http.StatusUnprocessableEntity)
	if got := status(client); got != 403 {
		t.Errorf("after a list that is none: %d", got)
	}
}

func TestACertificateThatWasRenewedIsServed(t *testing.T) {
	w := newWorld(t, 0, strings.ReplaceAll(openToStaff, "http://wiki.localhost:8080", "https://wiki.example.com")+`
listen "tls" {
  address = "127.0.0.1:0"
  tls     = { certificate = file("cert.pem"), key = file("key.pem") }
}
`, echoing)
	dir := filepath.Dir(w.file)
	w.pair(dir, "wiki.example.com", 1)
	w.start(w.reading("n1"))
	n := w.nodes[0]
	dial := func() *tls.Conn {
		t.Helper()
		conn, err := tls.Dial("tcp", n.door.Addresses()[1], &tls.Config{ServerName: "wiki.example.com", InsecureSkipVerify: true})
		w.must(err)
		t.Cleanup(func() { _ = conn.Close() })
		return conn
	}
	served := func() int64 { return dial().ConnectionState().PeerCertificates[0].SerialNumber.Int64() }
	old := dial()
	if got := served(); got != 1 {
		t.Fatalf("at first it is %d", got)
	}
	w.pair(dir, "wiki.example.com", 2)
	w.until("the new one is served", func() bool { return served() == 2 })
	if last := n.reloads.last.Load(); len(last.Changes) != 1 || last.Changes[0] != `listen "tls" changed` {
		t.Errorf("it says %+v", last)
	}
	_, err := io.WriteString(old, "GET /.picket/ping HTTP/1.1\r\nHost: wiki.example.com\r\nConnection: close\r\n\r\n")
	w.must(err)
	if text, err := io.ReadAll(old); err != nil || !strings.Contains(string(text), "200 OK") {
		t.Errorf("a connection that was open before: %v, %q", err, text)
	}
	w.put(filepath.Join(dir, "key.pem"), "no key")
	n.reload(w, http.StatusUnprocessableEntity)
	if got := served(); got != 2 {
		t.Errorf("after a key that is none it is %d", got)
	}
}
