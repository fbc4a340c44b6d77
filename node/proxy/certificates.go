package proxy

import (
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strings"

	"picket/node/config"
)

// source gives the certificate for a ClientHello, nil when it has none for it.
type source func(*tls.ClientHelloInfo) (*tls.Certificate, error)

// certificates are those of one listener that stand in files, in the order of the configuration.
type certificates struct {
	all    []*tls.Certificate
	byName map[string][]*tls.Certificate // "*.example.com" is a name
}

// newCertificates reads chains and keys; all mistakes are told at once.
func newCertificates(from []config.Certificate) (certificates, error) {
	var mistakes []error
	made := certificates{byName: map[string][]*tls.Certificate{}}
	for i, c := range from {
		cert, err := tls.X509KeyPair(c.Chain, c.Key)
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("certificate %d: %w", i+1, err))
			continue
		}
		made.all = append(made.all, &cert)
		for _, name := range cert.Leaf.DNSNames {
			name = strings.ToLower(strings.TrimSuffix(name, "."))
			made.byName[name] = append(made.byName[name], &cert)
		}
	}
	return made, errors.Join(mistakes...)
}

// of are the certificates for a canonical host. What names it goes before a wildcard.
func (c certificates) of(host string) []*tls.Certificate {
	all := c.byName[host]
	if _, rest, ok := strings.Cut(host, "."); ok {
		all = append(all[:len(all):len(all)], c.byName["*."+rest]...)
	}
	return all
}

// named is a source: the first for the name that the client can use, else the first for the name.
func (c certificates) named(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	host, ok := canonicalHost(hello.ServerName)
	if !ok {
		return nil, nil
	}
	named := c.of(host)
	for _, cert := range named {
		if hello.SupportsCertificate(cert) == nil {
			return cert, nil
		}
	}
	if len(named) > 0 {
		return named[0], nil
	}
	return nil, nil
}

// first is a source for who names no host, or one that no certificate is for.
func (c certificates) first(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if len(c.all) == 0 {
		return nil, nil
	}
	return c.all[0], nil
}

// certificate is the one for a ClientHello: of a file by its name, else obtained for it, else of the first file.
func (l *front) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	from := []source{l.certs.named, l.certs.first}
	if l.obtained != nil && hello.ServerName != "" {
		from = []source{l.certs.named, l.obtained, l.certs.first}
	}
	mistakes := []error{errNoCertificate}
	for _, from := range from {
		cert, err := from(hello)
		if cert != nil {
			return cert, nil
		}
		mistakes = append(mistakes, err)
	}
	return nil, errors.Join(mistakes...)
}

var errNoCertificate = errors.New("there is no certificate for this name")

// covers tells whether a connection that was made for one host may be used for another: where the certificate that it was
// made with stands for both, a browser does so rightly (RFC 9113, section 9.1.1). Where it may have been one of several, all
// must. One that was obtained is held to be for its host alone; and who names no host has the first that stands in a file.
func (l *front) covers(server, host string) bool {
	if server == host {
		return true // as almost always
	}
	served := l.certs.all[:min(1, len(l.certs.all))]
	if server != "" {
		name, ok := canonicalHost(server)
		if !ok {
			return false
		}
		if name == host {
			return true
		}
		served = l.certs.of(name)
	}
	return len(served) > 0 && !slices.ContainsFunc(served, func(c *tls.Certificate) bool { return c.Leaf.VerifyHostname(host) != nil })
}
