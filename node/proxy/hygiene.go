package proxy

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/http/httpguts"

	"picket/node/authn"
	"picket/node/authz"
	"picket/policy"
)

// maxFields is how many header lines a request may have.
const maxFields = 200

// ownPaths are the paths that are never forwarded, on any host.
var ownPaths = [...]string{"/.picket", "/.well-known/picket"}

// read takes from a request all that the door goes by, and refuses what two readers could read differently. It comes
// before anything else. What the protocol itself refuses (bad field names and values, a body framed twice) never gets here: see
// package http1, and golang.org/x/net/http2 in net/http.
func (d *Door) read(a *ask, l *front, r *http.Request) *authz.Refusal {
	a.client = l.client(r.RemoteAddr, r.Header["X-Forwarded-For"])
	if r.Method == http.MethodTrace {
		return wrongMethod(r.Method)
	}
	if !httpguts.ValidHeaderFieldName(r.Method) || strings.Contains(r.Method, "_") { // net/http takes any text over HTTP/2
		return malformed("its method is no word")
	}
	if f := readHost(a, l, r); f != nil {
		return f
	}
	if f := checkFields(r.Header); f != nil {
		return f
	}
	path, query, err := canonicalTarget(r.RequestURI)
	if err != nil {
		return malformed(err.Error())
	}
	socket, err := wantsSocket(r)
	if err != nil {
		return malformed(err.Error())
	}
	a.from, a.navigates = r.Header["Origin"], navigates(r)
	a.in = policy.Input{Now: a.began, Request: policy.Request{
		Method: r.Method, Host: a.host, Path: path, Query: query, Header: fields(r.Header), IP: a.client,
		UserAgent: r.UserAgent(), CORSPreflight: isPreflight(r), WebSocket: socket,
	}}
	a.own = isOwn(path)
	return nil
}

// readHost reads the one host that the request is for, and holds it against the one that TLS was made for.
func readHost(a *ask, l *front, r *http.Request) *authz.Refusal {
	host, ok := hostOf(r.Host)
	if !ok {
		return malformed("the Host header names no host")
	}
	for _, second := range r.Header["Host"] { // HTTP/2 may bring one beside :authority (RFC 9113, section 8.3.1)
		if other, ok := hostOf(second); !ok || other != host {
			return malformed("the request names two hosts")
		}
	}
	a.host = host
	return checkTLS(a, l, r)
}

// checkTLS holds the host against the one that TLS was made for.
func checkTLS(a *ask, l *front, r *http.Request) *authz.Refusal {
	if r.TLS != nil && !l.covers(r.TLS.ServerName, a.host) {
		return misdirected()
	}
	return nil
}

// checkFields refuses header names that some servers take for other names, and too many of them.
func checkFields(h http.Header) *authz.Refusal {
	if len(h["Content-Length"]) > 1 { // over HTTP/2 the first counts, for net/http
		return malformed("there are two lengths")
	}
	lines := 0
	for name, values := range h {
		if strings.IndexByte(name, '_') >= 0 {
			return malformed("a header name holds an underscore")
		}
		lines += len(values)
	}
	if lines > maxFields {
		return tooManyFields()
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

// isPreflight tells whether r asks what a page of another origin may do (Fetch standard, CORS-preflight request).
func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Origin") != "" && r.Header.Get("Access-Control-Request-Method") != ""
}

// wantsSocket tells whether r opens a WebSocket (RFC 6455, section 4.2.1). Another Upgrade may be ignored (RFC 9110,
// section 7.8), and is: it does not go upstream. A lame handshake is an error.
func wantsSocket(r *http.Request) (bool, error) {
	h := r.Header
	if !httpguts.HeaderValuesContainsToken(h["Upgrade"], "websocket") ||
		!httpguts.HeaderValuesContainsToken(h["Connection"], "upgrade") || r.ProtoMajor != 1 {
		return false, nil
	}
	keys, versions := h["Sec-Websocket-Key"], h["Sec-Websocket-Version"]
	switch {
	case r.Method != http.MethodGet || !r.ProtoAtLeast(1, 1):
		return false, fmt.Errorf("a WebSocket is opened by GET over HTTP/1.1")
	case r.ContentLength != 0:
		return false, fmt.Errorf("a request for a WebSocket has no body")
	case len(h["Upgrade"]) != 1 || !strings.EqualFold(strings.TrimSpace(h["Upgrade"][0]), "websocket"):
		return false, fmt.Errorf("the request wants to be two protocols at once")
	case len(keys) != 1 || len(keys[0]) != 24:
		return false, fmt.Errorf("the request for a WebSocket has no key")
	case len(versions) != 1 || versions[0] != "13":
		return false, fmt.Errorf("the request is for a version of WebSocket that is not 13")
	}
	return true, nil
}

// findSite finds the site of the host, and our cookies of that site.
func findSite(a *ask, h http.Header) (*site, *authz.Refusal) {
	s := a.rules.table.find(a.host)
	if s == nil {
		return nil, unknownHost()
	}
	a.origin = s.at(a.host)
	a.in.Request.Scheme = a.origin.Scheme
	a.cookie = soleCookie(h["Cookie"], authn.CookieName(a.origin))
	a.binding = soleCookie(h["Cookie"], authn.BindingName(a.origin))
	a.bearer = authn.SoleBearer(h["Authorization"])
	return s, nil
}

// findRoute finds the route of the path.
func findRoute(a *ask, s *site) *authz.Refusal {
	found, clear := s.find(a.in.Request.Path)
	switch {
	case !clear:
		return malformed("the path holds a parameter where another route begins")
	case found == nil:
		return noRoute()
	}
	a.route = found
	return nil
}

// present makes the request say what was read, for our own pages: one host, one path, the visitor's address, our id.
func present(r *http.Request, a *ask) {
	r.Host, r.RemoteAddr = "", a.client.String()
	if a.origin.Host != "" {
		r.Host = a.origin.Authority()
	}
	if r.Header.Get("X-Request-Id") != a.id { // else others may be reading the headers
		r.Header["X-Request-Id"] = []string{a.id}
	}
	in := &a.in.Request
	if path, err := url.PathUnescape(in.Path); err == nil && in.Path != "" {
		r.URL = &url.URL{Path: path, RawPath: in.Path, RawQuery: in.Query}
		r.RequestURI = r.URL.RequestURI()
	}
}
