package policy

import (
	"net/netip"
	"net/textproto"
	"strings"
	"time"
)

// attribute is a name that expressions may ask for.
type attribute struct {
	name    string // "user.email"
	doc     string // what it is, for the reference
	example string // an expression that asks for it
	kind    kind
	run     any                       // as in node
	never   func(value string) string // for texts: why it can never be this value, "" when it can; nil: it can be all
}

// attributes is the table of all of them. An attribute that is empty, or the zero time, is missing, and so unknown.
func attributes() []attribute {
	return []attribute{
		{"authenticated", "Whether somebody is signed in.", `authenticated`,
			boolean, eval[bool](func(f *frame) (bool, bool) { return f.in.Authenticated, true }), nil},
		{"now", "The instant of the decision.", `now < date("2030-01-01", "UTC")`,
			instant, timeOf(func(in *Input) time.Time { return in.Now }), nil},

		{"user.id", "The user, as derived from issuer and subject.", `user.id == "u1"`,
			text, userText(func(u *User) string { return u.ID }), nil},
		{"user.email", "The email address.", `user.email == "a@example.com"`,
			text, userText(func(u *User) string { return u.Email }), nil},
		{"user.email_verified", "Whether the identity provider says that the address was verified.", `user.email_verified`,
			boolean, eval[bool](func(f *frame) (bool, bool) { return f.in.User.EmailVerified, f.in.Authenticated }), nil},
		{"user.email_domain", "What follows the last @ of the email address, in lower case.", `user.email_domain == "example.com"`,
			text, eval[string](func(f *frame) (string, bool) { return emailDomain(f, f.in.User.Email) }), lowerCase},
		{"user.name", "The full name.", `user.name == "Alice"`,
			text, userText(func(u *User) string { return u.Name }), nil},
		{"user.groups", "The names of the groups that the user is in.", `has(user.groups, "sre")`,
			list, listOf(func(in *Input) []string { return in.User.Groups }), nil},
		{"user.claims", "What the identity provider says of the user, by name.", `user.claims["department"] == "sales"`,
			dynamic, eval[any](func(f *frame) (any, bool) { return f.in.User.Claims, f.in.User.Claims != nil }), nil},
		{"user.identity", "The name of the identity block that vouches for the user.", `user.identity == "corp"`,
			text, userText(func(u *User) string { return u.Identity }), nil},

		{"session.id", "The session.", `session.id != "s1"`,
			text, sessionText(func(s *Session) string { return s.ID }), nil},
		{"session.begun", "When the session was made.", `session.begun > date("2026-01-01", "UTC")`,
			instant, timeOf(func(in *Input) time.Time { return in.Session.Begun }), nil},
		{"session.authenticated", "When the user last proved to the identity provider who they are.", `now - session.authenticated < duration("1h")`,
			instant, timeOf(func(in *Input) time.Time { return in.Session.Authenticated }), nil},
		{"session.age", "How long ago the session was made.", `session.age < duration("8h")`,
			span, eval[time.Duration](sessionAge), nil},
		{"session.acr", "How well the user was authenticated: the class that the identity provider names.", `session.acr == "phr"`,
			text, sessionText(func(s *Session) string { return s.ACR }), nil},
		{"session.amr", "By which methods the user was authenticated.", `has(session.amr, "mfa")`,
			list, listOf(func(in *Input) []string { return in.Session.AMR }), nil},
		{"session.identity", "The name of the identity block that the session was begun with.", `session.identity == "corp"`,
			text, sessionText(func(s *Session) string { return s.Identity }), nil},
		{"session.device", "The device that the session is bound to.", `present(session.device)`,
			text, sessionText(func(s *Session) string { return s.Device }), nil},

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

func userText(of func(*User) string) eval[string] {
	return func(f *frame) (string, bool) {
		value := of(&f.in.User)
		return value, value != ""
	}
}

func sessionText(of func(*Session) string) eval[string] {
	return func(f *frame) (string, bool) {
		value := of(&f.in.Session)
		return value, value != ""
	}
}

func requestText(of func(*Request) string) eval[string] {
	return func(f *frame) (string, bool) {
		value := of(&f.in.Request)
		return value, value != ""
	}
}

func timeOf(of func(*Input) time.Time) eval[time.Time] {
	return func(f *frame) (time.Time, bool) {
		value := of(f.in)
		return value, !value.IsZero()
	}
}

func listOf(of func(*Input) []string) eval[[]string] {
	return func(f *frame) ([]string, bool) {
		value := of(f.in)
		return value, value != nil
	}
}

func sessionAge(f *frame) (time.Duration, bool) {
	begun := f.in.Session.Begun
	return f.in.Now.Sub(begun), !begun.IsZero() && !f.in.Now.IsZero()
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
