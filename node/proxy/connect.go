package proxy

import (
	"net/http"
	"strconv"
	"strings"

	"picket/node/authn"
	"picket/node/authz"
	"picket/policy"
)

// passTunnel is the whole way of a CONNECT request (RFC 9110, section 9.3.6), step by step. It is for programs: they show a
// bearer, and no cookie counts.
func (d *Door) passTunnel(w *recorder, r *http.Request, l *front, a *ask) {
	w.last = r.ProtoMajor == 1 // a client that did not wait for the answer must not have what follows read as a request
	f := d.readConnect(a, l, r)
	if f == nil {
		f = d.findTunnel(a, l)
	}
	if f != nil {
		d.turnAway(w, r, a, f)
		return
	}
	a.bearer = authn.SoleBearer(append(r.Header["Authorization"], r.Header["Proxy-Authorization"]...))
	a.rules.scrub.request(r.Header)
	r.Header["X-Request-Id"] = []string{a.id}
	d.keepCredentials(r.Header)
	if f := d.admit(r.Context(), a); f != nil {
		d.turnAway(w, r, a, f)
		return
	}
	d.carry(w, r, a)
}

// readConnect takes from a CONNECT request all that the door goes by. It names a host and a port and nothing else, and
// has no body: what comes after it is for the other end of the tunnel.
func (d *Door) readConnect(a *ask, l *front, r *http.Request) *authz.Refusal {
	a.client = l.client(r.RemoteAddr, r.Header["X-Forwarded-For"])
	_, extended := r.Header[":protocol"] // RFC 8441: not TCP
	switch {
	case extended:
		return wrongMethod("Extended " + r.Method)
	case r.ContentLength > 0 || len(r.TransferEncoding) > 0 || len(r.Trailer) > 0:
		return malformed("a CONNECT request has no body")
	case r.RequestURI != r.Host:
		return malformed("a CONNECT request names a host and a port, and nothing else")
	}
	host, port, ok := splitAuthority(r.Host)
	if !ok {
		return malformed("a CONNECT request names a host and a port")
	}
	if f := checkFields(r.Header); f != nil {
		return f
	}
	a.host, a.port = host, port
	a.in = policy.Input{Now: a.began, Request: policy.Request{
		Method: r.Method, Host: host, Header: fields(r.Header), IP: a.client, UserAgent: r.UserAgent(),
	}}
	return checkTLS(a, l, r)
}

// splitAuthority takes HOST:PORT apart. The host is made canonical; a port has one spelling.
func splitAuthority(authority string) (host, port string, ok bool) {
	colon := strings.LastIndexByte(authority, ':')
	if colon < 0 {
		return "", "", false
	}
	port = authority[colon+1:]
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 || strconv.FormatUint(n, 10) != port {
		return "", "", false
	}
	if strings.Contains(authority[:colon], ":") != strings.HasPrefix(authority, "[") {
		return "", "", false
	}
	host, ok = hostOf(authority)
	return host, port, ok
}

// findTunnel finds the route that the host and the port are of.
func (d *Door) findTunnel(a *ask, l *front) *authz.Refusal {
	s := a.rules.table.find(a.host)
	if s == nil {
		return unknownHost()
	}
	a.origin = s.at(a.host)
	a.in.Request.Scheme = a.origin.Scheme
	if !s.tcp || l.Redirect != "" {
		return wrongMethod(http.MethodConnect)
	}
	if a.route = a.rules.table.tunnel(a); a.route == nil {
		return noTunnel()
	}
	return nil
}
