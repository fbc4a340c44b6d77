package proxy

import (
	"net/http"
	"strings"
)

// hopByHop are the fields of one connection (RFC 9110, section 7.6.1), which never go further.
var hopByHop = [...]string{
	"Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailer",
	"Transfer-Encoding", "Upgrade",
}

// reservedFamilies are the beginnings of folded names that are ours whatever follows.
var reservedFamilies = [...]string{"x-picket-", "x-forwarded-"}

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

// request removes from the headers of a request what is not to go further: first what its Connection nominates, so that
// nothing of ours, which is set later, can be nominated; then what is of the connection; then all reserved names.
func (s *scrubber) request(h http.Header) {
	dropHops(h)
	s.reserved(h)
}

// reserved removes all reserved names, in headers or in trailers.
func (s *scrubber) reserved(h http.Header) {
	for name := range h {
		if s.isReserved(name) {
			delete(h, name)
		}
	}
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

// dropHops removes what Connection nominates, and what is of one connection. That we take trailers is said anew, when
// the other side said so.
func dropHops(h http.Header) {
	for _, line := range h["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			h.Del(strings.TrimSpace(name))
		}
	}
	trailers := false
	for _, line := range h["Te"] {
		trailers = trailers || strings.EqualFold(strings.TrimSpace(line), "trailers")
	}
	for _, name := range hopByHop {
		delete(h, name)
	}
	if trailers {
		h["Te"] = []string{"trailers"}
	}
}
