package proxy

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"

	"picket/node/authz"
	"picket/node/proxy/http1"
	"picket/policy"
)

// connectUDP is the token of CONNECT-UDP (RFC 9298, section 3), and datagramPath where it is asked for: followed by the host and the
// port, each with a slash behind it.
const (
	connectUDP   = "connect-udp"
	datagramPath = "/.well-known/masque/udp/"
)

// wantsDatagrams tells whether a request is CONNECT-UDP: an extended CONNECT or, over HTTP/1.1, a GET that switches.
func wantsDatagrams(r *http1.Request) bool {
	if r.Protocol != "" {
		return r.Protocol == connectUDP
	}
	return r.Upgrade && r.Major == 1 && r.Minor == 1 && r.Method == http.MethodGet && strings.HasPrefix(r.Target, datagramPath) &&
		httpguts.HeaderValuesContainsToken(slices.Collect(r.Fields.All(http1.Upgrade)), connectUDP)
}

// readConnectUDP takes from such a request all that the door goes by. The host that is asked is the host that is asked for: it is
// where its route, its people and their bearers are.
func (d *Door) readConnectUDP(a *ask, l *front) *authz.Refusal {
	r := a.r
	a.client = l.clientOf(r)
	if r.Major == 1 && r.Length != 0 {
		return malformed("a request for datagrams has no body")
	}
	if f := readHost(a, l); f != nil {
		return f
	}
	if _, f := readFields(r, cmp.Or(l.Headers, maxFields)); f != nil {
		return f
	}
	rest, ok := strings.CutPrefix(r.Target, datagramPath)
	host, port, two := strings.Cut(strings.TrimSuffix(rest, "/"), "/")
	n, err := strconv.ParseUint(port, 10, 16)
	if !ok || !two || err != nil || n == 0 || strconv.FormatUint(n, 10) != port {
		return malformed("a request for datagrams names a host and a port in its path")
	}
	name, err := url.PathUnescape(host) // an IPv6 address has its colons encoded
	if err != nil {
		return malformed("a request for datagrams names a host and a port in its path")
	}
	if strings.Contains(name, ":") {
		name = "[" + name + "]"
	}
	if named, ok := hostOf(name); !ok || named != a.host {
		return malformed("a request for datagrams is sent to the host that it is for")
	}
	a.port = port
	agent, _ := r.Fields.Get("User-Agent")
	a.in.Now = a.began
	a.in.Request = policy.Request{Method: http.MethodConnect, Host: a.host, Path: r.Target, Header: a, IP: a.client, UserAgent: agent}
	return nil
}
