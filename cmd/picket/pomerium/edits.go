package pomerium

import (
	"regexp"
	"slices"
	"strings"
)

// What is set and removed of the headers of requests and responses.

// headersSet reads headers that are set, without those that picket does not set. Who says why a name cannot be, says "" when it
// can.
func headersSet(kind string, unfit func(string) string) func(*routeReader, *route, entry) {
	return func(rr *routeReader, r *route, e entry) {
		if e.value.kind != mapping {
			rr.loseOf(r, e, "it is an object of headers and values")
			return
		}
		var b strings.Builder
		seen := map[string]bool{}
		for _, h := range e.value.entries {
			value, why := rr.headerValue(r, h, kind == "request_headers")
			if name := unfit(h.key); name != "" {
				why = name
			} else if seen[foldHeader(h.key)] {
				why = "another header would be taken for it"
			}
			if why != "" {
				rr.loseOf(r, entry{e.key + " " + h.key, h.line, h.value}, why)
				continue
			}
			seen[foldHeader(h.key)] = true
			r.names = append(r.names, kind+" "+foldHeader(h.key))
			rr.ledger.keep(h.line, e.key+" "+h.key)
			b.WriteString(key(h.key) + " = " + value + "\n")
		}
		if b.Len() > 0 {
			r.headers = append(r.headers, &block{kind: kind, items: []item{{name: "set", expr: "{\n" + b.String() + "}"}}})
		}
	}
}

// requestHeaders reads headers that are set in requests, but those that tell who asks.
func (rr *routeReader) requestHeaders(r *route, v value) {
	e := entry{"set_request_headers", v.get("set_request_headers").line, v.get("set_request_headers")}
	if e.value.kind == nothing {
		return
	}
	headersSet("request_headers", func(name string) string {
		told := func(h claimHeader) bool { return foldHeader(h.header) == foldHeader(name) }
		if r.pass && slices.ContainsFunc(rr.settings.headers, told) {
			return "jwt_claims_headers sets it already"
		}
		if ofKubernetes := []string{"authorization", "impersonate-user", "impersonate-group"}; r.blockOf("kubernetes") != nil && slices.Contains(ofKubernetes, foldHeader(name)) {
			return "the service account of kubernetes sets it already"
		}
		return unfitRequest(name)
	})(rr, r, e)
}

// removed reads headers that are removed from requests, but those that are set: what is set takes their place.
func (rr *routeReader) removed(r *route, v value) {
	e := entry{"remove_request_headers", v.get("remove_request_headers").line, v.get("remove_request_headers")}
	if e.value.kind == nothing {
		return
	}
	items, ok := e.value.texts()
	if !ok {
		rr.loseOf(r, e, "it is a list of headers")
		return
	}
	var all []string
	for _, i := range items {
		folded := foldHeader(i.text)
		if why := unfitRequest(i.text); why != "" && folded != "cookie" {
			rr.loseOf(r, entry{e.key + " " + i.text, i.line, i}, why)
			continue
		}
		rr.ledger.keep(i.line, e.key+" "+i.text)
		if !slices.Contains(r.names, "request_headers "+folded) {
			r.names = append(r.names, "request_headers "+folded)
			all = append(all, i.text)
		}
	}
	if len(all) > 0 {
		r.headers = append(r.headers, &block{kind: "request_headers", items: []item{{name: "remove", expr: quoteAll(all)}}})
	}
}

// unfitRequest is why picket does not set or remove a header of a request.
func unfitRequest(name string) string {
	switch folded := foldHeader(name); {
	case !headerForm.MatchString(name):
		return "picket does not set a header of that name"
	case slices.Contains(ofConnection(), folded), strings.HasPrefix(folded, "x-picket-"):
		return "picket sets that header itself"
	}
	return ""
}

// unfitResponse is why picket does not set a header of a response.
func unfitResponse(name string) string {
	own := []string{"content-length", "alt-svc", "x-request-id", "set-cookie"}
	switch folded := foldHeader(name); {
	case !headerForm.MatchString(name):
		return "picket does not set a header of that name"
	case slices.Contains(perConnection(), folded), slices.Contains(own, folded), strings.HasPrefix(folded, "x-picket-"):
		return "picket does not let a route decide on that header"
	}
	return ""
}

