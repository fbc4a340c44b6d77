package config

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Redirect is where a route sends people, in place of an upstream.
type Redirect struct {
	Scheme, Host, Port string // "": as it was asked; a port goes with its scheme and host
	Path               string // takes the place of the path; "": it does not
	Prefix             string // takes the place of the prefix that was matched; "": it does not
	Code               int    // 301, 302, 303, 307 or 308
	StripQuery         bool
}

// Response is what a route answers itself, in place of an upstream.
type Response struct {
	Status      int
	Body        string
	ContentType string // "" without a body
}

// answers reads what a route answers itself, if it does: one of two things.
func (b block) answers(r *Route) bool {
	redirect, respond := b.child("redirect"), b.child("respond")
	kind := "redirect"
	switch {
	case !redirect.absent && !respond.absent:
		b.fail(twoAnswers, respond.at, "%s redirects already, at %s. It can do one of them alone.", b, spot(redirect.at))
		return true
	case !redirect.absent:
		r.Redirect = redirect.redirect(r)
	case !respond.absent:
		r.Respond, kind = respond.respond(), "respond"
	default:
		return false
	}
	for _, name := range []string{"to", "websocket", "timeout", "identity_headers", "body_limit", "cors_preflight", "balance", "hash", "weights", "proxy_protocol", "upgrade"} {
		if b.has(name) {
			b.fail(twoAnswers, b.body.Attributes[name].NameRange, "%s is about an upstream, and %s has none: it has a %s block. Leave one of them out.", name, b, kind)
		}
	}
	for _, inner := range b.body.Blocks {
		if slices.Contains([]string{"assertion", "rewrite", "request_headers", "health", "outliers", "retry", "circuit", "upstream_tls", "kubernetes"}, inner.Type) {
			b.fail(twoAnswers, inner.TypeRange, "%s is about an upstream, and %s has none: it has a %s block. Leave one of them out.", inner.Type, b, kind)
		}
	}
	return true
}

// respond reads an answer.
func (b block) respond() *Response {
	status, written := b.count("status", http.StatusOK)
	r := &Response{Status: status, Body: b.text("body", ""), ContentType: "text/plain; charset=utf-8"}
	if written && (r.Status < 200 || r.Status > 599) {
		b.fail(outOfRange, b.place("status"), "status is between 200 and 599.")
	}
	if empty := r.Status == http.StatusNoContent || r.Status == http.StatusNotModified; empty && r.Body != "" {
		b.fail(outOfRange, b.place("body"), "An answer %d has no body (RFC 9110, section 15).", r.Status)
	}
	if len(r.Body) > maxBody {
		b.fail(outOfRange, b.place("body"), "body is at most %s: have an upstream send more.", sizeText(maxBody))
	}
	if w, ok := b.optional("content_type"); ok {
		r.ContentType = w.text
		if !strings.Contains(w.text, "/") || strings.ContainsFunc(w.text, func(c rune) bool { return c < ' ' || c >= 0x7f }) {
			b.fail(notOneOf, w.at, "%.60q is not a media type. Write such as \"text/html; charset=utf-8\".", w.text)
		}
	}
	if r.Body == "" {
		r.ContentType = ""
	}
	return r
}

// maxBody bounds, in bytes, what a route answers itself.
const maxBody = 64 << 10

// redirect reads where people are sent.
func (b block) redirect(route *Route) *Redirect {
	r := &Redirect{Code: b.redirectCode(), StripQuery: b.flag("strip_query", false)}
	if w, ok := b.optional("scheme"); ok {
		r.Scheme = w.text
		if w.text != "https" && w.text != "http" {
			b.fail(notOneOf, w.at, "scheme is one of \"https\", \"http\".")
		}
	}
	if w, ok := b.optional("host"); ok {
		r.Host = b.redirectHost(w)
	}
	if port, ok := b.count("port", 0); ok {
		r.Port = strconv.Itoa(port)
		if port < 1 || port > 65535 {
			b.fail(outOfRange, b.place("port"), "port is between 1 and 65535.")
		}
	}
	r.Path = b.newPath("path", canonicalPath)
	r.Prefix = b.newPrefix(route)
	if r.Path != "" && r.Prefix != "" {
		b.fail(twoAnswers, b.place("prefix"), "path takes the place of the whole path already. Leave one of them out.")
	}
	b.circle(route, *r)
	return r
}

// redirectCode is the status of a redirect: one that nobody remembers, unless it is said.
func (b block) redirectCode() int {
	code, _ := b.count("code", http.StatusFound)
	if !slices.Contains([]int{301, 302, 303, 307, 308}, code) {
		b.fail(notOneOf, b.place("code"), "code is 301, 302, 303, 307 or 308 (RFC 9110, section 15.4).")
	}
	return code
}

func (b block) redirectHost(w word) string {
	if strings.Contains(w.text, ":") && !strings.Contains(w.text, "[") && !strings.Contains(w.text, "/") {
		b.fail(badURL, w.at, "host is a name without a port: write port = … beside it.")
		return ""
	}
	host, err := hostName(strings.Trim(w.text, "[]"))
	if err != nil {
		b.fail(badURL, w.at, "%s", sentence(err))
		return ""
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return host
}

// newPath reads a path that takes the place of another; "" when there is none.
func (b block) newPath(name string, parse func(string) (string, error)) string {
	w, ok := b.optional(name)
	if !ok {
		return ""
	}
	path, err := parse(w.text)
	if err != nil {
		b.fail(badPath, w.at, "%s", sentence(err))
		return ""
	}
	return path
}

// newPrefix reads what takes the place of the prefix that was matched: an expression has none.
func (b block) newPrefix(r *Route) string {
	prefix := b.newPath("prefix", pathPrefix)
	for _, p := range r.Paths {
		if prefix != "" && p.Kind == PatternPath {
			b.fail(badPath, b.place("prefix"), "%s is an expression, and has no prefix that this could take the place of.%s", p, b.insteadOfPrefix())
			return ""
		}
	}
	return prefix
}

// insteadOfPrefix is what does for an expression what prefix does for a prefix.
func (b block) insteadOfPrefix() string {
	if b.kind == "rewrite" {
		return " Write pattern and replace."
	}
	return " Write path."
}

// circle reports a redirect that leads where it came from.
func (b block) circle(route *Route, r Redirect) {
	wrong := slices.ContainsFunc([]string{"scheme", "host", "port", "path", "prefix"}, b.wrong)
	if wrong || route.From.Host == "" {
		return // reported
	}
	to := r.At(route.From)
	same := to == route.From && r.Path == ""
	if same && r.Prefix != "" {
		for _, p := range route.Everything() {
			same = same && p.Text == r.Prefix
		}
	}
	if same {
		b.fail(badRedirect, b.at, "It leads where people come from, %s: they would never arrive.", route.From)
	}
}

// At is the origin that people are sent to, who asked at one.
func (r Redirect) At(asked Origin) Origin {
	to := asked
	if r.Scheme != "" && r.Scheme != asked.Scheme {
		to.Scheme, to.Port = r.Scheme, ""
	}
	if r.Host != "" && r.Host != asked.Host {
		to.Host, to.Port = r.Host, ""
	}
	if r.Port != "" {
		to.Port = r.Port
	}
	if port, err := portOf(&url.URL{Scheme: to.Scheme, Host: fmt.Sprintf("%s:%s", to.Host, to.Port)}); err == nil {
		to.Port = port
	}
	return to
}
