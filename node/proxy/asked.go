package proxy

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"picket/node/config"
	"picket/node/proxy/trust"
)

// asked is what TLS asks of clients about themselves, of those that name one host or of all others. That a client has shown
// a certificate when TLS was agreed on says nothing yet: it is judged for each request, by what the route trusts.
type asked struct {
	auth        tls.ClientAuthType
	authorities *x509.CertPool    // that clients are told of, so that they can choose; nil: any
	label       [sha256.Size]byte // equal where the same is asked
	rules       [sha256.Size]byte // equal where the answer is judged alike besides
	trusts      []*trust.Trust    // of the listener and of the routes
	insists     bool              // somewhere a request is refused without a valid certificate
	now         func() time.Time
}

// newAsked puts together what a listener asks, and what routes of one site ask besides.
func newAsked(l *front, routes []*route) asked {
	a := asked{now: l.tickets.now, insists: l.Client.Ask == config.Required}
	var authorities []*x509.Certificate
	all := true // that may have issued a certificate are known
	ask := func(c config.ClientCertificates, t *trust.Trust) {
		a.auth = max(a.auth, tls.RequestClientCert)
		a.insists = a.insists || c.Ask == config.Required
		a.trusts = append(a.trusts, t)
		if len(c.Authorities) == 0 {
			c.Authorities = l.Client.Authorities
		}
		authorities = append(authorities, c.Authorities...)
		all = all && len(c.Authorities) > 0
	}
	if l.Client.Ask != config.NotAsked {
		ask(l.Client, l.trust)
	}
	for _, r := range routes {
		ask(r.Client, l.ofRoute[r])
	}
	if l.Client.Ask == config.Required {
		a.auth = tls.RequireAnyClientCert
	}
	if all {
		a.tell(authorities)
	}
	a.label = a.print(authorities)
	rules := fmt.Appendf(nil, "%x %v", a.label, a.insists)
	for _, t := range a.trusts {
		rules = fmt.Appendf(rules, " %x", t.Print())
	}
	a.rules = sha256.Sum256(rules)
	return a
}

// tell has clients told whose certificates are wanted.
func (a *asked) tell(authorities []*x509.Certificate) {
	if len(authorities) == 0 {
		return
	}
	a.authorities = x509.NewCertPool()
	for _, c := range authorities {
		a.authorities.AddCert(c)
	}
}

// print is the same where the same is asked.
func (a *asked) print(authorities []*x509.Certificate) [sha256.Size]byte {
	var parts []string
	for _, c := range authorities {
		sum := sha256.Sum256(c.Raw)
		parts = append(parts, string(sum[:]))
	}
	slices.Sort(parts)
	return sha256.Sum256(fmt.Appendf(nil, "%d %v %q", a.auth, a.authorities != nil, slices.Compact(parts)))
}

// nothing tells whether clients are asked for no certificate.
func (a *asked) nothing() bool { return a.auth == tls.NoClientCert }

// errUnwelcome is for clients that TLS is not agreed on with, because of what they showed.
var errUnwelcome = errors.New("the client's certificate is not accepted")

// verify is tls.Config.VerifyConnection of a listener that requires a certificate: TLS is agreed on with nobody who could
// not make any request. It is asked at each handshake, of sessions that are resumed as well.
func (a *asked) verify(state tls.ConnectionState) error {
	if v := a.judge(state.PeerCertificates, a.now()); v.Why != nil {
		return fmt.Errorf("%w: %w", errUnwelcome, v.Why)
	}
	return nil
}

// judge gives the best verdict of all who may want the certificate.
func (a *asked) judge(chain []*x509.Certificate, now time.Time) *trust.Verdict {
	v := &trust.Verdict{Why: trust.ErrNone}
	for _, t := range a.trusts {
		if v = t.Judge(chain, now); v.Why == nil {
			break
		}
	}
	return v
}

// resumable tells whether a session may be resumed later. Where a request could be refused for want of a certificate, the
// client is to be asked again next time: it may have another by then.
func (a *asked) resumable(state tls.ConnectionState) bool {
	if len(state.PeerCertificates) == 0 {
		return !a.insists
	}
	return a.verify(state) == nil
}
