package pomerium

import (
	"fmt"
	"net/url"
	"strings"
	"time"
)

// settings are those of the whole configuration.
type settings struct {
	ledger *ledger
	routes []value // of routes and policy, in the order of the source

	cluster      block
	listen       []block
	acme         block
	telemetry    block
	authenticate block
	session      block
	others       []string // notes on what has no place of its own

	provider identityProvider
	insecure bool // no TLS
	pass     bool // identity headers, where a route does not say
	headers  []claimHeader
	timeout  string  // where a route does not say; "": 30s
	response []entry // headers that responses of all routes have
	closing  []rule  // what refuses everyone everywhere
	mutual   mutual
}

// claimHeader is a header with a claim of the user.
type claimHeader struct {
	line   int
	header string
	claim  string
}

// readSettings reads what stands at the top of the configuration.
func readSettings(root value, l *ledger) *settings {
	s := &settings{
		ledger:       l,
		cluster:      block{kind: "cluster"},
		telemetry:    block{kind: "telemetry"},
		authenticate: block{kind: "authenticate"},
		session:      block{kind: "session"},
	}
	s.begin(root)
	known := settingTable()
	for _, e := range root.entries {
		if read, ok := known[e.key]; ok {
			read(s, e)
			continue
		}
		if e.value.anchor != "" { // it holds what other places refer to
			l.keep(e.line, e.key)
			continue
		}
		s.lose(e, reasonFor(e.key))
	}
	s.provider.finish(l)
	return s
}

// settingTable is how the settings that have an equivalent are read.
func settingTable() map[string]func(*settings, entry) {
	done := func(*settings, entry) {} // read from another one
	table := map[string]func(*settings, entry){
		"routes": (*settings).routeList,
		"policy": (*settings).routeList,

		"shared_secret":      (*settings).sharedSecret,
		"shared_secret_file": (*settings).sharedSecret,

		"address":              done,
		"insecure_server":      done,
		"certificate":          done,
		"certificate_key":      done,
		"certificate_file":     done,
		"certificate_key_file": done,
		"certificates":         done,
		"timeout_idle":         done,
		"codec_type":           done,
		"xff_num_trusted_hops": done,
		"http_redirect_addr":   (*settings).redirection,

		"autocert":                 (*settings).autocertRest,
		"autocert_ca":              (*settings).autocertRest,
		"autocert_dir":             (*settings).autocertRest,
		"autocert_email":           (*settings).autocertRest,
		"autocert_eab_key_id":      (*settings).autocertRest,
		"autocert_eab_mac_key":     (*settings).autocertRest,
		"autocert_must_staple":     (*settings).autocertRest,
		"autocert_trusted_ca":      (*settings).autocertRest,
		"autocert_trusted_ca_file": (*settings).autocertRest,
		"autocert_use_staging":     (*settings).autocertRest,

		"downstream_mtls": (*settings).downstream,

		"authenticate_service_url": (*settings).authenticateURL,
		"cookie_expire":            (*settings).cookieExpire,
		"cookie_same_site":         (*settings).cookieSameSite,
		"log_level":                (*settings).logLevel,
		"default_upstream_timeout": (*settings).upstreamTimeout,
		"pass_identity_headers":    (*settings).passIdentity,
		"jwt_claims_headers":       (*settings).claimHeaders,
		"set_response_headers":     (*settings).responseHeaders,
		"headers":                  (*settings).responseHeaders,
	}
	for name, read := range identitySettings() {
		table[name] = func(s *settings, e entry) { read(&s.provider, s, e) }
	}
	return table
}

// lose counts a setting as not carried over, and says so in the output.
func (s *settings) lose(e entry, why string) {
	s.ledger.lose(e.line, e.key, why)
	s.others = append(s.others, lost(e, why))
}

// lost is the comment on a setting that is not carried over.
func lost(e entry, why string) string {
	return fmt.Sprintf("Not carried over (line %d): %s: %s.", e.line, e.key, why)
}

// begin writes what every configuration of picket has.
func (s *settings) begin(root value) {
	s.cluster.set("name", `"picket"`)
	s.cluster.set("secrets", `[env("PICKET_SECRET")]`, "Make one with `picket secret`. Pomerium's shared_secret is not copied.")
	s.cluster.say("One node, with sessions in memory. For more, and to keep them, write broker { peers = …, store = … }.")
	s.listener(root)
}

func (s *settings) routeList(e entry) {
	if e.value.kind != list && e.value.kind != nothing {
		s.lose(e, "it is a list of routes")
		return
	}
	s.routes = append(s.routes, e.value.items...)
}

func (s *settings) sharedSecret(e entry) {
	s.ledger.keep(e.line, e.key)
	s.ledger.tell(e.line, e.key, "it is not copied: make a secret with `picket secret`, and give it to the nodes as PICKET_SECRET")
}

// authenticateURL is the host that people sign in on.
func (s *settings) authenticateURL(e entry) {
	u, err := url.Parse(e.value.text)
	if err != nil || e.value.kind != scalar || u.Scheme != "https" || !hostForm.MatchString(u.Hostname()) || u.Port() != "" && !portNumber(u.Port()) {
		s.lose(e, "it is not a URL such as https://auth.example.com")
		return
	}
	if strings.HasSuffix(u.Hostname(), ".pomerium.app") {
		s.lose(e, "that host is Pomerium's own. Take a host of yours, and register HOST/.picket/callback with your identity provider")
		return
	}
	s.ledger.keep(e.line, e.key)
	s.ledger.tell(e.line, e.key, "register "+u.Scheme+"://"+u.Host+"/.picket/callback with the identity provider, beside Pomerium's address")
	s.authenticate.set("url", quote(u.Scheme+"://"+u.Host))
}

func (s *settings) cookieExpire(e entry) {
	span, ok := duration(e.value)
	if !ok || span < time.Second {
		s.lose(e, "it is not a time span of a second or more")
		return
	}
	s.ledger.keep(e.line, e.key)
	s.session.set("lifetime", quote(spanText(span)))
}

func (s *settings) cookieSameSite(e entry) {
	switch same := strings.ToLower(e.value.text); same {
	case "lax", "strict", "none":
		s.ledger.keep(e.line, e.key)
		s.session.set("same_site", quote(same))
	default:
		s.lose(e, "it is lax, strict or none")
	}
}

func (s *settings) logLevel(e entry) {
	switch level := strings.ToLower(e.value.text); level {
	case "debug", "info", "warn", "error":
		s.ledger.keep(e.line, e.key)
		s.telemetry.set("log_level", quote(level))
	default:
		s.lose(e, "picket has the levels debug, info, warn and error")
	}
}

func (s *settings) upstreamTimeout(e entry) {
	span, ok := duration(e.value)
	if !ok {
		s.lose(e, "it is not a time span such as 30s")
		return
	}
	s.ledger.keep(e.line, e.key)
	s.timeout = spanText(span)
}

func (s *settings) passIdentity(e entry) {
	s.ledger.keep(e.line, e.key)
	s.pass = e.value.isTrue()
}

// responseHeaders are for all routes: each has them.
func (s *settings) responseHeaders(e entry) {
	if e.value.kind != mapping {
		s.lose(e, "it is an object of headers and values")
		return
	}
	s.ledger.keep(e.line, e.key)
	s.response = append(s.response, e)
}

// duration is a time span as Go writes it.
func duration(v value) (time.Duration, bool) {
	if v.kind != scalar {
		return 0, false
	}
	span, err := time.ParseDuration(v.text)
	return span, err == nil && span >= 0
}

// spanText writes a time span without units that are zero: "8h", not "8h0m0s".
func spanText(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
