package pomerium

import (
	"cmp"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// upstreamTable is how the settings of a route are read that are about what stands behind it.
func upstreamTable() map[string]func(*routeReader, *route, entry) {
	return map[string]func(*routeReader, *route, entry){
		"load_balancing_policy": (*routeReader).balance,
		"lb_policy":             (*routeReader).balance,
		"health_checks":         (*routeReader).health,
		"outlier_detection":     (*routeReader).outliers,

		"tls_skip_verify": func(rr *routeReader, r *route, e entry) {
			rr.ledger.keep(e.line, e.key)
			if e.value.isTrue() {
				r.upstreamBlock("upstream_tls").set("skip_verify", "true")
			}
		},
		"tls_server_name":          (*routeReader).serverName,
		"tls_upstream_server_name": (*routeReader).serverName,
		"tls_custom_ca_file":       upstreamFile("ca"),
		"tls_custom_ca":            upstreamText("ca"),
		"tls_client_cert":          clientPair,
		"tls_client_cert_file":     clientPair,
		"tls_client_key":           func(*routeReader, *route, entry) {}, // read with the certificate
		"tls_client_key_file":      func(*routeReader, *route, entry) {},

		"kubernetes_service_account_token":      (*routeReader).kubernetes,
		"kubernetes_service_account_token_file": (*routeReader).kubernetes,
	}
}

// upstreamBlock is a block of the route, made when it is new.
func (r *route) upstreamBlock(kind string) *block {
	if b := r.blockOf(kind); b != nil {
		return b
	}
	b := &block{kind: kind}
	r.blocks = append(r.blocks, b)
	return b
}

// blockOf is a block that the route has already; nil: it has none.
func (r *route) blockOf(kind string) *block {
	for _, b := range r.blocks {
		if b.kind == kind {
			return b
		}
	}
	return nil
}

// balance is how requests are spread. What Pomerium hashes by is the session, and the address where there is none.
func (rr *routeReader) balance(r *route, e entry) {
	switch strings.ToUpper(strings.TrimPrefix(strings.ToUpper(e.value.text), "LOAD_BALANCING_POLICY_")) {
	case "ROUND_ROBIN", "":
	case "LEAST_REQUEST":
		r.balance = "least_request"
	case "RANDOM":
		r.balance = "random"
	case "RING_HASH", "MAGLEV":
		r.balance = "hash"
	default:
		rr.loseOf(r, e, "balance is round_robin, least_request, random or hash")
		return
	}
	rr.ledger.keep(e.line, e.key)
}

// weight reads the weight behind an upstream. All have one, or none.
func (rr *routeReader) weight(r *route, v value, weight string) {
	n, err := strconv.Atoi(weight)
	if err != nil || n < 0 || n > 1_000_000 {
		rr.ledger.lose(v.line, "to", "a weight is a whole number up to 1000000: all upstreams get the same")
		r.unweighted = true
	}
	r.weights = append(r.weights, strconv.Itoa(n))
}

// weightList is the weights of a route; "" when they say nothing.
func (r *route) weightList() string {
	if r.unweighted || len(r.weights) != len(r.to) || len(r.weights) < 2 || strings.Trim(strings.Join(r.weights, ""), "0") == "" {
		return ""
	}
	return "[" + strings.Join(r.weights, ", ") + "]"
}

// health is the first health check: picket has one for a route.
func (rr *routeReader) health(r *route, e entry) {
	if e.value.kind != list {
		rr.loseOf(r, e, "it is a list of health checks")
		return
	}
	for i, check := range e.value.items {
		if i > 0 {
			rr.loseOf(r, entry{e.key, check.line, check}, "picket has one health check for a route")
			continue
		}
		b, why := rr.healthBlock(r, check)
		if why != "" {
			rr.loseOf(r, e, why)
			return
		}
		r.blocks = append(r.blocks, b)
	}
	rr.ledger.keep(e.line, e.key)
}

// healthPath is what picket asks for.
var healthPath = regexp.MustCompile(`^/[A-Za-z0-9._~!$&'()*+,;=:@/?%-]*$`)

// healthBlock is a health check, or why picket has none like it.
func (rr *routeReader) healthBlock(r *route, check value) (b *block, why string) {
	b = &block{kind: "health"}
	for _, e := range check.entries {
		switch e.key {
		case "http_health_check":
			path := cmp.Or(e.value.get("path").text, "/")
			if !healthPath.MatchString(path) {
				return nil, "picket asks for a path such as /healthz"
			}
			b.set("path", quote(path))
			if host := e.value.get("host").text; hostForm.MatchString(host) {
				b.set("host", quote(host))
			}
			if codes := e.value.get("expected_statuses"); codes.kind != nothing {
				rr.ledger.tell(codes.line, "expected_statuses", "picket takes every 2xx and 3xx for well")
			}
		case "grpc_health_check":
			b.set("grpc", quote(e.value.get("service_name").text))
			for _, to := range r.to {
				if strings.HasPrefix(to, "http:") {
					return nil, "picket speaks gRPC to h2c:// and https://, and to http:// HTTP/1.1"
				}
			}
		case "tcp_health_check":
			if e.value.has("send") || e.value.has("receive") {
				rr.ledger.tell(e.line, e.key, "picket makes a connection, and neither sends nor waits for anything")
			}
			b.set("tcp", "true")
		}
	}
	if len(b.items) == 0 {
		return nil, "picket checks by HTTP, gRPC or TCP"
	}
	healthTimes(b, check)
	return b, ""
}

// healthTimes are how often and how long, and after how many answers, where Pomerium's are others than picket's own.
func healthTimes(b *block, check value) {
	for _, s := range []struct {
		from, to string
		least    time.Duration
	}{{"interval", "every", 100 * time.Millisecond}, {"timeout", "timeout", 10 * time.Millisecond}} {
		if span, ok := duration(check.get(s.from)); ok {
			b.set(s.to, quote(spanText(max(span, s.least))))
		}
	}
	for _, name := range []string{"healthy", "unhealthy"} {
		if n, err := strconv.Atoi(check.get(name + "_threshold").text); err == nil {
			b.set(name, strconv.Itoa(min(max(n, 1), 100)))
		}
	}
}

// outliers are Envoy's: errors in a row, and for how long an upstream is left alone. It ejects one whatever the part says.
func (rr *routeReader) outliers(r *route, e entry) {
	if e.value.kind != mapping {
		rr.loseOf(r, e, "it is an object")
		return
	}
	if len(r.to) < 2 {
		rr.loseOf(r, e, "its only upstream is asked in any case")
		return
	}
	b := &block{kind: "outliers"}
	percent := 10
	for _, part := range e.value.entries {
		n, err := strconv.Atoi(part.value.text)
		span, timed := duration(part.value)
		switch {
		case err == nil && n > 0 && n <= 1000 && (part.key == "consecutive_5xx" || part.key == "consecutive_gateway_failure"):
			b.replace("errors", part.value.text)
		case part.key == "base_ejection_time" && timed && span >= time.Second:
			b.set("eject", quote(spanText(span)))
		case part.key == "max_ejection_percent" && err == nil && n >= 0 && n <= 100:
			percent = n
		default:
			rr.loseOf(r, entry{e.key + "." + part.key, part.line, part.value}, "picket counts gateway errors, time-outs and lost connections in a row")
		}
	}
	one := (100 + len(r.to) - 1) / len(r.to)
	b.set("max_ejected", quote(fmt.Sprintf("%d%%", max(percent, one))))
	r.blocks = append(r.blocks, b)
	rr.ledger.keep(e.line, e.key)
}

// replace sets an attribute, over the one that is there.
func (b *block) replace(name, expr string) {
	for i := range b.items {
		if b.items[i].name == name {
			b.items[i].expr = expr
			return
		}
	}
	b.set(name, expr)
}

// serverName is the name in the certificate. tls_upstream_server_name counts for more.
func (rr *routeReader) serverName(r *route, e entry) {
	if !hostForm.MatchString(e.value.text) || strings.HasPrefix(e.value.text, "*") || e.value.kind != scalar {
		rr.loseOf(r, e, "it is not the name of a host")
		return
	}
	rr.ledger.keep(e.line, e.key)
	b := r.upstreamBlock("upstream_tls")
	if e.key == "tls_upstream_server_name" || !b.has("name") {
		b.replace("name", quote(strings.ToLower(e.value.text)))
	}
}

func (b *block) has(name string) bool {
	for _, i := range b.items {
		if i.name == name {
			return true
		}
	}
	return false
}

// upstreamFile is an attribute of upstream_tls that is in a file.
func upstreamFile(name string) func(*routeReader, *route, entry) {
	return func(rr *routeReader, r *route, e entry) {
		if e.value.kind != scalar || e.value.text == "" {
			rr.loseOf(r, e, "it is not the path of a file")
			return
		}
		rr.ledger.keep(e.line, e.key)
		r.upstreamBlock("upstream_tls").replace(name, fileExpr(e.value))
	}
}

// upstreamText is one that stands in the source itself, in base64.
func upstreamText(name string) func(*routeReader, *route, entry) {
	return func(rr *routeReader, r *route, e entry) {
		if !isCertificate(e.value.text) {
			rr.loseOf(r, e, "it is not a certificate as PEM in base64")
			return
		}
		rr.ledger.keep(e.line, e.key)
		r.upstreamBlock("upstream_tls").replace(name, call("base64decode", quote(e.value.text)).text)
	}
}

// isCertificate tells whether a text is a certificate as PEM in base64: something that everyone may know.
func isCertificate(text string) bool {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return false
	}
	first, rest := pem.Decode(raw)
	if first == nil || first.Type != "CERTIFICATE" || strings.Contains(string(rest), "PRIVATE KEY") {
		return false
	}
	_, err = x509.ParseCertificate(first.Bytes)
	return err == nil
}

