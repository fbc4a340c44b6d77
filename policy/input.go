package policy

import (
	"net/netip"
	"time"
)

// Input is all that a rule can see of one request: plain facts, taken once, before any rule is asked.
// The zero Input is a request of nobody for nothing. A text that is "", a list that is nil and the zero time are
// missing: what a rule asks of them is unknown.
type Input struct {
	Authenticated bool // false: User and Session are zero
	User          User
	Session       Session
	Request       Request
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
// Two implementations ship: net/http's headers, and the door's own codec.
type Fields interface {
	Field(name string) (value string, ok bool)
}