var (
	// secretName is what names of headers have that hold secrets.
	secretName = regexp.MustCompile(`(?i)auth|cookie|key|pass|secret|token|credential|signature`)
	// variable is what a header takes from the request, in either way to write it, and a dollar sign.
	variable = regexp.MustCompile(`\$\$|\$\{[ \t]*[\w-]+(?:[ \t]*\.[ \t]*[\w-]+|[ \t]*\[[ \t]*"[^"\\]*"[ \t]*\])*[ \t]*\}|\$[\w-]+(?:\.[\w-]+)*`)
	// stepOf is one step of a variable: a name, or a text in quotes.
	stepOf = regexp.MustCompile(`[\w-]+|"[^"]*"`)
	// headerName is how a header of the request may be called.
	headerName = regexp.MustCompile(`^[A-Za-z0-9-]+$`)
)

// headerValue is the value of a header as picket writes it, or why there is none. What may be a secret comes from the
// environment.
func (rr *routeReader) headerValue(r *route, e entry, request bool) (expr, why string) {
	text := e.value.text
	if e.value.kind != scalar || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", "its value is no line of text"
	}
	var b strings.Builder
	plain := func(s string) {
		quoted := quote(s)
		b.WriteString(quoted[1 : len(quoted)-1])
	}
	made, at := false, 0
	for _, found := range variable.FindAllStringIndex(text, -1) {
		plain(text[at:found[0]])
		name := text[found[0]:found[1]]
		at = found[1]
		written := variableOf(name, request)
		switch {
		case name == "$$":
			plain("$")
		case written == "":
			return "", "picket has no " + name
		default:
			b.WriteString("${" + written + "}")
			made = true
		}
	}
	plain(text[at:])
	if !made && request && secretName.MatchString(e.key) {
		return rr.variable(r, e), ""
	}
	return `"` + b.String() + `"`, ""
}

// variable is where a secret comes from.
func (rr *routeReader) variable(r *route, e entry) string {
	if rr.variables == nil {
		rr.variables = map[string]bool{}
	}
	name := unique("header-"+label(r.name)+"-"+label(e.key), rr.variables)
	name = strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
	rr.ledger.tell(e.line, "set_request_headers "+e.key, "it is not copied: give it to the nodes as "+name)
	return "env(" + quote(name) + ")"
}

// responseHeaders reads headers that are set in responses, with those that all routes have.
func (rr *routeReader) responseHeaders(r *route, v value) {
	e := entry{"set_response_headers", v.get("set_response_headers").line, v.get("set_response_headers")}
	for _, all := range rr.settings.response {
		if e.value.kind == nothing {
			e = entry{all.key, all.line, value{kind: mapping, line: all.line}}
		}
		for _, h := range all.value.entries {
			known := func(own entry) bool { return foldHeader(own.key) == foldHeader(h.key) }
			if e.value.kind == mapping && !slices.ContainsFunc(e.value.entries, known) {
				e.value.entries = append(slices.Clip(e.value.entries), h)
			}
		}
	}
	if e.value.kind != nothing {
		headersSet("response_headers", unfitResponse)(rr, r, e)
	}
}

// variableOf is what picket has for a variable of Pomerium's, "" when that is nothing.
func variableOf(name string, request bool) string {
	if name == "$$" {
		return ""
	}
	var steps []string
	for _, step := range stepOf.FindAllString(name, -1) {
		steps = append(steps, strings.Trim(step, `"`))
	}
	switch last := steps[len(steps)-1]; {
	case slices.Equal(steps, []string{"pomerium", "access_token"}) && request:
		return "session.access_token"
	case slices.Equal(steps, []string{"pomerium", "client_cert_fingerprint"}):
		return "certificate.fingerprint"
	case slices.Equal(steps, []string{"pomerium", "request", "headers", last}) && headerName.MatchString(last):
		return "request.headers[" + quote(last) + "]"
	}
	return ""
}
