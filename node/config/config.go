package config

import (
	"net/netip"
	"time"

	"picket/policy"
)

// Config is one whole configuration, checked, as plain values: no HCL is left in it.
type Config struct {
	Cluster      Cluster
	Listeners    []Listener
	Admin        Admin
	ACME         ACME
	Telemetry    Telemetry
	Authenticate Authenticate
	Identities   []Identity
	Session      Session
	Data         []Data
	Policies     *policy.Set
	Tests        []*policy.Test
	Routes       []Route
	Digest       string // SHA-256 (hex) of the files, sorted by name: nodes with one digest agree
}

// Cluster is what all nodes have in common, and how this one joins them.
type Cluster struct {
	Name         string
	Secrets      [][]byte      // at least one, each at least 32 bytes; the first makes, all open
	MaxStaleness time.Duration // how old the knowledge may be that a node admits on
	Broker       Broker
}

// Broker is where state lives: embedded (Peers, Store) or an external NATS (URLs).
type Broker struct {
	Node   string        // this node's name
	Peers  []Peer        // the nodes that store; none: this one stands alone
	Listen string        // HOST:PORT for routes; "": without peers there are none
	Client string        // HOST:PORT for clients; "": none come
	Store  string        // folder; "": memory only
	Sync   time.Duration // between fsyncs; 0: before every acknowledgement
	Limit  int64         // bytes of disk; 0: no limit of ours

	URLs        []string // of an external NATS; then nothing above but Node is used
	Credentials []byte   // a .creds file's text
	CA          []byte   // PEM, trusted beside the system's for URLs
	Prefix      string   // of bucket names
	Replicas    int      // 1, 3 or 5; as many as there are peers when embedded
}

// Peer is one node that stores state.
type Peer struct {
	Name    string
	Address string // HOST:PORT of its route port
}

// Listener is one public address.
type Listener struct {
	Name           string
	Address        string // HOST:PORT
	Certificates   []Certificate
	Auto           bool   // certificates for hosts that Certificates has none for are ordered
	Redirect       string // name of the https listener that this one sends people to; "": serves routes
	TrustedProxies []netip.Prefix
	ProxyProtocol  []netip.Prefix // whose connections begin with a header of the PROXY protocol, which tells their client
	HTTP3          bool           // on UDP, at the same address
	HeaderBytes    int
	Headers        int // header lines of a request
	HeaderTimeout  time.Duration
	IdleTimeout    time.Duration
	BodyRate       int64 // bytes a second that a request's body comes with at least, on the average; 0: as it likes
	Client         ClientCertificates
	Streams        int // that one HTTP/2 or HTTP/3 connection may have open
	Connections    Connections
}

// Connections bound how many connections come to a listener. A zero field is no bound.
type Connections struct {
	Open  int // open at once
	Rate  int // new ones a second
	Burst int // new ones at once, when there were none for a while; 0: Rate

	AddressOpen  int // the same three of one client, which is an address, or a /64 of IPv6
	AddressRate  int
	AddressBurst int
}

// TLS tells whether the listener speaks TLS.
func (l Listener) TLS() bool { return l.Auto || len(l.Certificates) > 0 }

// Certificate is a chain and its key, as PEM.
type Certificate struct{ Chain, Key []byte }

// Admin is the operator's listener.
type Admin struct {
	Address string // HOST:PORT, or "unix:PATH"
	Pprof   bool
}

// Telemetry is what a node tells of itself.
type Telemetry struct {
	LogLevel  string // debug, info, warn, error
	LogFormat string // json, console
	AccessLog bool

	DecisionLog DecisionLog
}

// DecisionLog is how decisions are kept for replay.
type DecisionLog struct {
	Keep   time.Duration // 0: none are
	Limit  int64         // bytes, of all nodes together; the oldest go first
	Sample float64       // the part of decisions that is kept; 0: none, 1: all
}

// Kept tells whether any decision is.
func (l DecisionLog) Kept() bool { return l.Keep > 0 && l.Sample > 0 }

