package pomerium

import (
	"regexp"
	"slices"
	"strings"
)

// claimHeaders reads which claims upstreams get in headers of their own: an object of headers and claims, or claims
// alone, whose headers have Pomerium's names.
func (s *settings) claimHeaders(e entry) {
	if e.value.kind != mapping {
		for _, claim := range words(e.value) {
			name := "X-Pomerium-Claim-" + strings.Join(strings.FieldsFunc(claim, func(r rune) bool { return r == '_' || r == '.' || r == '-' }), "-")
			s.claimHeader(claimHeader{e.line, name, claim})
		}
		return
	}
	for _, h := range e.value.entries {
		if h.value.kind != scalar {
			s.lose(entry{e.key + " " + h.key, h.line, h.value}, "a header has the name of one claim")
			continue
		}
		s.claimHeader(claimHeader{h.line, h.key, h.value.text})
	}
}

// headerForm is the name of a header that picket sets; servers take "_" and "-" for one another.
var headerForm = regexp.MustCompile("^[!#$%&'*+.^`|~0-9A-Za-z-]{1,200}$")

// ofConnection are headers that picket decides on itself.
func ofConnection() []string {
	return append(perConnection(), "content-length", "cookie", "expect", "forwarded", "host",
		"x-forwarded-for", "x-forwarded-host", "x-forwarded-port", "x-forwarded-proto", "x-request-id",
		"x-pomerium-jwt-assertion",
	)
}

// perConnection are those of one connection (RFC 9110, section 7.6.1).
func perConnection() []string {
	return []string{
		"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
		"transfer-encoding", "upgrade", "http2-settings",
	}
}

func (s *settings) claimHeader(h claimHeader) {
	name := foldHeader(h.header)
	switch {
	case !headerForm.MatchString(h.header):
		s.lose(entry{key: "jwt_claims_headers " + h.header, line: h.line}, "picket does not set a header of that name")
	case slices.Contains(ofConnection(), name):
		s.lose(entry{key: "jwt_claims_headers " + h.header, line: h.line}, "picket sets that header itself")
	case slices.ContainsFunc(s.headers, func(other claimHeader) bool { return foldHeader(other.header) == name }):
		s.lose(entry{key: "jwt_claims_headers " + h.header, line: h.line}, "another header would be taken for it")
	default:
		s.ledger.keep(h.line, "jwt_claims_headers "+h.header)
		s.headers = append(s.headers, h)
	}
}

// foldHeader is a header's name as servers may confuse it with others.
func foldHeader(name string) string {
	return strings.Map(func(c rune) rune { // as the configuration does
		switch {
		case 'A' <= c && c <= 'Z':
			return c + 'a' - 'A'
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c >= 0x80:
			return c
		}
		return '-'
	}, name)
}

// headerObject is the headers with their claims; "" for none.
func (s *settings) headerObject() string {
	if len(s.headers) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("{\n")
	for _, h := range s.headers {
		b.WriteString(key(h.header) + " = " + claimValue(h.claim) + "\n")
	}
	b.WriteString("}")
	return b.String()
}

// claimValue is a claim of Pomerium's assertion as a text.
func claimValue(claim string) string {
	switch claim {
	case "email":
		return "user.email"
	case "name":
		return "user.name"
	case "groups":
		return `join(",", user.groups)`
	case "sub", "user":
		return "user.id"
	case "sid":
		return "session.id"
	}
	return claimNamed(claim)
}
