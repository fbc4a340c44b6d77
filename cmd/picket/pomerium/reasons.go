package pomerium

import "strings"

// reason is why settings whose names begin alike have no equivalent.
type reason struct{ name, why string }

// reasons are those of settings at the top. The first that fits counts.
func reasons() []reason {
	const (
		parts  = "every node of picket does everything: there are no services to find each other"
		state  = "what nodes share lives in the nodes: see peers and store of the broker block"
		cookie = "a cookie of picket belongs to one host, is HttpOnly, and holds no data"
		keys   = "the cluster makes and rotates its keys: upstreams find them at /.well-known/picket/jwks.json of each host"
		later  = "the language knows it, this version of picket does not act on it"
		bearer = "this version of picket does not read the tokens of programs"
	)
	return []reason{
		{"cookie_secret", "its keys are derived from the cluster's secret"},
		{"cookie_", cookie},
		{"signing_key", keys},
		{"databroker_service", parts}, {"databroker_internal", parts},
		{"databroker_", state},
		{"services", parts}, {"grpc_", parts}, {"authorize_", parts}, {"authenticate_internal", parts},
		{"override_certificate_name", parts}, {"certificate_authority", parts}, {"tls_derive", parts},
		{"metrics_", "metrics are at /metrics of the admin address"},
		{"health_check_", "they are at /healthz and /readyz of the admin address"},
		{"tracing_", "traces: " + later}, {"otel_", "traces: " + later},
		{"use_proxy_protocol", "picket reads that header from networks that are named alone: write proxy_protocol = [\"CIDR\"] into the listener"},
		{"policy_file", "import that file as well"},
		{"idp_access_token_allowed_audiences", bearer}, {"bearer_token_format", bearer}, {"identity_providers", bearer},
		{"programmatic_redirect_domain_whitelist", "people are sent back to hosts of routes alone"},
		{"jwt_groups_filter", "the assertion has all groups of the user"},
		{"ssh_", "this version of picket has no SSH"},
		{"mcp_", "picket has nothing of its own for the Model Context Protocol"},
		{"envoy_", "there is no Envoy in picket"},
		{"proxy_log_level", "there is one log level, telemetry.log_level"},
		{"timeout_read", "a request's header has header_timeout of the listener, its body has body_rate"},
		{"timeout_write", "a route has timeout and idle_timeout"},
	}
}

// reasonFor is why a setting at the top is not carried over.
func reasonFor(name string) string {
	for _, r := range reasons() {
		if strings.HasPrefix(name, r.name) {
			return r.why
		}
	}
	return "picket has no such setting"
}
