package config

import (
	"fmt"
	"net/textproto"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"picket/policy"
)

// Headers are what a route changes of the headers of a message: what is removed goes first.
type Headers struct {
	Set    []HeaderValue
	Remove []string // canonical names
}

// requestHeaders reads what a route changes of a request. other are the names that it sets elsewhere, folded, and where.
func (b block) requestHeaders(o policy.Options, other map[string]string) Headers {
	o.Tokens = true
	return b.child("request_headers").headers(o, other, unfitRequest, unfitToRemove)
}

// responseHeaders reads what a route changes of a response.
func (b block) responseHeaders(o policy.Options) Headers {
	return b.child("response_headers").headers(o, nil, unfitResponse, unfitResponseToRemove)
}

// headers reads set and remove. Who says why a name cannot be set, or removed, says "" when it can.
func (b block) headers(o policy.Options, other map[string]string, set, remove func(string) string) Headers {
	var h Headers
	seen := map[string]string{}
	for name, by := range other {
		seen[name] = by
	}
	if b.has("set") {
		for _, e := range b.entries(b.body.Attributes["set"].Expr) {
			if value, ok := b.headerValue(e, o, seen, set); ok {
				h.Set = append(h.Set, value)
			}
		}
	}
	words, _ := b.texts("remove")
	for _, w := range words {
		why := remove(w.text)
		by, twice := seen[fold(w.text)]
		switch {
		case why != "":
			b.fail(badHeader, w.at, "%s", why)
		case twice:
			b.fail(badHeader, w.at, "%s is set by %s already: what is set takes the place of what came.", w.text, by)
		case slices.Contains(h.Remove, textproto.CanonicalMIMEHeaderKey(w.text)):
			b.fail(duplicateName, w.at, "%s is in the list already.", w.text)
		default:
			h.Remove = append(h.Remove, textproto.CanonicalMIMEHeaderKey(w.text))
		}
	}
	return h
}

// headerValue reads one header that is set.
func (b block) headerValue(e entry, o policy.Options, seen map[string]string, unfit func(string) string) (HeaderValue, bool) {
	value, diags := policy.NewTemplate(e.value, o)
	b.take(diags)
	name := textproto.CanonicalMIMEHeaderKey(e.key.text)
	if by, twice := seen[fold(name)]; twice {
		b.fail(badHeader, e.key.at, "%s is set by %s already.", name, by)
		return HeaderValue{}, false
	}
	if why := unfit(e.key.text); why != "" {
		b.fail(badHeader, e.key.at, "%s", why)
		return HeaderValue{}, false
	}
	seen[fold(name)] = name
	if diags.HasErrors() {
		return HeaderValue{}, false
	}
	if text, ok := value.Value(new(policy.Input)); ok && !httpguts.ValidHeaderFieldValue(text) {
		b.fail(badHeader, e.value.Range(), "The value has a line break or a control character: no header can (RFC 9110, section 5.5).")
		return HeaderValue{}, false
	}
	if secretHeader(name) && len(e.value.Variables()) == 0 {
		b.guard(word{text: name, at: e.value.Range(), expr: e.value})
	}
	return HeaderValue{Name: name, Value: value}, true
}

// secretHeader tells whether what a header holds is likely to be a secret.
func secretHeader(name string) bool {
	return slices.ContainsFunc([]string{"authorization", "token", "secret", "password", "api-key", "apikey"}, func(part string) bool {
		return strings.Contains(fold(name), part)
	})
}

// unfitRequest says why a route cannot set a header of a request.
func unfitRequest(name string) string {
	if why := unfit(name); why != "" {
		return why
	}
	if strings.HasPrefix(fold(name), "x-picket-") {
		return name + " belongs to picket."
	}
	return ""
}

// unfitToRemove says why a route cannot remove a header of a request.
func unfitToRemove(name string) string {
	if fold(name) == "cookie" { // it may not be set, for ours is taken out of it
		return ""
	}
	return unfit(name)
}

// unfitResponse says why a route cannot set a header of a response.
func unfitResponse(name string) string {
	if fold(name) == "set-cookie" {
		return "Cookies are the application's: a route can remove Set-Cookie, and not set it."
	}
	return unfitResponseToRemove(name)
}

// unfitResponseToRemove says why a route cannot remove a header of a response.
func unfitResponseToRemove(name string) string {
	switch folded := fold(name); {
	case !headerToken.MatchString(name):
		return notHeader(name)
	case slices.Contains(hopByHop(), folded):
		return name + " is for one connection alone (RFC 9110, section 7.6.1): it is not sent on."
	case slices.Contains([]string{"content-length", "alt-svc", "x-request-id"}, folded):
		return name + " is decided by picket for each response."
	case strings.HasPrefix(folded, "x-picket-"):
		return name + " belongs to picket."
	}
	return ""
}

// setElsewhere are the names of headers that a route sends upstream by other settings than request_headers, folded, and what
// sets them.
func (r *Route) setElsewhere() map[string]string {
	names := r.setByBlocks()
	for _, h := range r.IdentityHeaders {
		names[fold(h.Name)] = "identity_headers"
	}
	return names
}

// setByBlocks are those of the assertion, and those by which a route acts for people at Kubernetes.
func (r *Route) setByBlocks() map[string]string {
	names := map[string]string{}
	if r.Assertion.Header != "" {
		names[fold(r.Assertion.Header)] = "the assertion"
	}
	if k := r.Upstream.Kubernetes; k.Token != "" {
		names["authorization"] = "kubernetes"
		if k.Impersonate {
			names["impersonate-user"], names["impersonate-group"] = "kubernetes", "kubernetes"
		}
	}
	return names
}

func notHeader(name string) string {
	return fmt.Sprintf("%.60q is not the name of a header (RFC 9110, section 5.6.2).", name)
}
