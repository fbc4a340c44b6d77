package pomerium

import (
	"slices"
	"strings"
)

func textExpr(v value) string {
	if v.kind != scalar {
		return ""
	}
	return quote(v.text)
}

func fileExpr(v value) string { return call("file", textExpr(v)).text }

// routeReason is why a setting of a route is not carried over.
func routeReason(name string) string {
	for _, r := range routeReasons() {
		if strings.HasPrefix(name, r.name) {
			return r.why
		}
	}
	return "picket has no such setting"
}

func routeReasons() []reason {
	return slices.Concat([]reason{
		{"allow_spdy", "picket does not forward SPDY"},
		{"host_rewrite_header", "the host is upstream, preserve, or a name"},
		{"host_path_regex_rewrite", "the host is upstream, preserve, or a name"},
		{"rewrite_response_headers", "response_headers are set or removed, not rewritten"},
		{"enable_google_cloud", "picket has no identity of its own at Google"},
		{"healthy_panic", "requests go to all upstreams once none is well"},
		{"lb_", "the ways of balancing have no settings of their own, but hash"},
		{"least_request_lb", "least_request chooses of two"},
		{"ring_hash_lb", "hash has no settings but what it goes by"},
		{"maglev_lb", "hash has no settings but what it goes by"},
		{"common_lb", "the ways of balancing have no settings of their own, but hash"},
		{"circuit_breaker", "they count for all upstreams together, and picket's circuit for each: write circuit { requests = … } by hand"},
		{"tls_downstream_server_name", "the name is that of from"},
		{"tls_upstream_allow_renegotiation", "picket does not renegotiate TLS"},
		{"show_error_details", "what a visitor is told does not depend on the route"},
		{"logo_url", "picket has no logos"},
		{"depends_on", "one sign-in is for all hosts already"},
		{"upstream_tunnel", "this version of picket has no SSH"},
		{"mcp", "picket has nothing of its own for the Model Context Protocol"},
	}, reasons())
}
