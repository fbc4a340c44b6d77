package trust

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"testing"
	"time"
)

// now is when these tests take place.
var now = time.Date(2030, 6, 1, 12, 0, 0, 0, time.UTC)

// holder has a certificate and its key.
type holder struct {
	t *testing.T
	*x509.Certificate
	key    crypto.Signer
	issuer *holder // nil: itself
	issued int64
}

// newAuthority makes an authority that vouches for itself.
func newAuthority(t *testing.T, name string) *holder {
	t.Helper()
	return issue(t, nil, authority(name))
}

// authority is a change that makes a certificate one of an authority.
func authority(name string) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		c.Subject = pkix.Name{CommonName: name}
		c.IsCA, c.BasicConstraintsValid, c.ExtKeyUsage = true, true, nil
		c.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
		c.NotAfter = now.Add(1000 * time.Hour)
	}
}

// issue makes a certificate for a client, good for ten hours, with changes.
func (h *holder) issue(change ...func(*x509.Certificate)) *holder {
	h.t.Helper()
	return issue(h.t, h, change...)
}

func issue(t *testing.T, by *holder, change ...func(*x509.Certificate)) *holder {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	made := &holder{t: t, key: key, issuer: by}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "client"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(10 * time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	for _, f := range change {
		f(about)
	}
	parent, signer := about, crypto.Signer(key)
	if by != nil {
		by.issued++
		about.SerialNumber = big.NewInt(1000 + by.issued)
		parent, signer = by.Certificate, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, about, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	if made.Certificate, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return made
}

// chain is what a client shows: its certificate and those of all who issued it, but the last.
func (h *holder) chain() []*x509.Certificate {
	chain := []*x509.Certificate{h.Certificate}
	for up := h.issuer; up != nil && up.issuer != nil; up = up.issuer {
		chain = append(chain, up.Certificate)
	}
	return chain
}

// revokes gives a list of certificates that an authority revoked, to be replaced at a time (zero: in 5 hours).
func (h *holder) revokes(until time.Time, revoked ...*holder) *x509.RevocationList {
	h.t.Helper()
	if until.IsZero() {
		until = now.Add(5 * time.Hour)
	}
	list := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: until.Add(-24 * time.Hour), NextUpdate: until}
	for _, r := range revoked {
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries,
			x509.RevocationListEntry{SerialNumber: r.SerialNumber, RevocationTime: list.ThisUpdate})
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, h.Certificate, h.key)
	if err != nil {
		h.t.Fatal(err)
	}
	made, err := x509.ParseRevocationList(der)
	if err != nil {
		h.t.Fatal(err)
	}
	return made
}
