package config_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// setEnvironment sets what the files of testdata, and the example of the repository, ask env() for.
func setEnvironment(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	key, other := newKey(t), newKey(t)
	in := func(name, text string) string {
		path := filepath.Join(dir, name)
		write(t, path, text)
		return path
	}
	certificate, keyFile := in("cert.pem", newCertificate(t, key, 0)), in("key.pem", keyPEM(t, key))
	for name, value := range map[string]string{
		"PICKET_NODE":        "node-1",
		"PICKET_SECRET":      "0123456789abcdef0123456789abcdef",
		"OIDC_CLIENT_SECRET": "between us",
		"SHORT_SECRET":       "short",
		"EMPTY":              "",
		"CERT":               certificate,
		"KEY":                keyFile,
		"OLD_CERT":           in("old.pem", newCertificate(t, key, 2020)),
		"OTHER_KEY":          in("other.pem", keyPEM(t, other)),
		"BROKEN_CERT":        block("CERTIFICATE", []byte("broken")),
		"BROKEN_KEY":         block("PRIVATE KEY", []byte("broken")),
		"LOCKED_KEY":         block("ENCRYPTED PRIVATE KEY", []byte("locked")),
		"CREDENTIALS":        in("nats.creds", "-----BEGIN NATS USER JWT-----\nx\n------END NATS USER JWT------\n"),

		"PICKET_TLS_CERTIFICATE": certificate,
		"PICKET_TLS_KEY":         keyFile,
	} {
		t.Setenv(name, value)
	}
	for name, text := range clientFiles(t) {
		t.Setenv(name, in(strings.ToLower(name), text))
	}
}

// clientFiles are an authority for certificates of clients, and lists of those that it revoked, or that others did.
func clientFiles(t *testing.T) map[string]string {
	t.Helper()
	key, now := newKey(t), time.Now()
	authority := func(name string) *x509.Certificate {
		c := &x509.Certificate{
			SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
			IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCRLSign | x509.KeyUsageCertSign, SubjectKeyId: []byte(name),
		}
		der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		if c, err = x509.ParseCertificate(der); err != nil {
			t.Fatal(err)
		}
		return c
	}
	list := func(of *x509.Certificate, by *ecdsa.PrivateKey, until time.Time, extensions ...pkix.Extension) []byte {
		der, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
			Number: big.NewInt(1), ThisUpdate: until.Add(-2 * time.Hour), NextUpdate: until, ExtraExtensions: extensions,
			RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: big.NewInt(7), RevocationTime: until}},
		}, of, by)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	devices, others, forger := authority("Devices"), authority("Others"), newKey(t)
	forged := &x509.Certificate{RawSubject: devices.RawSubject, SubjectKeyId: []byte("Devices"), KeyUsage: x509.KeyUsageCRLSign, PublicKey: forger.Public()}
	soon, past := now.Add(time.Hour), time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	delta := pkix.Extension{Id: []int{2, 5, 29, 27}, Critical: true, Value: []byte{2, 1, 1}}
	unknown := pkix.Extension{Id: []int{1, 2, 3}, Critical: true, Value: []byte{2, 1, 1}}
	return map[string]string{
		"CLIENT_CA":        block("CERTIFICATE", devices.Raw),
		"CLIENT_CA_DER":    string(devices.Raw),
		"OTHER_CA":         block("CERTIFICATE", others.Raw),
		"CLIENT_CRL":       block("X509 CRL", list(devices, key, soon)),
		"CLIENT_CRL_DER":   string(list(devices, key, soon)),
		"OLD_CRL":          block("X509 CRL", list(devices, key, past)),
		"OTHER_CRL":        block("X509 CRL", list(others, key, soon)),
		"FORGED_CRL":       block("X509 CRL", list(forged, forger, soon)),
		"DELTA_CRL":        block("X509 CRL", list(devices, key, soon, delta)),
		"UNKNOWN_CRL":      block("X509 CRL", list(devices, key, soon, unknown)),
		"BROKEN_CRL":       block("X509 CRL", []byte("broken")),
		"NOT_A_CRL_AT_ALL": "nothing",
	}
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func keyPEM(t *testing.T, key *ecdsa.PrivateKey) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return block("PRIVATE KEY", der)
}

// newCertificate is for *.example.com, until the first day of a year, or for an hour when that is 0.
func newCertificate(t *testing.T, key *ecdsa.PrivateKey, year int) string {
	t.Helper()
	until := time.Now().Add(time.Hour)
	if year != 0 {
		until = time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "example.com"},
		DNSNames:     []string{"*.example.com"},
		NotBefore:    until.Add(-2 * time.Hour),
		NotAfter:     until,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return block("CERTIFICATE", der)
}

func block(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}
