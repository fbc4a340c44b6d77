package proxy

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"picket/node/authz"
	"picket/node/config"
	"picket/node/proxy/trust"
)

// askClients notes what clients are asked for and what is trusted, by the listener and by each route.
func (l *front) askClients(routes []*route) {
	l.trust = trust.New(l.Client)
	l.ofRoute, l.ofSite = map[*route]*trust.Trust{}, map[*site]*secured{}
	asking := map[*site][]*route{}
	for _, r := range routes {
		if r.Client.Ask == config.NotAsked {
			continue
		}
		if s, err := l.table.site(r.From); err == nil { // else it was told
			asking[s] = append(asking[s], r)
		}
		switch {
		case len(r.Client.Authorities) > 0:
			l.ofRoute[r] = trust.New(r.Client)
		case r.Client.Depth > 0 || len(r.Client.Names) > 0:
			l.ofRoute[r] = l.trust.Narrowed(r.Client)
		default:
			l.ofRoute[r] = l.trust
		}
	}
	for s, routes := range asking {
		l.ofSite[s] = l.newSecured(routes...)
	}
	l.others = l.newSecured()
}

// certify notes the certificate that the client has shown, as the route sees it, and refuses a request without a valid one
// where that is required: by the route, or by the listener, whose other pages are for whoever TLS is agreed on with.
func (a *ask) certify(l *front, now time.Time) *authz.Refusal {
	if a.r.TLS != nil {
		a.shown = a.r.TLS.PeerCertificates
	}
	if len(a.shown) == 0 && !l.requires(a.route) {
		return nil
	}
	v := a.judge(l, a.route, now)
	if a.in.Certificate = v.Certificate; v.Why == nil || !l.requires(a.route) {
		return nil
	}
	a.distrust = v.Why
	a.w.last = true // the client is to be asked anew
	return uncertified(a, v.Why)
}

// requires tells whether a request needs a valid certificate.
func (l *front) requires(r *route) bool {
	return l.Client.Ask == config.Required || r != nil && r.Client.Ask == config.Required
}

// judge gives the verdict on what was shown, as a route sees it. Our own pages (nil) are for whom any route of the host is.
func (a *ask) judge(l *front, r *route, now time.Time) *trust.Verdict {
	if r == nil && l.others != nil {
		return l.secured(a.host).asked.judge(a.shown, now)
	}
	if t := l.ofRoute[r]; t != nil {
		return t.Judge(a.shown, now)
	}
	return l.trust.Judge(a.shown, now)
}

// noTLS notes a handshake that failed. That it is for want of a certificate is for operators to know; all else is between the
// client and itself.
func (d *Door) noTLS(conn net.Conn, err error) {
	if strings.Contains(err.Error(), "client didn't provide a certificate") { // crypto/tls has no name for it
		err = fmt.Errorf("%w: %w", errUnwelcome, trust.ErrNone)
	}
	e := d.log.Debug()
	if errors.Is(err, errUnwelcome) {
		d.metrics.distrusted(err)
		e = d.log.Info()
	}
	client, _, _ := net.SplitHostPort(conn.RemoteAddr().String())
	e.Err(err).Str("client", client).Str("node", d.node).Msg("no TLS came about")
}

// errUncertified is why a request under way was ended whose certificate is no longer valid.
type errUncertified struct{ why error }

func (e errUncertified) Error() string {
	return fmt.Sprintf("the client's certificate is no longer valid: %v", e.why)
}

// certified judges again the certificate of a request under way.
func (a *ask) certified(rules *Rules, r *route, now time.Time) (*trust.Verdict, error) {
	l := rules.front(a.through)
	if l == nil { // its address is closed; what is under way may come to its end
		return &trust.Verdict{Certificate: a.in.Certificate}, nil
	}
	if len(a.shown) == 0 && !l.requires(r) {
		return &trust.Verdict{}, nil
	}
	v := a.judge(l, r, now)
	if v.Why != nil && l.requires(r) {
		return v, errUncertified{v.Why}
	}
	return v, nil
}

// uncertified is for a request without a certificate that is valid for what it asks for.
func uncertified(a *ask, why error) *authz.Refusal {
	f := &authz.Refusal{
		Status: 403, Code: "certificate_invalid", Title: "Your client certificate is not accepted here", Route: a.routeName(),
		Detail: "The certificate that was shown is not valid for this address.",
		Next:   "Choose another certificate, or ask whoever runs this application for one.",
	}
	switch {
	case errors.Is(why, trust.ErrNone):
		f.Code, f.Title = "certificate_required", "This asks for a client certificate"
		f.Detail, f.Next = "No certificate was shown when the connection was made.", "Install a certificate for this address, or choose it when you are asked, and try again."
	case errors.Is(why, trust.ErrTime):
		f.Detail = "The certificate that was shown has expired, or is not good yet."
	case errors.Is(why, trust.ErrRevoked):
		f.Detail = "The certificate that was shown was revoked."
	}
	return f
}
