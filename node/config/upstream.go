package config

import "time"

// Upstream is how the applications behind a route are chosen, watched and reached.
type Upstream struct {
	Weights  []int  // of Route.To, in its order; nil: all the same. One of 0 gets nothing.
	Balance  string // "least_request", "random" or "hash"; "": in turn
	Hash     string // what hash goes by: "session", "ip", or "header:NAME" with a canonical name; "": not by hash
	Health   Health
	Outliers Outliers
	Retry    Retry
	Circuit  Circuit

	TLS           UpstreamTLS
	ProxyProtocol string // "v1" or "v2" tell the application the client's address; "": nothing does
	Kubernetes    Kubernetes
}

// Health is how applications are asked whether they are well.
type Health struct {
	Kind      string // "http", "grpc" or "tcp"; "": nobody asks
	Path      string // for http
	Host      string // for http: the Host that is asked for; "": the application's own
	Service   string // for grpc; "": the server as a whole
	Every     time.Duration
	Timeout   time.Duration
	Healthy   int // good answers in a row after which an application is well again
	Unhealthy int // bad ones after which it no longer is
}

// Outliers is when an application that fails requests is left alone for a while.
type Outliers struct {
	Errors     int // in a row; 0: never
	Window     time.Duration
	Eject      time.Duration // the first time; longer each time after
	MaxEjected int           // percent of a route's applications, rounded down
}

// Retry is when a request is sent again.
type Retry struct {
	Attempts int      // more than the first; 0: none
	On       []string // "connect", "reset", "timeout", or a status such as "503"
}

// Circuit is how much an application is asked at once.
type Circuit struct {
	Requests int           // under way to each application; 0: no limit
	Pending  int           // of the route, that may wait for their turn
	Wait     time.Duration // for which they do
}

// UpstreamTLS is how applications at https:// are known, and how they know picket.
type UpstreamTLS struct {
	CA               []byte // PEM, trusted in place of the system's; nil: the system's
	Name             string // in the certificate, and asked for by SNI; "": the application's host
	Certificate, Key []byte // PEM, shown to the application; nil: none
	SkipVerify       bool
}

// Kubernetes is how a route speaks for people to a Kubernetes API server.
type Kubernetes struct {
	Token       string // of a service account, sent as a bearer; "": the route leads to something else
	Impersonate bool   // the service account acts as the user, with the user's groups
}
