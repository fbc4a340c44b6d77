package policy

import (
	"net/netip"
	"net/textproto"
	"time"
)

// Input is all that a rule can see of one request: plain facts, taken once, before any rule is asked.
// The zero Input is a request of nobody for nothing. A text that is "", a list that is nil and the zero time are
// missing: what a rule asks of them is unknown.
type Input struct {
	Authenticated bool // a user is signed in; false: User and Session are zero
	User          User
	Session       Session
	Request       Request
	Certificate   Certificate
	Workload      Workload
	Service       Service
	Data          *Data     // nil: no fact is known
	Now           time.Time // the same instant for every rule of a decision
}

// User is the person (or machine) behind a session. Its slices and maps belong to a cache: read only.
type User struct {
	ID            string // derived from issuer and subject
	Email         string // "" when the provider sent none
	EmailVerified bool
	Name          string
	Groups        []string       // in no order; nil: not known, which is not the same as none
	Claims        map[string]any // as decoded by encoding/json: string, float64, bool, nil, []any, map[string]any
	Identity      string         // name of the identity block that vouched
}

// Session is the sign-in that the request belongs to.
type Session struct {
	ID            string
	Begun         time.Time // when the session was made
	Authenticated time.Time // auth_time of the provider (OpenID Connect Core 1.0, section 2)
	ACR           string
	AMR           []string // nil: the provider sent none
	Identity      string
	Device        string
}

// Certificate is what the client showed when the connection was made (RFC 5280). The zero Certificate is none.
type Certificate struct {
	Present     bool   // false: everything else is zero, and unknown
	Valid       bool   // issued by an authority that the listener trusts, in its time, and not revoked
	Fingerprint string // SHA-256 of the whole, in lower-case hexadecimal digits
	SPKI        string // SHA-256 of the public key (SubjectPublicKeyInfo), in lower-case hexadecimal digits
	Subject     string // distinguished name (RFC 4514)
	Issuer      string // the same of the issuer
	SANDNS      []string
	SANEmail    []string
	SANURI      []string
}

// Workload is a machine that showed a token of an issuer that the configuration trusts. The zero Workload is none.
type Workload struct {
	Issuer  string
	Subject string
	Claims  map[string]any // as User.Claims
}

// Service is a service account of ours. The zero Service is none.
type Service struct {
	ID   string
	Name string
}

// Request is what is being asked for, as it will be forwarded.
type Request struct {
	Method        string
	Host          string // lower case, without port and trailing dot
	Path          string // the canonical path, still percent-encoded
	Query         string // raw, without "?"
	Header        Fields // nil: no header
	IP            netip.Addr
	Scheme        string // "http" or "https"
	UserAgent     string
	CORSPreflight bool
	WebSocket     bool
}

// Fields gives the value of a header field by its name, in any case; ok is false when it was not sent.
// Three implementations ship: net/http's headers, the door's own codec, and Headers.
type Fields interface {
	Field(name string) (value string, ok bool)
}

// Headers are header fields by their names in canonical form ("User-Agent"): those of an Input that was written down.
type Headers map[string]string

// Field is the value of a field.
func (h Headers) Field(name string) (value string, ok bool) {
	value, ok = h[textproto.CanonicalMIMEHeaderKey(name)]
	return value, ok
}
