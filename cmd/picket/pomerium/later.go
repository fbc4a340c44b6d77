package pomerium

import (
	"regexp"
	"slices"
	"strings"
)

// notYet is why what the language knows is a comment.
const notYet = "the language knows it, this version of picket does not act on it"

// laterTable is how settings are written that the language knows and this version of picket does not act on.
func laterTable() map[string]func(*routeReader, *route, entry) {
	return map[string]func(*routeReader, *route, entry){
		"prefix_rewrite":         later("rewrite", "prefix", textExpr),
		"set_request_headers":    later("request_headers", "set", headersExpr),
		"remove_request_headers": later("request_headers", "remove", listExpr),
		"set_response_headers":   later("response_headers", "set", headersExpr),

		"regex_rewrite_pattern":      later("rewrite", "pattern", textExpr),
		"regex_rewrite_substitution": later("rewrite", "replace", replaceExpr),
	}
}

// later writes an attribute of a block as a comment.
func later(kind, name string, expr func(value) string) func(*routeReader, *route, entry) {
	return func(rr *routeReader, r *route, e entry) {
		written := expr(e.value)
		if written == "" {
			rr.loseOf(r, e, kind+"."+name+": "+notYet)
			return
		}
		rr.ledger.lose(e.line, e.key, kind+"."+name+": "+notYet)
		b := &block{kind: kind}
		b.set(name, written)
		r.extra = append(r.extra, item{notes: []string{lost(e, notYet)}, off: true, block: b})
	}
}

func textExpr(v value) string {
	if v.kind != scalar {
		return ""
	}
	return quote(v.text)
}

func fileExpr(v value) string { return call("file", textExpr(v)).text }

func listExpr(v value) string {
	items, ok := v.texts()
	if !ok {
		return ""
	}
	var all []string
	for _, item := range items {
		all = append(all, item.text)
	}
	return quoteAll(all)
}

// group is how Pomerium refers to a group of a regular expression.
var group = regexp.MustCompile(`\\([0-9])`)

func replaceExpr(v value) string {
	if v.kind != scalar {
		return ""
	}
	return quote(group.ReplaceAllString(strings.ReplaceAll(v.text, "$", "$$"), "$$$1"))
}

// headersExpr is an object of headers. What may be a secret comes from the environment.
func headersExpr(v value) string {
	if v.kind != mapping || len(v.entries) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("{\n")
	for _, e := range v.entries {
		b.WriteString(key(e.key) + " = " + headerValue(e) + "\n")
	}
	b.WriteString("}")
	return b.String()
}

// secretName is what names of headers have that hold secrets.
var secretName = regexp.MustCompile(`(?i)auth|cookie|key|pass|secret|token|credential|signature`)

const accessToken = "${pomerium.access_token}"

func headerValue(e entry) string {
	parts := strings.Split(e.value.text, accessToken)
	if len(parts) == 1 && secretName.MatchString(e.key) {
		return "env(" + quote("HEADER_"+strings.ToUpper(strings.ReplaceAll(label(e.key), "-", "_"))) + ")"
	}
	for i, part := range parts {
		quoted := quote(strings.ReplaceAll(part, "$$", "$"))
		parts[i] = quoted[1 : len(quoted)-1]
	}
	return `"` + strings.Join(parts, "${session.access_token}") + `"`
}

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
