package trust

import (
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"slices"
	"strings"

	"picket/node/config"
	"picket/policy"
)

// describe gives what policies see of a certificate, but for whether it is valid.
func describe(c *x509.Certificate) policy.Certificate {
	whole, key := sha256.Sum256(c.Raw), sha256.Sum256(c.RawSubjectPublicKeyInfo)
	d := policy.Certificate{
		Present: true, Fingerprint: hex.EncodeToString(whole[:]), SPKI: hex.EncodeToString(key[:]),
		Subject: name(c.RawSubject), Issuer: name(c.RawIssuer), SANDNS: []string{}, SANEmail: []string{}, SANURI: []string{},
	}
	for _, n := range c.DNSNames {
		d.SANDNS = append(d.SANDNS, strings.ToLower(n))
	}
	d.SANEmail = append(d.SANEmail, c.EmailAddresses...)
	for _, u := range c.URIs {
		d.SANURI = append(d.SANURI, u.String())
	}
	return d
}

// name is a distinguished name as text (RFC 4514), its parts in the order that they are signed in; "" when it cannot be read.
func name(raw []byte) string {
	var parts pkix.RDNSequence
	if rest, err := asn1.Unmarshal(raw, &parts); err != nil || len(rest) > 0 {
		return ""
	}
	return parts.String()
}

// named tells whether a certificate has one of some names.
func named(c *x509.Certificate, wanted []config.CertificateName) bool {
	return slices.ContainsFunc(wanted, func(n config.CertificateName) bool { return has(c, n) })
}

func has(c *x509.Certificate, n config.CertificateName) bool {
	switch n.Kind {
	case config.NameDNS:
		return slices.ContainsFunc(c.DNSNames, func(s string) bool { return n.Matches(strings.ToLower(s)) })
	case config.NameEmail:
		return slices.ContainsFunc(c.EmailAddresses, n.Matches)
	case config.NameURI:
		for _, u := range c.URIs {
			if n.Matches(u.String()) {
				return true
			}
		}
	case config.NameIP:
		for _, ip := range c.IPAddresses {
			if n.Contains(ip) {
				return true
			}
		}
	}
	return false
}
