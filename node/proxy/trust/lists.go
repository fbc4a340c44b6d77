package trust

import (
	"crypto/x509"
	"fmt"
	"time"
)

// lists are those of revoked certificates (RFC 5280, section 5), by the distinguished name of who issued them.
type lists map[string]*list

// list is what all lists of one issuer say together.
type list struct {
	revoked map[string]bool // by serial number
	until   time.Time       // the first of them is to be replaced; zero: never
}

func newLists(from []*x509.RevocationList) lists {
	all := lists{}
	for _, one := range from {
		issuer := string(one.RawIssuer)
		l := all[issuer]
		if l == nil {
			l = &list{revoked: make(map[string]bool, len(one.RevokedCertificateEntries))}
			all[issuer] = l
		}
		for _, entry := range one.RevokedCertificateEntries {
			l.revoked[string(entry.SerialNumber.Bytes())] = true
		}
		l.until = earlier(l.until, one.NextUpdate)
	}
	return all
}

// check refuses a way with a revoked certificate on it, and one about which a list is too old to tell. An issuer without a list
// revokes nothing. It gives until when that is known.
func (all lists) check(way []*x509.Certificate, now time.Time) (until time.Time, err error) {
	for _, c := range way {
		l := all[string(c.RawIssuer)]
		if l == nil {
			continue
		}
		if l.revoked[string(c.SerialNumber.Bytes())] {
			return until, fmt.Errorf("%w: serial number %x of %s", ErrRevoked, c.SerialNumber, name(c.RawIssuer))
		}
		if !l.until.IsZero() && !now.Before(l.until) {
			return until, fmt.Errorf("%w: that of %s was to be replaced by %s", ErrOldList, name(c.RawIssuer), l.until.UTC().Format(time.DateTime))
		}
		until = earlier(until, l.until)
	}
	return until, nil
}
