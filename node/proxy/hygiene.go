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
)

// maxFields is how many header lines a request may have where the listener does not say.
const maxFields = 200

// ownPaths are the paths that are never forwarded, on any host.
var ownPaths = [...]string{"/.picket", "/.well-known/picket"}

// read takes from a request all that the door goes by, and refuses what two readers could read differently. It comes
// before anything else. What the protocol itself refuses (bad field names and values, a body framed twice) never gets here: see
// packages http1 and http2, and HTTP/3's.
func (d *Door) read(a *ask, l *front) *authz.Refusal {
	r := a.r
	a.client = l.clientOf(r)
	if r.Method == http.MethodTrace {
		return wrongMethod(r.Method)
	}
	if !inCapitals(r.Method) {
		return malformed("its method is no word in capitals")
	}
	if f := readHost(a, l); f != nil {
		return f
	}
	told, f := readFields(r, cmp.Or(l.Headers, maxFields))
	if f != nil {
		return f
	}
	path, query, err := canonicalTarget(r.Target)
	if err != nil {
		return malformed(err.Error())
	}
	if a.wants, err = wantedProtocol(r); err != nil {
		return malformed(err.Error())
	}
	a.navigates = told.navigates(r.Method)
	a.in.Now = a.began
	q := &a.in.Request // which is zero: a struct made whole would be copied
	q.Method, q.Host, q.Path, q.Query, q.Header, q.IP = r.Method, a.host, path, query, a, a.client
	q.UserAgent, q.CORSPreflight, q.WebSocket = told.agent, isPreflight(r), a.wants == webSocket
	a.own = isOwn(path)
	return nil
}

// inCapitals tells whether a method is a word (RFC 9110, section 9.1) that all readers know as the same one. To routes and
// policies "delete" is not DELETE, as it should be; to many an application it is.
func inCapitals(method string) bool {
	for i := range len(method) {
		if c := method[i]; 'a' <= c && c <= 'z' {
			return false
		}
	}
	return http1.ValidMethod(method)
}

// readHost reads the one host that the request is for, and holds it against the one that TLS was made for.
func readHost(a *ask, l *front) *authz.Refusal {
	host, s, ok := a.rules.table.hostOf(a.r.Host)
	if !ok {
		return malformed("the Host header names no host")
	}
	if a.r.Major > 1 {
		for second := range a.r.Fields.All(http1.Host) { // beside :authority (RFC 9113, section 8.3.1)
			if other, ok := hostOf(second); !ok || other != host {
				return malformed("the request names two hosts")
			}
		}
	}
	a.host, a.site = host, s
	return checkTLS(a, l)
}

// checkTLS holds the host against the one that TLS was made for.
func checkTLS(a *ask, l *front) *authz.Refusal {
	if a.r.TLS != nil && (!l.covers(a.r.TLS.ServerName, a.host) || !l.asksAlike(a.r.TLS.ServerName, a.host)) {
		return misdirected()
	}
	return nil
}

// readFields looks at each field once: it takes what they say of who sends the request, and refuses names that some servers take for
// other names, and too many fields. Package http1 refused these already.
func readFields(r *http1.Request, most int) (t told, f *authz.Refusal) {
	lengths, expected := 0, 0
	needless := -1 // an Expect without a body: some servers wait for one all the same, and take the next request for it
	for i := range r.Fields {
		name, value := r.Fields[i].Known(), r.Fields[i].Value
		switch name {
		case http1.Other:
			if f := checkName(r.Fields[i].Name); f != nil {
				return t, f
			}
		case http1.ContentLength:
			if lengths++; lengths > 1 { // over HTTP/2 the first counts, for net/http
				return t, malformed("there are two lengths")
			}
			if r.Major > 1 && strconv.FormatInt(r.Length, 10) != value { // it takes one that is none for 0
				return t, malformed("its length is no number")
			}
		case http1.Expect:
			if expected++; expected > 1 || !strings.EqualFold(value, "100-continue") { // net/http leaves it to us
				return t, unexpected()
			}
			if r.Length == 0 {
				needless = i
			}
		default:
			t.hear(name, value)
		}
	}
	if needless >= 0 {
		r.Fields = slices.Delete(r.Fields, needless, needless+1)
	}
	if len(r.Fields) > most {
		return t, tooManyFields()
	}
	return t, nil
}

// checkName refuses a name that some server takes for another. None of those that are known is one.
func checkName(name string) *authz.Refusal {
	if strings.HasPrefix(name, ":") { // net/http keeps the :protocol of a request over HTTP/2 that has no use for one
		return malformed("it wants a protocol, and is no CONNECT")
	}
	if strings.IndexByte(name, '_') >= 0 {
		return malformed("a header name holds an underscore")
	}
	return nil
}

// isOwn tells whether a canonical path belongs to our own pages.
func isOwn(path string) bool {
	for _, own := range ownPaths {
		if rest, ok := strings.CutPrefix(path, own); ok && (rest == "" || rest[0] == '/') {
			return true
		}
	}
	return false
}

// findSite finds the site of the host, and our cookies of that site.
func findSite(a *ask) (*site, *authz.Refusal) {
	if a.site == nil {
		a.site = a.rules.table.find(a.host)
	}
	s := a.site
	if s == nil {
		return nil, unknownHost()
	}
	a.origin = s.at(a.host)
	a.in.Request.Scheme = a.origin.Scheme
	if a.r.Has(http1.Cookie) {
		found := soleCookies(a.r.Fields, s.cookies)
		a.cookie, a.binding = found[0], found[1]
	}
	if a.r.Has(http1.Authorization) {
		a.bearer = authn.SoleBearer(slices.Collect(a.r.Fields.All(http1.Authorization)))
	}
	return s, nil
}

// findRoute finds the route of the path.
func findRoute(a *ask, s *site) *authz.Refusal {
	found, to := s.routeOf(&a.in.Request)
	switch to {
	case unclear:
		return malformed("the path holds a parameter where another route begins")
	case otherwise:
		return notByMethod(s.methods(a.in.Request.Path))
	case nowhere:
		return noRoute()
	}
	a.route = found
	return nil
}