// Data is a bucket of facts that policies know as data.NAME.
type Data struct {
	Name   string
	Bucket string // without the prefix that all buckets of facts have
}

// Authenticate is the single sign-on host.
type Authenticate struct {
	URL Origin
}

// Origin is scheme, host and port of a URL (RFC 6454), as the configuration gives it.
type Origin struct {
	Scheme string // "https", or "http" on localhost and loopback addresses only
	Host   string // lower case, without port and trailing dot, IPv6 in brackets; may begin with "*." in a route
	Port   string // "": the scheme's own
}

// Secure tells whether cookies of this origin carry Secure and the __Host- prefix.
func (o Origin) Secure() bool { return o.Scheme == "https" }

// Authority is host, and port unless it is the scheme's own.
func (o Origin) Authority() string {
	if o.Port == "" {
		return o.Host
	}
	return o.Host + ":" + o.Port
}

// String is scheme://host[:port].
func (o Origin) String() string { return o.Scheme + "://" + o.Authority() }

// Identity is one identity provider.
type Identity struct {
	Name         string
	Kind         string // "oidc"
	Issuer       string
	ClientID     string
	ClientSecret string
	Scopes       []string
	GroupsClaim  string
	AuthParams   map[string]string
	CA           []byte // PEM, trusted beside the system's
	InsecureHTTP bool
	Logout       []string // "rp_initiated", ...; none: a sign-out is not told to the provider. Nil: "rp_initiated"
}

// Session bounds how long a sign-in lasts.
type Session struct {
	Lifetime time.Duration // from sign-in
	Idle     time.Duration // 0: none
	SameSite string        // "lax", "strict", "none"
}

// Access is who a route is for.
type Access uint8

// What a route asks of a caller. The zero Access is by policy, and a route without policies admits nobody.
const (
	ByPolicy Access = iota
	AnyUser         // whoever is signed in
	Public          // everyone
)

// Route is one entry of the route table.
type Route struct {
	Name       string
	From       Origin   // of a route that carries TCP: where its host's pages are
	Prefix     string   // path prefix, "/" for all, else without a slash at the end; matched by whole segments
	Paths      []Path   // below Prefix, the most specific first; none: all
	Methods    []string // in capitals; HEAD is there with GET; none: all
	Connect    string   // HOST:PORT that CONNECT has to name for TCP to be carried; "": the route carries HTTP
	UDP        bool     // datagrams are carried for Connect, and not TCP
	To         []string // upstream origins: http://HOST[:PORT], https://… or h2c://…; unix:/PATH or h2c+unix:/PATH; tcp://HOST:PORT or unix:/PATH where TCP is carried
	Access     Access
	Policies   []string // names, all of which must admit
	Shadow     []string // names of policies that are decided beside them, and never enforced
	Identities []string // names; none: any
	Session    Session  // zero fields: the cluster's

	Host            string // sent upstream: "upstream", "preserve", or a name
	WebSocket       bool
	Upgrade         []string      // protocols other than WebSocket that requests may switch to, such as "spdy/3.1"
	Timeout         time.Duration // to the response headers; 0: none
	IdleTimeout     time.Duration // for which nothing may come from either side, but while Timeout counts; 0: none
	Assertion       Assertion
	IdentityHeaders []HeaderValue
	Limit           RateLimit

	Rewrite         Rewrite
	RequestHeaders  Headers
	ResponseHeaders Headers
	Redirect        *Redirect // nil: none; else there is no To
	Respond         *Response // nil: none; else there is no To
	CORSPreflight   bool      // preflights (Fetch standard) go to the upstream, whoever asks
	BodyLimit       int64     // bytes of a request's body; 0: none

	Upstream Upstream
	Client   ClientCertificates
}

// Assertion is the signed identity sent upstream.
type Assertion struct {
	Header   string // "": none is sent
	Claims   []string
	Audience string
	Lifetime time.Duration
}

// HeaderValue is a header set from an expression of the policy language.
type HeaderValue struct {
	Name  string
	Value *policy.Template
}
