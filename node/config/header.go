package config

import (
	"fmt"
	"net/textproto"
	"regexp"
	"slices"
	"strings"
	"time"

	"picket/policy"
)

// identityHeaders reads the headers that tell the upstream who asks. Their values are of the policy language. seen are the names,
// folded, that the route sets otherwise, and what sets them; those that are read are added.
func (b block) identityHeaders(seen map[string]string, o policy.Options) []HeaderValue {
	if !b.has("identity_headers") {
		return nil
	}
	var all []HeaderValue
	for _, e := range b.entries(b.body.Attributes["identity_headers"].Expr) {
		value, diags := policy.NewTemplate(e.value, o)
		b.take(diags)
		name, ok := b.headerName(e.key)
		if !ok {
			continue
		}
		if other, twice := seen[fold(name)]; twice {
			b.fail(badHeader, e.key.at, "%s is set by %s already.", name, other)
			continue
		}
		seen[fold(name)] = name
		if !diags.HasErrors() {
			all = append(all, HeaderValue{Name: name, Value: value})
		}
	}
	return all
}

// headerName checks the name of a header that is sent upstream, and gives it in canonical form.
func (d *decoder) headerName(w word) (string, bool) {
	if why := unfit(w.text); why != "" {
		d.fail(badHeader, w.at, "%s", why)
		return "", false
	}
	return textproto.CanonicalMIMEHeaderKey(w.text), true
}

// headerToken is RFC 9110, section 5.6.2, without "_".
var headerToken = regexp.MustCompile("^[!#$%&'*+.^`|~0-9A-Za-z-]+$")

// unfit says why a header cannot be set by a route; "" when it can.
func unfit(name string) string {
	folded := fold(name)
	switch {
	case strings.Contains(name, "_"):
		return fmt.Sprintf("Servers take \"_\" and \"-\" for one another. Write %q.", strings.ReplaceAll(name, "_", "-"))
	case !headerToken.MatchString(name):
		return notHeader(name)
	case slices.Contains(hopByHop(), folded):
		return name + " is for one connection alone (RFC 9110, section 7.6.1): it is not sent on."
	case slices.Contains(framing(), folded):
		return name + " is decided by picket for each request."
	}
	return ""
}

// fold is a header's name as servers may confuse it with others: some put "-" or "_" for all that is neither letter nor digit. The
// door removes what clients send by the same rule.
func fold(name string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case 'A' <= c && c <= 'Z':
			return c + 'a' - 'A'
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c >= 0x80:
			return c
		}
		return '-'
	}, name)
}

func hopByHop() []string {
	return []string{
		"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
		"transfer-encoding", "upgrade", "http2-settings",
	}
}

// framing are the headers that say where a request ends, where it goes, or where it came from.
func framing() []string {
	return []string{
		"content-length", "cookie", "expect", "forwarded", "host", "x-forwarded-for", "x-forwarded-host",
		"x-forwarded-port", "x-forwarded-proto", "x-request-id",
	}
}

// assertion reads how the signed identity is sent: by default under the usual name, for the host that people visit.
func (b block) assertion(host string) Assertion {
	a := Assertion{
		Header:   "X-Picket-Jwt-Assertion",
		Claims:   []string{"email", "groups", "name"},
		Audience: host,
		Lifetime: b.duration("lifetime", 5*time.Minute, 10*time.Second),
	}
	if w, ok := b.optional("header"); ok {
		a.Header = ""
		if w.text != "" {
			a.Header, _ = b.headerName(w)
		}
	}
	if b.has("audience") {
		w, _ := b.required("audience", "whom the assertion is for")
		a.Audience = w.text
	}
	if words, written := b.texts("claims"); written {
		a.Claims = b.claims(words)
	}
	return a
}

func (b block) claims(words []word) []string {
	names := []string{}
	for _, w := range words {
		if slices.Contains(ownClaims(), w.text) {
			b.fail(reservedClaim, w.at, "picket sets %s itself in every assertion.", w.text)
			continue
		}
		names = append(names, w.text)
	}
	return names
}

// ownClaims are those that make an assertion one (RFC 7519, section 4.1).
func ownClaims() []string { return []string{"aud", "exp", "iat", "iss", "jti", "nbf", "sub"} }
