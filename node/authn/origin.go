package authn

import (
	"net/url"
	"strings"

	"picket/node/config"
)

// maxReturn bounds the address that a sign-in returns to, in bytes: it travels in URLs, sealed.
const maxReturn = 2048

// known tells whether pages of ours are served on an origin: it is the authenticate host, or some route's.
func (a *Authn) known(o config.Origin) bool {
	if o == a.sso() {
		return true
	}
	for i := range a.conf.Routes {
		if matches(a.conf.Routes[i].From, o) {
			return true
		}
	}
	return false
}

// matches tells whether the origin of a request is one of those that from stands for.
func matches(from, o config.Origin) bool {
	suffix, wild := strings.CutPrefix(from.Host, "*")
	if !wild {
		return from == o
	}
	return from.Scheme == o.Scheme && from.Port == o.Port && len(o.Host) > len(suffix) && strings.HasSuffix(o.Host, suffix)
}

// parseOrigin reads what Origin.String writes.
func parseOrigin(s string) (config.Origin, bool) {
	u, err := url.Parse(s)
	if err != nil {
		return config.Origin{}, false
	}
	o := config.Origin{Scheme: u.Scheme, Host: u.Hostname(), Port: u.Port()}
	if strings.Contains(o.Host, ":") {
		o.Host = "[" + o.Host + "]" // an IPv6 address
	}
	return o, o.String() == s
}

// localPath tells whether s is a path, with or without a query, that stays on the origin that it is put behind, in every
// browser: one leading slash, no backslash, no control byte (oauth2-proxy CVE-2020-5233 and its successors).
func localPath(s string) bool {
	if s == "" || s[0] != '/' || len(s) > maxReturn || strings.HasPrefix(s, "//") {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f || s[i] == '\\' || s[i] == '#' {
			return false
		}
	}
	return true
}