// clientPair is what picket shows to the upstream: a certificate, and its key, of which one in the source itself is not copied.
func clientPair(rr *routeReader, r *route, e entry) {
	key, keyFile := r.source.get("tls_client_key"), r.source.get("tls_client_key_file")
	b := r.upstreamBlock("upstream_tls")
	switch {
	case b.has("certificate"):
		rr.loseOf(r, e, "there is a certificate already")
		return
	case key.kind != scalar && keyFile.kind != scalar:
		rr.loseOf(r, e, "there is no key to it")
		return
	case e.key == "tls_client_cert" && !isCertificate(e.value.text):
		rr.loseOf(r, e, "it is not a certificate as PEM in base64")
		return
	case e.key == "tls_client_cert":
		b.set("certificate", call("base64decode", quote(e.value.text)).text)
	default:
		b.set("certificate", fileExpr(e.value))
	}
	rr.ledger.keep(e.line, e.key)
	if keyFile.kind == scalar {
		rr.ledger.keep(keyFile.line, "tls_client_key_file")
		b.set("key", fileExpr(keyFile))
		return
	}
	variable := "UPSTREAM_KEY_" + variableName(r.name)
	rr.ledger.keep(key.line, "tls_client_key")
	rr.ledger.tell(key.line, "tls_client_key", "it is not copied: put it into a file, and give the nodes its path as "+variable)
	b.set("key", "file(env("+quote(variable)+"))")
}

