// Package trust judges the certificates that clients show when TLS is agreed on: by the authorities that may have issued
// them, by the lists of those that were revoked, by how many steps lead to them, by the names in them, and by the time.
//
// It promises that a verdict is of one set of rules alone: what another listener or another route trusts never counts, nor
// what was found at an earlier handshake. A verdict holds until the first certificate or list that it rests on expires, and
// is kept with the connection, so that it costs each request next to nothing. What is done with it is left to the door.
package trust

import (
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"picket/node/config"
	"picket/policy"
)

// Why a certificate is not valid. What Verdict.Why holds wraps one of these.
var (
	ErrNone      = errors.New("no certificate was shown")
	ErrAuthority = errors.New("it was not issued by an authority that is trusted here")
	ErrTime      = errors.New("it is not yet, or no longer, good")
	ErrRevoked   = errors.New("it was revoked")
	ErrOldList   = errors.New("the list of revoked certificates is too old to tell")
	ErrDepth     = errors.New("too many steps lead to it")
	ErrName      = errors.New("it has none of the names that are asked for")
	ErrPurpose   = errors.New("it is not for clients")
)

// Word is one of a few for why a certificate is not valid: none, authority, time, revoked, old_list, depth, name or purpose.
func Word(why error) string {
	for _, known := range [...]struct {
		err  error
		word string
	}{
		{ErrNone, "none"}, {ErrTime, "time"}, {ErrRevoked, "revoked"}, {ErrOldList, "old_list"}, {ErrDepth, "depth"},
		{ErrName, "name"}, {ErrPurpose, "purpose"},
	} {
		if errors.Is(why, known.err) {
			return known.word
		}
	}
	return "authority"
}

// doubt is how long a verdict against a certificate holds.
const doubt = 10 * time.Second

// Trust is one set of rules. It is safe for concurrent use.
type Trust struct {
	print string         // of all that it goes by
	roots *x509.CertPool // nil: nobody is trusted
	lists lists
	rules []rule // all of which must hold
	seen  seen
}

// rule is what is asked of a certificate beside its authority.
type rule struct {
	depth int // 0: any
	names []config.CertificateName
}

// New makes the rules of a listener, or of a route with authorities of its own. Without authorities nobody is trusted, and
// certificates are described all the same.
func New(c config.ClientCertificates) *Trust {
	t := &Trust{print: print(c), lists: newLists(c.Revoked), rules: []rule{{c.Depth, c.Names}}}
	if len(c.Authorities) > 0 {
		t.roots = x509.NewCertPool()
		for _, a := range c.Authorities {
			t.roots.AddCert(a)
		}
	}
	return t
}

// Narrowed is the same trust with depth and names of a route asked for besides.
func (t *Trust) Narrowed(c config.ClientCertificates) *Trust {
	return &Trust{print: t.print + print(c), roots: t.roots, lists: t.lists, rules: append([]rule{{c.Depth, c.Names}}, t.rules...)}
}

// Print is equal where certificates are judged alike, on any node.
func (t *Trust) Print() string { return t.print }

func print(c config.ClientCertificates) string {
	h := sha256.New()
	for _, a := range c.Authorities {
		fmt.Fprintf(h, "authority %x ", a.Raw)
	}
	for _, l := range c.Revoked {
		fmt.Fprintf(h, "list %x ", l.Raw)
	}
	fmt.Fprintf(h, "depth %d ", c.Depth)
	for _, n := range c.Names {
		fmt.Fprintf(h, "name %q %q %q %q ", n.Kind, n.Text, n.Pattern, n.Network)
	}
	return string(h.Sum(nil))
}

// Verdict is what is found of a certificate. It is read only.
type Verdict struct {
	Certificate policy.Certificate
	Why         error // the certificate is not valid; nil: it is

	until time.Time // it holds
}

// Judge gives the verdict on what a client showed, its own certificate first. chain is that of a tls.ConnectionState, and not
// a copy: a verdict is kept as long as it is.
func (t *Trust) Judge(chain []*x509.Certificate, now time.Time) *Verdict {
	if len(chain) == 0 {
		return none()
	}
	if v := t.seen.get(chain); v != nil && now.Before(v.until) {
		return v
	}
	v := &Verdict{Certificate: describe(chain[0])}
	v.until, v.Why = t.verify(chain, now)
	v.Certificate.Valid = v.Why == nil
	if v.Why != nil {
		v.until = now.Add(doubt)
	}
	t.seen.put(chain, v)
	return v
}

func none() *Verdict { return &Verdict{Why: ErrNone} }

// verify finds a way from an authority to the certificate that all rules allow, and until when it is open.
func (t *Trust) verify(chain []*x509.Certificate, now time.Time) (until time.Time, err error) {
	if t.roots == nil {
		return until, ErrAuthority
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	ways, err := chain[0].Verify(x509.VerifyOptions{
		Roots: t.roots, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return until, reason(err)
	}
	err = nil
	for _, way := range ways {
		open, closed := t.walk(way, now)
		if closed != nil {
			err = closed
		} else if open.After(until) {
			until = open
		}
	}
	if !until.IsZero() {
		return until, nil
	}
	return until, err
}

// walk holds one way against the rules, and gives until when it is open.
func (t *Trust) walk(way []*x509.Certificate, now time.Time) (until time.Time, err error) {
	for _, r := range t.rules {
		if r.depth > 0 && len(way)-1 > r.depth {
			return until, fmt.Errorf("%w: %d, and %d may", ErrDepth, len(way)-1, r.depth)
		}
		if len(r.names) > 0 && !named(way[0], r.names) {
			return until, ErrName
		}
	}
	until, err = t.lists.check(way, now)
	if err != nil {
		return until, err
	}
	for _, c := range way {
		until = earlier(until, c.NotAfter)
	}
	return until, nil
}

// earlier is the first of two times; the zero time is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// reason says in words of ours why crypto/x509 does not verify a certificate.
func reason(err error) error {
	why := ErrAuthority
	var invalid x509.CertificateInvalidError
	if errors.As(err, &invalid) {
		switch invalid.Reason {
		case x509.Expired:
			why = ErrTime
		case x509.IncompatibleUsage:
			why = ErrPurpose
		}
	}
	return fmt.Errorf("%w: %w", why, err)
}
