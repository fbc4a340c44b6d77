package config

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"time"
)

// revoked reads client_crl: lists of revoked certificates (RFC 5280, section 5), each of one of the authorities.
func (b block) revoked(authorities []*x509.Certificate) []*x509.RevocationList {
	w, ok := b.optional("client_crl")
	if !ok {
		return nil
	}
	lists, err := parseLists([]byte(w.text))
	if err != nil {
		b.fail(badPEM, w.at, "%s", sentence(err))
		return nil
	}
	if len(authorities) == 0 {
		return lists // reported
	}
	for _, list := range lists {
		if err := checkList(list, authorities); err != nil {
			b.fail(badList, w.at, "%s", sentence(err))
		} else if !list.NextUpdate.IsZero() && !time.Now().Before(list.NextUpdate) {
			b.warn(listExpired, w.at, "The list of %s was to be replaced by %s: until it is, no certificate of that authority is valid.",
				list.Issuer, list.NextUpdate.UTC().Format(time.DateTime))
		}
	}
	for _, a := range authorities {
		if !slices.ContainsFunc(lists, func(l *x509.RevocationList) bool { return bytes.Equal(l.RawIssuer, a.RawSubject) }) {
			b.warn(listMissing, w.at, "There is none of %s: its certificates count as never revoked.", a.Subject)
		}
	}
	return lists
}

// parseLists reads the lists of a PEM text: at least one.
func parseLists(text []byte) ([]*x509.RevocationList, error) {
	var lists []*x509.RevocationList
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "X509 CRL" {
			continue
		}
		list, err := x509.ParseRevocationList(block.Bytes)
		if err != nil {
			return nil, errors.New("there is a PEM block X509 CRL that is not a list of revoked certificates")
		}
		lists = append(lists, list)
	}
	if len(lists) == 0 {
		return nil, errors.New("there is no PEM block X509 CRL in this text. Write file(\"PATH\") to have a file's list")
	}
	return lists, nil
}

// checkList refuses a list that none of the authorities signed, and one that does not say for itself what is revoked.
func checkList(list *x509.RevocationList, authorities []*x509.Certificate) error {
	why := errors.New("client_ca does not have it. Add its certificate to client_ca, or leave the list out")
	for _, a := range authorities {
		if !bytes.Equal(a.RawSubject, list.RawIssuer) {
			continue
		}
		if why = list.CheckSignatureFrom(a); why == nil {
			return partial(list)
		}
		why = fmt.Errorf("the one of that name in client_ca did not sign it (%w)", why)
	}
	return fmt.Errorf("the list is of %s, and %w", list.Issuer, why)
}

// Extensions of a list, and of its entries (RFC 5280, section 5.2).
var (
	deltaList         = asn1.ObjectIdentifier{2, 5, 29, 27}
	distributionPoint = asn1.ObjectIdentifier{2, 5, 29, 28}
	entryIssuer       = asn1.ObjectIdentifier{2, 5, 29, 29}
)

// partial refuses lists that are only changes to another, that hold certificates of several issuers, or that have a critical
// extension which is not known here.
func partial(list *x509.RevocationList) error {
	for _, e := range list.Extensions {
		switch {
		case e.Id.Equal(deltaList):
			return fmt.Errorf("the list of %s says only what changed since another (a delta CRL). Give the whole one", list.Issuer)
		case e.Critical && !e.Id.Equal(distributionPoint):
			return fmt.Errorf("the list of %s has an extension that must be understood and is not: %s", list.Issuer, e.Id)
		}
	}
	for _, entry := range list.RevokedCertificateEntries {
		for _, e := range entry.Extensions {
			if e.Id.Equal(entryIssuer) || e.Critical {
				return fmt.Errorf("the list of %s is for certificates of others, too (an indirect CRL). Give one of each issuer", list.Issuer)
			}
		}
	}
	return nil
}
