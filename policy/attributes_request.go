package policy

import (
	"net/netip"
	"net/textproto"
	"strings"
)

func requestAttributes() []attribute {
	return []attribute{
		{"request.method", "The method, in upper case as it was sent.", `request.method == "GET"`,
			text, requestText(func(r *Request) string { return r.Method }), upperCase},
		{"request.host", "The host, in lower case, without a port.", `request.host == "wiki.example.com"`,
			text, requestText(func(r *Request) string { return r.Host }), lowerCase},
		{"request.path", "The path, canonical and still percent-encoded.", `startswith(request.path, "/docs/")`,
			text, requestText(func(r *Request) string { return r.Path }), absolutePath},
		{"request.query", "The values of the query, by name. One that could be read in two ways, as a name that occurs twice, is unknown.", `request.query["page"] == "1"`,
			fields, lookup(func(f *frame, name string) (string, bool) { return queryValue(f, f.in.Request.Query, name) }), nil},
		{"request.headers", "The values of the header fields, by name in any case.", `request.headers["Accept"] == "text/html"`,
			fields, lookup(headerValue), nil},
		{"request.ip", "The address of the client.", `in_cidr(request.ip, "10.0.0.0/8")`,
			address, eval[netip.Addr](requestIP), nil},
		{"request.scheme", "http or https.", `request.scheme == "https"`,
			text, requestText(func(r *Request) string { return r.Scheme }), httpScheme},
		{"request.user_agent", "What the client calls itself.", `startswith(request.user_agent, "curl/")`,
			text, requestText(func(r *Request) string { return r.UserAgent }), nil},
		{"request.cors_preflight", "Whether a browser asks if it may ask (CORS).", `request.cors_preflight`,
			boolean, eval[bool](func(f *frame) (bool, bool) { return f.in.Request.CORSPreflight, true }), nil},
		{"request.websocket", "Whether a WebSocket is to be opened.", `request.websocket`,
			boolean, eval[bool](func(f *frame) (bool, bool) { return f.in.Request.WebSocket, true }), nil},
	}
}

func requestText(of func(*Request) string) eval[string] {
	return func(f *frame) (string, bool) {
		value := of(&f.in.Request)
		return value, value != ""
	}
}

// requestIP takes an IPv4 address mapped into IPv6 for what it is, and leaves out the zone, which no network contains.
func requestIP(f *frame) (netip.Addr, bool) {
	ip := f.in.Request.IP
	return ip.Unmap().WithZone(""), ip.IsValid()
}

func headerValue(f *frame, name string) (string, bool) {
	if f.in.Request.Header == nil {
		return "", false
	}
	return f.in.Request.Header.Field(textproto.CanonicalMIMEHeaderKey(name))
}

func upperCase(value string) string {
	if value != strings.ToUpper(value) {
		return "it is in upper case: " + strings.ToUpper(value)
	}
	return ""
}

func lowerCase(value string) string {
	if value != strings.ToLower(value) {
		return "it is in lower case: " + strings.ToLower(value)
	}
	return ""
}

func absolutePath(value string) string {
	if !strings.HasPrefix(value, "/") {
		return "it begins with a slash"
	}
	return ""
}

func httpScheme(value string) string {
	if value != "http" && value != "https" {
		return "it is http or https"
	}
	return ""
}
