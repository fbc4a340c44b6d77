package node

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
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
