package proxy

import (
	"net/http"

	"golang.org/x/net/http/httpguts"

	"picket/node/config"
	"picket/node/proxy/http1"
	"picket/policy"
)

// isPreflight tells whether a request asks what a page of another origin may do, as a browser asks it (Fetch standard,
// CORS-preflight fetch): by OPTIONS, for one origin and one method, with neither a body nor anything to be known by. Whatever else
// is called a preflight is none, nor is what would arrive as something else, for it has a field of its own dropped on the way.
func isPreflight(r *http1.Request) bool {
	if r.Method != http.MethodOptions || r.Length != 0 {
		return false
	}
	origins, methods := 0, 0
	for i := range r.Fields {
		f := &r.Fields[i]
		switch f.Known() {
		case http1.Origin:
			origins++
			if f.Value == "" {
				return false
			}
		case http1.PreflightMethod:
			methods++
			if !httpguts.ValidHeaderFieldName(f.Value) { // which is a token, as a method is
				return false
			}
		case http1.Cookie, http1.Authorization, http1.Upgrade:
			return false
		case http1.Connection:
			if len(appendNames(nil, f.Value)) > 0 {
				return false
			}
		}
	}
	return origins == 1 && methods == 1
}

// forEveryone tells whether a route asks nobody who they are: it is public, or has preflights go to the application, and
// this is one.
func forEveryone(r *config.Route, in *policy.Request) bool {
	return r.Access == config.Public || r.CORSPreflight && in.CORSPreflight
}

// routeOf gives the route of a request. A preflight is for the route of the request that it announces, where that has
// preflights go to the application; else it is a request like any other.
func (s *site) routeOf(in *policy.Request) (*route, lead) {
	if in.CORSPreflight {
		if method, ok := in.Header.Field("Access-Control-Request-Method"); ok {
			if r, to := s.find(in.Path, method); to == toRoute && r.CORSPreflight {
				return r, to
			}
		}
	}
	return s.find(in.Path, in.Method)
}
