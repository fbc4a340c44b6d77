package config

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
)

// authorities is the PEM of an attribute that holds certificates to trust; nil when it is not written.
func (b block) authorities(name string) []byte {
	w, ok := b.optional(name)
	if !ok {
		return nil
	}
	if _, err := parseChain([]byte(w.text)); err != nil {
		b.fail(badPEM, w.at, "%s", sentence(err))
		return nil
	}
	return []byte(w.text)
}

// parseChain reads the certificates of a PEM text: at least one.
func parseChain(text []byte) ([]*x509.Certificate, error) {
	var chain []*x509.Certificate
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, errors.New("there is a PEM block CERTIFICATE that is not an X.509 certificate")
		}
		chain = append(chain, certificate)
	}
	if len(chain) == 0 {
		return nil, errors.New("there is no PEM block CERTIFICATE in this text. Write file(\"PATH\") to have a file's text")
	}
	return chain, nil
}

// parseKey reads the private key of a PEM text.
func parseKey(text []byte) (crypto.Signer, error) {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED") {
			return nil, errors.New("the key is encrypted. A node starts unattended: give it the key in the clear")
		}
		if !strings.HasSuffix(block.Type, "PRIVATE KEY") {
			continue
		}
		if key, ok := signer(block.Bytes); ok {
			return key, nil
		}
		return nil, errors.New("there is a PEM block PRIVATE KEY that cannot be read (PKCS #8, PKCS #1 or SEC 1)")
	}
	return nil, errors.New("there is no PEM block PRIVATE KEY in this text. Write file(\"PATH\") to have a file's text")
}

func signer(der []byte) (crypto.Signer, bool) {
	if key, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		s, ok := key.(crypto.Signer)
		return s, ok
	}
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key, true
	}
	key, err := x509.ParseECPrivateKey(der)
	return key, err == nil
}

// belong tells whether a certificate is for a key.
func belong(leaf *x509.Certificate, key crypto.Signer) bool {
	public, ok := leaf.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	return ok && public.Equal(key.Public())
}

// expiry warns of a certificate that browsers would refuse today.
func (d *decoder) expiry(leaf *x509.Certificate, at hcl.Range) {
	if time.Now().After(leaf.NotAfter) {
		d.warn(certificateExpired, at, "It was good until %s.", leaf.NotAfter.UTC().Format(time.DateTime))
	}
}
