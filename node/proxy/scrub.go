package proxy

import (
	"slices"
	"strings"

	"picket/node/proxy/http1"
)

// reservedFamilies are the beginnings of folded names that are ours whatever follows, or under which other proxies tell of the
// certificate of a client (RFC 9440, X-Forwarded-Client-Cert, and what is customary) or of who somebody is: an application that
// stood behind one of them may still believe it.
var reservedFamilies = [...]string{
	"x-picket-", "x-forwarded-",
	"x-auth-request-", "x-remote-", "x-webauth-", "x-authentik-", "x-goog-authenticated-user-",
	"client-cert", "x-client-cert", "ssl-client-", "x-ssl-", "x-tls-client-", "x-amzn-mtls-", "x-arr-clientcert",
}

// reservedNames are folded names that are ours or that tell an upstream of another client, host or path than the one
// that was decided on. The names that the routes give are added to them.
var reservedNames = [...]string{
	"x-picket", "x-forwarded", "forwarded", "x-real-ip", "x-request-id", // who asks, by us alone
	"true-client-ip", "x-client-ip", "client-ip", "x-cluster-client-ip", "cf-connecting-ip", // another client
	"remote-user", "remote-groups", "remote-name", "remote-email", // another user
	"x-host", "x-original-host", // another host
	"x-original-url", "x-original-uri", "x-rewrite-url", // another path: some frameworks go by them
	"x-http-method-override", "x-http-method", "x-method-override", "x-original-method", // another method than policies saw
	"proxy", // becomes HTTP_PROXY where CGI lives on
}

// scrubber knows the header names that no client may send: ours, on any route.
type scrubber struct {
	names map[string]struct{} // folded
	// A bit for each first letter, by the length of a name, and of all families: most other names need no second look.
	maybe    [64]uint32
	families uint32
	harmless uint64 // a bit for each http1.Known of usual that is not among them: it needs no look at all
}

// usual are names that most clients send.
var usual = [...]string{
	"accept", "authorization", "cache-control", "content-length", "cookie", "origin", "sec-fetch-dest", "sec-fetch-mode", "user-agent",
}

// newScrubber reserves the names of all routes: what is an identity on one is not to be forged on another.
func newScrubber(routes []*route) *scrubber {
	s := &scrubber{names: make(map[string]struct{})}
	for _, name := range reservedNames {
		s.names[name] = struct{}{}
	}
	for _, r := range routes {
		s.names[foldName(r.assertion.Name)] = struct{}{}
		for _, h := range slices.Concat(r.identity, r.passing) {
			s.names[foldName(h.Name)] = struct{}{}
		}
	}
	delete(s.names, "")
	for _, family := range reservedFamilies {
		s.families |= letter(family[0])
	}
	for name := range s.names {
		s.maybe[len(name)%len(s.maybe)] |= letter(name[0])
	}
	for _, name := range usual {
		if !s.isReserved(name) {
			s.harmless |= 1 << http1.Know(name)
		}
	}
	return s
}

// requestID is the field that names a request, without its id. It is read only.
var requestID = http1.NewField("X-Request-Id", "")

// letter is a bit for the first byte of a name, folded.
func letter(c byte) uint32 { return 1 << (folded(c) & 0x1f) }

// scrub removes from the fields of a request what is not to go further: first what its Connection nominates, so that
// nothing of ours, which is set later, can be nominated; then what is of the connection; then all reserved names. Our id is among
// them from here on: policies may be asked again about them while the request is carried.
func (a *ask) scrub() {
	if a.r.Has(http1.Trailer) {
		a.announced, _ = a.r.Fields.Announced() // where there is framing among them the protocol has refused them
	}
	a.rules.scrub.request(&a.r.Fields)
	a.r.Fields = append(a.r.Fields, a.w.id)
}

// request removes from the fields of a request what is not to go further.
func (s *scrubber) request(fields *http1.Fields) { dropHops(fields, s.reserves) }

// reserves tells whether a field of a request is reserved. Most need no look at their names.
func (s *scrubber) reserves(f *http1.Field) bool {
	return s.harmless>>f.Known()&1 == 0 && s.isReserved(f.Name)
}

// isReserved tells whether some reader could take name for a reserved one.
func (s *scrubber) isReserved(name string) bool {
	if name == "" || (s.families|s.maybe[len(name)%len(s.maybe)])&letter(name[0]) == 0 {
		return false
	}
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

// foldName maps to "-" what servers between here and the application's environment do, some of them all that is neither letter nor
// digit, and upper case to lower.
func foldName(name string) string { return string(appendFolded(nil, name)) }

func appendFolded(b []byte, name string) []byte {
	for i := range len(name) {
		b = append(b, folded(name[i]))
	}
	return b
}

func folded(c byte) byte {
	switch {
	case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c >= 0x80:
		return c
	case 'A' <= c && c <= 'Z':
		return c + 'a' - 'A'
	}
	return '-'
}

// dropHops removes what Connection nominates, what is of one connection (RFC 9110, section 7.6.1), and besides what others tell of:
// in one pass, unless something is nominated. That we take trailers is said anew, when the other side said so.
func dropHops(fields *http1.Fields, others func(*http1.Field) bool) {
	var nominated []string
	trailers := false
	all := drop(*fields, func(f *http1.Field) bool {
		switch f.Known() {
		case http1.Connection:
			nominated = appendNames(nominated, f.Value)
			return true
		case http1.TE:
			trailers = trailers || strings.EqualFold(strings.TrimSpace(f.Value), "trailers")
			return true
		case http1.ProxyConnection, http1.KeepAlive, http1.ProxyAuthenticate, http1.ProxyAuthorization,
			http1.Trailer, http1.TransferEncoding, http1.Upgrade:
			return true
		}
		return others(f)
	})
	if len(nominated) > 0 {
		all = drop(all, func(f *http1.Field) bool { return isAmong(nominated, f.Name) })
	}
	if trailers {
		all = append(all, http1.Field{Name: "Te", Value: "trailers"})
	}
	*fields = all
}

// drop removes the fields that gone tells of, each of which it looks at once.
func drop(fields http1.Fields, gone func(*http1.Field) bool) http1.Fields {
	kept := 0
	for i := range fields {
		if gone(&fields[i]) {
			continue
		}
		if kept < i {
			fields[kept] = fields[i]
		}
		kept++
	}
	clear(fields[kept:])
	return fields[:kept]
}

// appendNames adds what a Connection field nominates, but for what everybody means by it.
func appendNames(to []string, list string) []string {
	if list == "keep-alive" || list == "close" { // most are no more than that
		return to
	}
	for name := range strings.SplitSeq(list, ",") {
		name = strings.TrimSpace(name)
		if name != "" && !http1.EqualFold(name, "keep-alive") && !http1.EqualFold(name, "close") {
			to = append(to, name)
		}
	}
	return to
}

func isAmong(names []string, name string) bool {
	for _, n := range names {
		if http1.EqualFold(n, name) {
			return true
		}
	}
	return false
}
