package pomerium

import (
	"fmt"
	"strings"
	"time"

	"picket/node/config"
)

// route is one of Pomerium's, as picket would have it.
type route struct {
	line    int
	name    string
	from    string // scheme and host: "https://wiki.example.com"
	match   match
	place   config.Path // where picket has it
	prefix  string      // what that is below: "/" for all
	to      []string
	why     string // it cannot be carried over; "": it can
	outside bool   // its requests can never be those of another route here

	description string
	rules       []rule
	paths       []condition // that its requests must fulfil, beside the rules
	public      bool        // the only rule is that everyone may enter
	anyUser     bool        // the only rule is that whoever is signed in may
	anchor      string

	client        string // of the identity provider, where it has its own
	secretLine    int    // where the client's secret stands; 0: nowhere
	pass          bool
	websocket     bool
	timeout, idle string // "": picket's default
	host          string // sent upstream; "": the upstream's
	ca            string // authorities for certificates of its clients; "": those of the listener
	extra         []item // what is a comment, in the order of the source

	source     value    // all of it
	balance    string   // "": in turn
	weights    []string // of to
	unweighted bool     // one of the weights is none
	blocks     []*block // about what stands behind it

	cors    bool
	rewrite []item   // of the path
	headers []*block // of those that are set and removed
	names   []string // of those headers, folded, each behind its block's kind
	itself  *block   // what the route answers itself; nil: it has an upstream
}

// routeReader reads routes.
type routeReader struct {
	*settings
	reader    reader
	variables map[string]bool // names of those in the environment
}

// readRoutes reads all routes, and finds them places beside each other.
func readRoutes(root value, s *settings, l *ledger) []*route {
	rr := &routeReader{settings: s, reader: reader{ledger: l, issuer: s.provider.issuer, asked: s.mutual.asked != "", azure: s.provider.kind == "azure"}}
	var routes []*route
	taken := map[string]bool{}
	for _, v := range s.routes {
		r := rr.route(v)
		r.name = unique(r.name, taken)
		routes = append(routes, r)
	}
	arrange(routes)
	for _, r := range routes {
		if r.why != "" {
			l.lose(r.line, "route "+r.name, r.why)
		}
	}
	return routes
}

// unique is a name that is not taken, and takes it.
func unique(name string, taken map[string]bool) string {
	made := name
	for n := 2; taken[made]; n++ {
		made = fmt.Sprintf("%s-%d", name, n)
	}
	taken[made] = true
	return made
}

// route reads one.
func (rr *routeReader) route(v value) *route {
	r := &route{line: v.line, source: v, prefix: "/", pass: rr.pass, name: "route"}
	if v.kind != mapping {
		r.why, r.outside = "a route is an object with from and to", true
		return r
	}
	rr.where(r, v)
	rr.access(r, v)
	rr.timeouts(r, v)
	table := routeTable()
	for _, e := range v.entries {
		if read, ok := table[e.key]; ok {
			read(rr, r, e)
			continue
		}
		rr.loseOf(r, e, routeReason(e.key))
	}
	rr.regexRewrite(r, v)
	rr.requestHeaders(r, v)
	rr.removed(r, v)
	rr.responseHeaders(r, v)
	return r
}

// routeTable is how the settings of a route that have an equivalent are read.
func routeTable() map[string]func(*routeReader, *route, entry) {
	done := func(*routeReader, *route, entry) {} // read by where, access or timeouts
	kept := func(rr *routeReader, _ *route, e entry) { rr.ledger.keep(e.line, e.key) }
	table := map[string]func(*routeReader, *route, entry){
		"from": done, "to": done, "prefix": done, "path": done, "regex": done, "name": done,
		"regex_priority_order": kept,
		"policy":               done, "sub_policies": done,
		"timeout": done, "idle_timeout": done, "allow_websockets": done,

		"description": func(rr *routeReader, r *route, e entry) {
			r.description = strings.TrimSpace(e.value.text)
			rr.ledger.keep(e.line, e.key)
		},
		"pass_identity_headers": func(rr *routeReader, r *route, e entry) {
			r.pass = e.value.isTrue()
			rr.ledger.keep(e.line, e.key)
		},
		"preserve_host_header": (*routeReader).preserveHost,
		"host_rewrite":         (*routeReader).hostRewrite,
		"idp_client_id":        (*routeReader).ownClient,
		"idp_client_secret":    (*routeReader).ownSecret,
		"redirect":             (*routeReader).redirection,
		"response":             (*routeReader).response,

		"prefix_rewrite": (*routeReader).prefixRewrite, "regex_rewrite_pattern": done, "regex_rewrite_substitution": done,
		"set_request_headers":    done,
		"remove_request_headers": done,
		"set_response_headers":   done,
		"cors_allow_preflight": func(rr *routeReader, r *route, e entry) {
			r.cors = e.value.isTrue()
			rr.ledger.keep(e.line, e.key)
		},
	}
	for _, g := range grants() {
		table[g.setting] = done
	}
	for name, read := range upstreamTable() {
		table[name] = read
	}
	for _, name := range []string{"tls_downstream_client_ca", "tls_downstream_client_ca_file"} {
		table[name] = (*routeReader).downstreamCA
	}
	return table
}

