package proxy

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"picket/node/authn"
	"picket/node/authz"
	"picket/node/proxy/http1"
	"picket/policy"
)

// passTunnel is the whole way of a CONNECT request (RFC 9110, section 9.3.6), step by step. It is for programs: they show a
// bearer, and no cookie counts.
func (d *Door) passTunnel(a *ask, l *front) {
	a.w.last = a.r.Major == 1 // a client that did not wait for the answer must not have what follows read as a request
	f := d.readTunnel(a, l)
	if f == nil {
		f = d.findTunnel(a, l)
	}
	if f == nil {
		f = a.certify(l, a.began)
	}
	if f != nil {
		d.turnAway(a, f)
		return
	}
	shown := slices.Collect(a.r.Fields.All(http1.Authorization))
	a.bearer = authn.SoleBearer(slices.AppendSeq(shown, a.r.Fields.All(http1.ProxyAuthorization)))
	a.scrub()
	d.keepCredentials(a)
	if f := d.admit(&a.r.Life, a); f != nil {
		d.turnAway(a, f)
		return
	}
	d.carry(a)
}

// readTunnel takes from a request for a tunnel all that the door goes by.
func (d *Door) readTunnel(a *ask, l *front) *authz.Refusal {
	if a.datagrams {
		return d.readConnectUDP(a, l)
	}
	return d.readConnect(a, l)
}

// readConnect takes from a CONNECT request all that the door goes by. It names a host and a port and nothing else, and
// has no body: what comes after it is for the other end of the tunnel.
func (d *Door) readConnect(a *ask, l *front) *authz.Refusal {
	r := a.r
	a.client = l.clientOf(r)
	_, trailers := r.Fields.Get("Trailer")
	switch {
	case r.Protocol != "":
		return wrongMethod("Extended " + r.Method)
	case r.Length > 0 || r.Length < 0 && r.Major == 1 || trailers:
		return malformed("a CONNECT request has no body")
	case r.Target != r.Host:
		return malformed("a CONNECT request names a host and a port, and nothing else")
	}
	host, port, ok := splitAuthority(r.Host)
	if !ok {
		return malformed("a CONNECT request names a host and a port")
	}
	if _, f := readFields(r, cmp.Or(l.Headers, maxFields)); f != nil {
		return f
	}
	a.host, a.port = host, port
	agent, _ := r.Fields.Get("User-Agent")
	a.in.Now = a.began
	a.in.Request = policy.Request{Method: r.Method, Host: host, Header: a, IP: a.client, UserAgent: agent}
	return checkTLS(a, l)
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
	a.site, a.origin = s, s.at(a.host)
	a.in.Request.Scheme = a.origin.Scheme
	if !s.tcp || l.Redirect != "" {
		return wrongMethod(http.MethodConnect)
	}
	if a.route = a.rules.table.tunnel(a); a.route == nil {
		return noTunnel()
	}
	return nil
}
