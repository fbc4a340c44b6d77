package pomerium

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"picket/node/config"
)

// What becomes of the path on its way to the upstream.

// pathForm is a text that may stand in a path that picket sends.
var pathForm = regexp.MustCompile(`^([A-Za-z0-9._~!$&'()*,;=:@/+-]|%[0-9A-Fa-f]{2})*$`)

// newPath is a path that takes the place of another; ok is false when picket would not send it.
func newPath(v value) (path string, ok bool) {
	p, err := config.ParsePath("="+v.text, "/")
	return p.Text, v.kind == scalar && err == nil && pathForm.MatchString(v.text)
}

// prefixRewrite takes the place of what was matched: of a prefix, byte by byte.
func (rr *routeReader) prefixRewrite(r *route, e entry) {
	path, ok := newPath(e.value)
	if !ok {
		rr.loseOf(r, e, "it is not a path such as /app")
		return
	}
	rr.ledger.keep(e.line, e.key)
	ends := strings.HasSuffix(path, "/")
	path = strings.ReplaceAll(path, "$", "$$")
	switch kind := r.match.kind(); {
	case kind == byRegex || kind == byPath:
		r.rewrite = replacing("^.*$", path)
	case ends == (r.match.prefix == "" || strings.HasSuffix(r.match.prefix, "/")):
		r.rewrite = []item{{name: "prefix", expr: quote(e.value.text)}}
	default:
		r.rewrite = replacing("^"+regexp.QuoteMeta(orText(r.match.prefix, "/")), path)
	}
}

func orText(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// replacing writes an expression, and what takes the place of what it matches.
func replacing(from, to string) []item {
	return []item{{name: "pattern", expr: quote(from)}, {name: "replace", expr: quote(to)}}
}

// regexRewrite replaces what an expression matches.
func (rr *routeReader) regexRewrite(r *route, v value) {
	const pattern, substitution = "regex_rewrite_pattern", "regex_rewrite_substitution"
	from, to := v.get(pattern), v.get(substitution)
	if !v.has(pattern) {
		if v.has(substitution) {
			rr.loseOf(r, entry{substitution, to.line, to}, "there is no "+pattern)
		}
		return
	}
	e := entry{pattern, from.line, from}
	expression, err := regexp.Compile(from.text)
	if err != nil || from.kind != scalar || to.kind == mapping || to.kind == list {
		rr.loseOf(r, e, "it is no expression that picket could read (RE2)")
		return
	}
	replace, ok := expansion(to.text, expression.NumSubexp())
	switch {
	case !ok:
		rr.loseOf(r, e, "what takes its place is no part of a path")
	case len(r.rewrite) > 0:
		rr.loseOf(r, e, "prefix_rewrite goes before it")
	default:
		rr.ledger.keep(from.line, pattern)
		if v.has(substitution) {
			rr.ledger.keep(to.line, substitution)
		}
		r.rewrite = replacing(from.text, replace)
	}
}

var (
	group      = regexp.MustCompile(`\\([0-9])`)    // is how Pomerium refers to a group of a regular expression
	groupDigit = regexp.MustCompile(`\\[0-9][0-9]`) // would be read as one number
)

// expansion is a substitution as picket writes it; ok is false when picket would refuse it.
func expansion(text string, groups int) (replace string, ok bool) {
	for _, used := range group.FindAllStringSubmatch(text, -1) {
		if n, err := strconv.Atoi(used[1]); err != nil || n > groups {
			return "", false
		}
	}
	if groupDigit.MatchString(text) || !pathForm.MatchString(group.ReplaceAllString(text, "")) {
		return "", false
	}
	return group.ReplaceAllString(strings.ReplaceAll(text, "$", "$$"), "$$$1"), true
}

// redirection reads where a route sends people.
func (rr *routeReader) redirection(r *route, e entry) {
	if e.value.kind != mapping {
		rr.loseOf(r, e, "it is an object")
		return
	}
	rr.ledger.keep(e.line, e.key)
	parts := map[string]string{"code": "301"} // which is what Pomerium sends
	for _, part := range e.value.entries {
		name, expr, why := redirectPart(part, r)
		if why != "" {
			r.drop("redirect." + part.key + ": " + why)
		}
		if name != "" {
			parts[name] = expr
		}
	}
	if circular(r, e.value) {
		r.drop("its redirect leads where people come from")
	}
	r.itself = &block{kind: "redirect"}
	for _, name := range []string{"scheme", "host", "port", "path", "prefix", "code", "strip_query"} {
		if parts[name] != "" && !(name == "prefix" && parts["path"] != "") {
			r.itself.set(name, parts[name])
		}
	}
}

// circular tells whether a redirect leads where people come from.
func circular(r *route, v value) bool {
	u, err := url.Parse(r.from)
	if err != nil || v.get("path_redirect").text != "" {
		return false
	}
	to := config.Redirect{Scheme: v.get("scheme_redirect").text, Host: strings.ToLower(v.get("host_redirect").text)}
	to.Port = strings.TrimLeft(v.get("port_redirect").text, "0")
	if v.get("https_redirect").isTrue() {
		to.Scheme = "https"
	}
	from := config.Origin{Scheme: u.Scheme, Host: u.Hostname(), Port: u.Port()}
	prefix := v.get("prefix_rewrite").text
	return to.At(from) == from && (prefix == "" || strings.TrimSuffix(prefix, "/") == strings.TrimSuffix(r.prefix, "/"))
}

// redirectPart reads one part of a redirect, or says why picket has it not.
func redirectPart(part entry, r *route) (name, expr, why string) {
	text := part.value.text
	if part.value.kind != scalar {
		return "", "", "it is no value"
	}
	switch part.key {
	case "https_redirect":
		if part.value.isTrue() {
			return "scheme", `"https"`, ""
		}
		return "", "", ""
	case "scheme_redirect":
		if text == "https" || text == "http" {
			return "scheme", quote(text), ""
		}
		return "", "", "picket sends people to https or http"
	case "host_redirect":
		if hostForm.MatchString(text) && !strings.HasPrefix(text, "*") {
			return "host", quote(text), ""
		}
		return "", "", "it is not the name of a host"
	case "port_redirect":
		if portNumber(text) {
			return "port", strings.TrimLeft(text, "0"), ""
		}
		return "", "", "it is no port"
	case "path_redirect", "prefix_rewrite":
		path, ok := newPath(part.value)
		switch {
		case !ok:
			return "", "", "it is not a path without a query"
		case part.key == "prefix_rewrite" && r.match.kind() != byRegex:
			return "prefix", quote(path), ""
		}
		return "path", quote(path), ""
	case "response_code":
		if slices.Contains([]string{"301", "302", "303", "307", "308"}, text) {
			return "code", text, ""
		}
		return "", "", "it is not 301, 302, 303, 307 or 308"
	case "strip_query":
		return "strip_query", constant(part.value.isTrue()).text, ""
	}
	return "", "", "picket has no such part"
}

// response reads what a route answers itself.
func (rr *routeReader) response(r *route, e entry) {
	status, err := strconv.Atoi(e.value.get("status").text)
	body := e.value.get("body").text
	if e.value.kind != mapping || err != nil || status < 200 || status > 599 || len(body) > 64<<10 {
		r.drop("a response has a status from 200 to 599, and a body of at most 64 KiB")
		return
	}
	rr.ledger.keep(e.line, e.key)
	r.itself = &block{kind: "respond"}
	r.itself.set("status", strconv.Itoa(status))
	if body != "" && status != 204 && status != 304 {
		r.itself.set("body", quote(body))
	}
}