// variableName is the end of an environment variable's name.
func variableName(s string) string {
	return strings.ToUpper(strings.ReplaceAll(label(s), "-", "_"))
}

// kubernetes is the service account that acts as whoever asks.
func (rr *routeReader) kubernetes(r *route, e entry) {
	readable := false
	for _, to := range r.to {
		readable = readable || strings.HasPrefix(to, "http:") || strings.HasPrefix(to, "h2c:")
	}
	switch {
	case r.public:
		rr.loseOf(r, e, "everyone could act as the service account")
		return
	case readable:
		rr.loseOf(r, e, "the token would travel readable: write https:// in to")
		return
	case e.value.kind != scalar || e.value.text == "":
		rr.loseOf(r, e, "it is empty")
		return
	}
	rr.ledger.keep(e.line, e.key)
	token := fileExpr(e.value)
	if e.key == "kubernetes_service_account_token" {
		variable := "KUBERNETES_TOKEN_" + variableName(r.name)
		rr.ledger.tell(e.line, e.key, "it is not copied: give it to the nodes as "+variable)
		token = "env(" + quote(variable) + ")"
	}
	r.upstreamBlock("kubernetes").replace("token", token)
	rr.ledger.tell(e.line, e.key, "groups whose names begin with system: are not passed on: they are Kubernetes' own")
}
