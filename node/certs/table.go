package certs

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3/acme"
)

// site is what is known of one name's certificate. It is immutable.
type site struct {
	name    string
	cert    *tls.Certificate // that is served; nil: none
	renew   time.Time        // when the one that is stored is to be renewed; zero: at once, there is none that is usable
	ari     time.Time        // when the authority is to be asked again when to renew; zero: never
	stored  pair             // what is stored
	broken  error            // why what is stored cannot be used; nil: it can, or there is nothing
	hidden  bool             // what is stored cannot be read: what it says is unknown
	attempt attempt          // the last that failed, or is under way; zero: none
	next    time.Time        // when nobody waits for it any more; zero: nobody does
}

// pair is what is stored of a certificate.
type pair struct{ chain, key, meta []byte }

// none tells whether nothing is stored, or not all: certmagic orders then.
func (p pair) none() bool { return p.chain == nil || p.key == nil || p.meta == nil }

func (p pair) equal(o pair) bool {
	return bytes.Equal(p.chain, o.chain) && bytes.Equal(p.key, o.key) && bytes.Equal(p.meta, o.meta)
}

// table is every name's certificate, as the bucket has it.
type table struct{ sites map[string]*site }

// newTable reads the view of the bucket. A certificate that was served before goes on being served while what is stored
// cannot be used: it may be being written just now.
func newTable(w *wanted, waits *waits, all map[string]record, unread map[string]struct{}, before *table) *table {
	t := &table{sites: make(map[string]*site, len(w.Names))}
	for _, name := range w.Names {
		var old *site
		if before != nil {
			old = before.sites[name]
		}
		s := newSite(name, w.issuer, all, unread, old)
		s.next = waits.until(name, s.attempt)
		t.sites[name] = s
	}
	return t
}

func newSite(name, issuer string, all map[string]record, unread map[string]struct{}, old *site) *site {
	s := &site{name: name}
	value := func(of string) []byte {
		key := keyOf(of)
		if _, ok := unread[key]; ok {
			s.hidden = true
		}
		return all[key].Value
	}
	keys := certmagic.StorageKeys
	s.stored = pair{value(keys.SiteCert(issuer, name)), value(keys.SitePrivateKey(issuer, name)), value(keys.SiteMeta(issuer, name))}
	s.attempt = readAttempt(all[keyOf(attemptPath(name))].Value)
	if old != nil {
		s.cert = old.cert
	}
	switch {
	case s.hidden:
		s.broken = errors.New("what is stored of it cannot be read with the cluster's secrets")
	case s.stored.none():
	case old != nil && old.broken == nil && s.stored.equal(old.stored):
		s.renew, s.ari = old.renew, old.ari
	default:
		s.take()
	}
	return s
}

// take makes what is stored the certificate that is served, if it is usable.
func (s *site) take() {
	cert, err := s.stored.usable(s.name)
	if err != nil {
		s.broken = err
		return
	}
	s.cert = cert
	s.renew, s.ari = s.stored.schedule(cert)
}

// usable is the certificate, if chain and key belong together and are for the name.
func (p pair) usable(name string) (*tls.Certificate, error) {
	cert, err := tls.X509KeyPair(p.chain, p.key)
	if err != nil {
		return nil, fmt.Errorf("what is stored of it is no certificate with its key: %w", err)
	}
	if err := cert.Leaf.VerifyHostname(strings.Replace(name, "*", "any", 1)); err != nil {
		return nil, fmt.Errorf("what is stored of it is another's: %w", err)
	}
	return &cert, nil
}

// renewLeft is which part of its life a certificate has left when it is renewed, as certmagic has it; ariLeft, when it is
// renewed though the authority says that there is time.
const renewLeft, ariLeft = 3, 20

// schedule is when a certificate is to be renewed: when the authority has said (RFC 9773), else when a third of its
// life is left; and when the authority is to be asked again.
func (p pair) schedule(cert *tls.Certificate) (renew, ask time.Time) {
	life := cert.Leaf.NotAfter.Sub(cert.Leaf.NotBefore)
	info := p.renewal()
	if info == nil || info.SelectedTime.IsZero() {
		return cert.Leaf.NotAfter.Add(-life / renewLeft), ask
	}
	if info.RetryAfter != nil {
		ask = *info.RetryAfter
	}
	renew = cert.Leaf.NotAfter.Add(-life / ariLeft)
	if info.SelectedTime.Before(renew) {
		renew = info.SelectedTime
	}
	return renew, ask
}

// renewal is what the authority has said of when to renew; nil: nothing.
func (p pair) renewal() *acme.RenewalInfo {
	_, issued, err := p.metadata()
	if err != nil {
		return nil
	}
	return issued.RenewalInfo
}

// metadata is what certmagic and the authority note of a certificate.
func (p pair) metadata() (r certmagic.CertificateResource, issued acme.Certificate, err error) {
	if err = json.Unmarshal(p.meta, &r); err != nil {
		return r, issued, err
	}
	err = json.Unmarshal(r.IssuerData, &issued)
	return r, issued, err
}

// due is when something is to be done for a name; ok is false when that is for the operator.
func (s *site) due() (at time.Time, ok bool) {
	if s.hidden {
		return at, false
	}
	if s.broken == nil && !s.stored.none() {
		at = s.renew
	}
	if s.next.After(at) {
		at = s.next
	}
	return at, true
}

// pick is the certificate for a server's name: the name's own, else that of the wildcard above it.
func (t *table) pick(server string) *site {
	if s := t.sites[server]; s != nil {
		return s
	}
	if _, above, ok := strings.Cut(server, "."); ok {
		return t.sites["*."+above]
	}
	return nil
}
