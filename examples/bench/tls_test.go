//go:build bench

package bench

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// keys are a certificate for this machine's names, signed by itself, as files. The nil *keys is plain http.
type keys struct {
	Chain, Key  string // files
	certificate *x509.Certificate
}

// newKeys makes a certificate with ECDSA on P-256, for nginx and picket alike.
func newKeys(t testing.TB) *keys {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	asked := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "bench"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		DNSNames:    []string{"localhost", "app.localhost", "auth.localhost", "public.localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:        true, BasicConstraintsValid: true,
	}
	chain, err := x509.CreateCertificate(rand.Reader, asked, asked, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(chain)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	k := &keys{Chain: filepath.Join(dir, "chain.pem"), Key: filepath.Join(dir, "key.pem"), certificate: certificate}
	writePEM(t, k.Chain, "CERTIFICATE", chain)
	writePEM(t, k.Key, "PRIVATE KEY", secret)
	return k
}

func writePEM(t testing.TB, file, kind string, data []byte) {
	t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// pair is a file of both, certificate first, as HAProxy takes them.
func (k *keys) pair(t testing.TB) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "pair.pem")
	var both []byte
	for _, name := range []string{k.Chain, k.Key} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		both = append(both, text...)
	}
	if err := os.WriteFile(file, both, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func (k *keys) scheme() string {
	if k == nil {
		return "http"
	}
	return "https"
}

// trust is what a client needs to know of the certificate.
func (k *keys) trust() *tls.Config {
	if k == nil {
		return nil
	}
	pool := x509.NewCertPool()
	pool.AddCert(k.certificate)
	return &tls.Config{RootCAs: pool}
}

// client is one with connections of its own, which speaks HTTP/1.1.
func (k *keys) client() *http.Client {
	return &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{TLSClientConfig: k.trust(), MaxIdleConnsPerHost: 64}}
}
