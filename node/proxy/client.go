package proxy

import (
	"net/netip"
	"slices"
	"strings"

	"picket/node/proxy/http1"
)

// clientOf is the address of who sends a request.
func (l *front) clientOf(r *http1.Request) netip.Addr {
	if r.Peer.Addr.IsValid() && !l.trusts(r.Peer.Addr) {
		return r.Peer.Addr
	}
	return l.client(r.Remote, slices.Collect(r.Fields.All(http1.XForwardedFor)))
}

// clientText is the text of the client's address.
func (a *ask) clientText() string {
	if a.client == a.r.Peer.Addr {
		return a.r.Peer.Text
	}
	return a.client.String()
}

// client is the address of who asks: the peer of the connection or, where that is a trusted proxy, what X-Forwarded-For
// says, walked from the right past the trusted ones. The walk ends at the first address that is not trusted: what stands
// left of it is the client's own word, and were it looked at, any client could pass for the proxy by a word that is no
// address. It ends, too, at what is no address.
func (l *front) client(peer string, forwarded []string) netip.Addr {
	addr, ok := parseAddress(peer)
	if !ok || !l.trusts(addr) {
		return addr
	}
	client := addr
	for i := len(forwarded) - 1; i >= 0; i-- {
		for rest, more := forwarded[i], true; more; {
			var last string
			rest, last, more = cutLast(rest)
			hop, ok := parseAddress(strings.Trim(last, " \t"))
			if !ok {
				return client
			}
			if client = hop; !l.trusts(hop) {
				return client
			}
		}
	}
	return client
}

// cutLast splits a list at its last comma; more tells whether there was one.
func cutLast(list string) (rest, last string, more bool) {
	i := strings.LastIndexByte(list, ',')
	if i < 0 {
		return "", list, false
	}
	return list[:i], list[i+1:], true
}

// trusts tells whether an address is one of the proxies in front of this listener.
func (l *front) trusts(addr netip.Addr) bool {
	for _, p := range l.TrustedProxies {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// parseAddress reads an address with or without port, IPv6 with or without brackets; IPv4 in IPv6 is IPv4.
func parseAddress(s string) (netip.Addr, bool) {
	addr, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"))
	if err != nil {
		with, err := netip.ParseAddrPort(s)
		if err != nil {
			return netip.Addr{}, false
		}
		addr = with.Addr()
	}
	return addr.Unmap().WithZone(""), true
}
