package proxy

import (
	"crypto/tls"
	"errors"
	"fmt"

	"picket/node/config"
)

// certificates are those of one listener, in the order of the configuration.
type certificates []*tls.Certificate

// newCertificates reads chains and keys; all mistakes are told at once.
func newCertificates(from []config.Certificate) (certificates, error) {
	var mistakes []error
	var all certificates
	for i, c := range from {
		cert, err := tls.X509KeyPair(c.Chain, c.Key)
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("certificate %d: %w", i+1, err))
			continue
		}
		all = append(all, &cert)
	}
	return all, errors.Join(mistakes...)
}

// pick is the certificate for a client: the first for the name that the client can use, else the first for the name, else
// the first.
func (c certificates) pick(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	var named *tls.Certificate
	for _, cert := range c {
		if cert.Leaf.VerifyHostname(hello.ServerName) != nil {
			continue
		}
		if named == nil {
			named = cert
		}
		if hello.SupportsCertificate(cert) == nil {
			return cert, nil
		}
	}
	if named == nil {
		named = c[0]
	}
	return named, nil
}

// covers tells whether a connection that was made for one host may be used for another: where one certificate stands for
// both, a browser does so rightly (RFC 9113, section 9.1.1).
func (l *front) covers(server, host string) bool {
	server, ok := canonicalHost(server)
	if !ok {
		return false
	}
	if server == host {
		return true
	}
	for _, cert := range l.certs {
		if cert.Leaf.VerifyHostname(server) == nil && cert.Leaf.VerifyHostname(host) == nil {
			return true
		}
	}
	return false
}
