package proxy

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net/url"
	"testing"
	"time"

	"picket/node/config"
)

// authority issues certificates to clients.
type authority struct {
	t      *testing.T
	cert   *x509.Certificate
	key    crypto.Signer
	issued int64
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	a := &authority{t: t}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(1000 * time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	a.cert, a.key = a.sign(about, about)
	return a
}

func (a *authority) sign(about, parent *x509.Certificate) (*x509.Certificate, crypto.Signer) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	a.must(err)
	var signer crypto.Signer = key
	if about != parent {
		signer = a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, about, parent, key.Public(), signer)
	a.must(err)
	made, err := x509.ParseCertificate(der)
	a.must(err)
	return made, key
}

func (a *authority) must(err error) {
	a.t.Helper()
	if err != nil {
		a.t.Fatal(err)
	}
}

// issue makes a certificate for a client, good for 100 hours unless it is changed.
func (a *authority) issue(change ...func(*x509.Certificate)) tls.Certificate {
	a.t.Helper()
	a.issued++
	uri, _ := url.Parse("spiffe://test/" + a.cert.Subject.CommonName)
	about := &x509.Certificate{
		SerialNumber: big.NewInt(100 + a.issued), Subject: pkix.Name{CommonName: "device"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(100 * time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, URIs: []*url.URL{uri},
	}
	for _, f := range change {
		f(about)
	}
	cert, key := a.sign(about, a.cert)
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key, Leaf: cert}
}

// revokes is a list of certificates that are revoked.
func (a *authority) revokes(all ...tls.Certificate) []*x509.RevocationList {
	a.t.Helper()
	about := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: time.Now(), NextUpdate: time.Now().Add(100 * time.Hour)}
	for _, c := range all {
		about.RevokedCertificateEntries = append(about.RevokedCertificateEntries,
			x509.RevocationListEntry{SerialNumber: c.Leaf.SerialNumber, RevocationTime: time.Now()})
	}
	der, err := x509.CreateRevocationList(rand.Reader, about, a.cert, a.key)
	a.must(err)
	list, err := x509.ParseRevocationList(der)
	a.must(err)
	return []*x509.RevocationList{list}
}

// wants is what a listener or a route asks for.
func (a *authority) wants(ask config.CertificateAsk) config.ClientCertificates {
	return config.ClientCertificates{Ask: ask, Authorities: []*x509.Certificate{a.cert}}
}

// Hosts of TLS: one certificate is for all below any.test, wiki.test and twin.test, another for open.test.
func mutual(t *testing.T, change func(*config.Config)) func(*config.Config) {
	one, other := certificate(t, "wiki.test", "twin.test", "plain.test", "*.any.test"), certificate(t, "open.test")
	return func(c *config.Config) {
		c.Listeners[0].Certificates = []config.Certificate{one, other}
		c.Listeners[0].HeaderTimeout, c.Listeners[0].HTTP3 = time.Minute, true
		to := c.Routes[0].To
		c.Routes[0].Access = config.Public
		c.Routes = append(c.Routes,
			config.Route{Name: "twin", From: origin("twin.test"), Prefix: "/", To: to, Access: config.Public},
			config.Route{Name: "plain", From: origin("plain.test"), Prefix: "/", To: to, Access: config.Public},
		)
		change(c)
	}
}

// route is one of a configuration, by its name.
func routeOf(c *config.Config, name string) *config.Route {
	for i := range c.Routes {
		if c.Routes[i].Name == name {
			return &c.Routes[i]
		}
	}
	return nil
}

// caller is a client of TLS that shows a certificate when it is asked for one.
type caller struct {
	*visitor
	asked  int // how often it was
	cookie string
}

func newCaller(version uint16, name string, shows ...tls.Certificate) *caller {
	c := &caller{visitor: newVisitor(version, name)}
	c.config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		c.asked++
		if len(shows) == 0 {
			return &tls.Certificate{}, nil
		}
		return &shows[0], nil
	}
	return c
}

// status is what a request for its own host is answered with, 0 when TLS is not agreed on.
func (c *caller) status(w *world) int {
	w.t.Helper()
	status, _, err := c.get(w, c.config.ServerName)
	if err != nil {
		return 0
	}
	return status
}