// drop says that a route is not carried over. The first reason counts.
func (r *route) drop(why string) {
	if r.why == "" {
		r.why = why
	}
}

// loseOf counts a setting of a route as not carried over, and says so in the output.
func (rr *routeReader) loseOf(r *route, e entry, why string) {
	rr.ledger.lose(e.line, e.key, why)
	r.extra = append(r.extra, item{notes: []string{lost(e, why)}})
}

// access reads who may enter.
func (rr *routeReader) access(r *route, v value) {
	for _, g := range grants() {
		e := entry{g.setting, v.get(g.setting).line, v.get(g.setting)}
		if !v.has(g.setting) {
			continue
		}
		if f := g.read(&rr.reader, e); f != nil {
			r.rules = append(r.rules, rule{action: allow, line: e.line, name: g.setting, said: g.setting, when: f})
		}
	}
	if len(r.rules) == 1 {
		r.public = r.rules[0].said == "allow_public_unauthenticated_access"
		r.anyUser = r.rules[0].said == "allow_any_authenticated_user"
	}
	ppl := v.get("policy")
	r.anchor = ppl.anchor
	r.rules = append(r.rules, rr.reader.policy(ppl)...)
	if sub := v.get("sub_policies"); sub.kind != nothing {
		r.rules = append(r.rules, rr.reader.unread(sub.line, "sub_policies", "they are made by Pomerium's console, in a form of its own: export them as policy"))
	}
	r.rules = append(r.rules, rr.closing...)
}

// timeouts reads how long a route waits. Pomerium has others for routes that serve streams.
func (rr *routeReader) timeouts(r *route, v value) {
	r.timeout = rr.timeout
	if socket := v.get("allow_websockets"); socket.kind == scalar {
		rr.ledger.keep(socket.line, "allow_websockets")
		if r.websocket = socket.isTrue(); r.websocket {
			r.timeout, r.idle = "0s", "0s"
		}
	}
	if e := v.get("idle_timeout"); e.kind != nothing {
		r.idle = rr.span(r, entry{"idle_timeout", e.line, e}, r.idle)
	}
	e := v.get("timeout")
	if e.kind == nothing {
		return
	}
	before := r.timeout
	if r.timeout = rr.span(r, entry{"timeout", e.line, e}, before); r.timeout != before {
		rr.ledger.tell(e.line, "timeout", "Pomerium counts until the end of the answer, picket until its headers have come")
	}
}

// span is a time span of a route; otherwise when it is none.
func (rr *routeReader) span(r *route, e entry, otherwise string) string {
	span, ok := duration(e.value)
	if !ok || span > 0 && span < time.Millisecond {
		rr.loseOf(r, e, "it is not a time span such as 30s")
		return otherwise
	}
	rr.ledger.keep(e.line, e.key)
	return spanText(span)
}

// preserveHost counts for less than another rewriting of the host.
func (rr *routeReader) preserveHost(r *route, e entry) {
	rr.ledger.keep(e.line, e.key)
	if e.value.isTrue() && r.host == "" {
		r.host = "preserve"
	}
}

func (rr *routeReader) hostRewrite(r *route, e entry) {
	name, port, hasPort := strings.Cut(e.value.text, ":")
	if !hostForm.MatchString(name) || strings.HasPrefix(name, "*") || hasPort && !portNumber(port) || !strings.Contains(name, ".") {
		rr.loseOf(r, e, "picket sends whole host names, such as wiki.internal")
		return
	}
	rr.ledger.keep(e.line, e.key)
	r.host = e.value.text
}

func (rr *routeReader) ownClient(r *route, e entry) {
	if rr.provider.why != "" {
		rr.loseOf(r, e, rr.provider.why)
		return
	}
	rr.ledger.keep(e.line, e.key)
	r.client = e.value.text
}

func (rr *routeReader) ownSecret(r *route, e entry) {
	rr.ledger.keep(e.line, e.key)
	r.secretLine = e.line
}
