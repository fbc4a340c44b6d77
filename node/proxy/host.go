package proxy

import (
	"net/netip"
	"strings"
)

// hostOf is the canonical host of an authority (RFC 3986, section 3.2): lower case, without port and trailing dot. ok is
// false when the authority is not a host with an optional port.
func hostOf(authority string) (host string, ok bool) {
	host = authority
	if strings.HasPrefix(host, "[") {
		end := strings.IndexByte(host, ']')
		if end < 0 || !isPort(host[end+1:]) {
			return "", false
		}
		return canonicalHost(host[:end+1])
	}
	if colon := strings.IndexByte(host, ':'); colon >= 0 {
		if !isPort(host[colon:]) {
			return "", false
		}
		host = host[:colon]
	}
	return canonicalHost(host)
}

// isPort tells whether s is nothing, or a colon and the digits of a port.
func isPort(s string) bool {
	if s == "" {
		return true
	}
	if s[0] != ':' || len(s) < 2 || len(s) > 6 {
		return false
	}
	return strings.Trim(s[1:], "0123456789") == ""
}

// canonicalHost lower-cases a name, drops one trailing dot and refuses what is no name. An IPv6 address comes with or
// without brackets and goes without them.
func canonicalHost(host string) (string, bool) {
	if strings.ContainsAny(host, "[:") {
		addr, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"))
		if err != nil || addr.Zone() != "" {
			return "", false
		}
		return addr.String(), true
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "" || len(host) > 253 {
		return "", false
	}
	label := 0 // length of the present label
	for i := range len(host) {
		c := host[i]
		switch {
		case c == '.':
			if label == 0 {
				return "", false
			}
			label = 0
			continue
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '_':
			label++
		default:
			return "", false
		}
		if label > 63 {
			return "", false
		}
	}
	return host, label > 0
}
