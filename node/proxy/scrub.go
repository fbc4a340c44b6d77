package proxy

import (
	"slices"
	"strings"

	"picket/node/proxy/http1"
)

// reservedFamilies are the beginnings of folded names that are ours whatever follows, or under which other proxies tell of the
// certificate of a client (RFC 9440, X-Forwarded-Client-Cert, and what is customary).
var reservedFamilies = [...]string{
	"x-picket-", "x-forwarded-",
	"client-cert", "x-client-cert", "ssl-client-", "x-ssl-", "x-tls-client-", "x-amzn-mtls-", "x-arr-clientcert",
}

// reservedNames are folded names that are ours or that tell an upstream of another client, host or path than the one
// that was decided on. The names that the routes give are added to them.
var reservedNames = [...]string{
	"x-picket", "x-forwarded", "forwarded", "x-real-ip", "x-request-id", // who asks, by us alone
	"true-client-ip", "x-client-ip", "client-ip", "x-cluster-client-ip", "cf-connecting-ip", // another client
	"x-host", "x-original-host", // another host
	"x-original-url", "x-original-uri", "x-rewrite-url", // another path: some frameworks go by them
	"x-http-method-override", "x-http-method", "x-method-override", // another method than policies saw
	"proxy", // becomes HTTP_PROXY where CGI lives on
}

// scrubber knows the header names that no client may send: ours, on any route.
type scrubber struct {
	names map[string]struct{} // folded
}

// newScrubber reserves the names of all routes: what is an identity on one is not to be forged on another.
func newScrubber(routes []*route) *scrubber {
	s := &scrubber{names: make(map[string]struct{})}
	for _, name := range reservedNames {
		s.names[name] = struct{}{}
	}
	for _, r := range routes {
		s.names[foldName(r.assertion)] = struct{}{}
		for _, h := range r.identity {
			s.names[foldName(h.name)] = struct{}{}
		}
	}
	delete(s.names, "")
	return s
}

// scrub removes from the fields of a request what is not to go further: first what its Connection nominates, so that
// nothing of ours, which is set later, can be nominated; then what is of the connection; then all reserved names. Our id is among
// them from here on: policies may be asked again about them while the request is carried.
func (a *ask) scrub() {
	a.announced, _ = a.r.Fields.Announced() // where there is framing among them the protocol has refused them
	a.rules.scrub.request(&a.r.Fields)
	a.r.Fields = append(a.r.Fields, http1.Field{Name: "X-Request-Id", Value: a.id})
}

// request removes from the fields of a request what is not to go further.
func (s *scrubber) request(fields *http1.Fields) {
	dropHops(fields)
	*fields = slices.DeleteFunc(*fields, func(f http1.Field) bool { return s.isReserved(f.Name) })
}

// isReserved tells whether some reader could take name for a reserved one.
func (s *scrubber) isReserved(name string) bool {
	var room [64]byte
	folded := appendFolded(room[:0], name)
	if _, ok := s.names[string(folded)]; ok {
		return true
	}
	for _, family := range reservedFamilies {
		if len(folded) >= len(family) && string(folded[:len(family)]) == family {
			return true
		}
	}
	return false
}

// foldName maps to "-" what servers between here and the application's environment do, and upper case to lower.
func foldName(name string) string { return string(appendFolded(nil, name)) }

func appendFolded(b []byte, name string) []byte {
	for i := range len(name) {
		c := name[i]
		switch {
		case c == '_', c == '.', c == ' ':
			c = '-'
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		}
		b = append(b, c)
	}
	return b
}

// dropHops removes what Connection nominates, and what is of one connection (RFC 9110, section 7.6.1). That we take trailers
// is said anew, when the other side said so.
func dropHops(fields *http1.Fields) {
	var nominated []string
	for line := range fields.All(http1.Connection) {
		for name := range strings.SplitSeq(line, ",") {
			nominated = append(nominated, strings.TrimSpace(name))
		}
	}
	trailers := false
	kept := (*fields)[:0]
	for _, f := range *fields {
		switch http1.Know(f.Name) {
		case http1.Connection, http1.ProxyConnection, http1.KeepAlive, http1.ProxyAuthenticate, http1.ProxyAuthorization,
			http1.Trailer, http1.TransferEncoding, http1.Upgrade:
			continue
		case http1.TE:
			trailers = trailers || strings.EqualFold(strings.TrimSpace(f.Value), "trailers")
			continue
		}
		if !isAmong(nominated, f.Name) {
			kept = append(kept, f)
		}
	}
	if trailers {
		kept = append(kept, http1.Field{Name: "Te", Value: "trailers"})
	}
	clear((*fields)[len(kept):])
	*fields = kept
}

func isAmong(names []string, name string) bool {
	for _, n := range names {
		if http1.EqualFold(n, name) {
			return true
		}
	}
	return false
}
