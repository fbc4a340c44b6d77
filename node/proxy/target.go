package proxy

import (
	"sync"
	"sync/atomic"
	"time"

	"picket/node/config"
	"picket/node/proxy/http1"
	"picket/node/proxy/upstream"
)

// target is one application of a route.
type target struct {
	member *upstream.Member
	reach  *upstream.Reach
	name   string // in the log: host and port, or the path of a socket
	line   *line  // nil: it is for TCP
}

// host is the Host that is asked for there, unless the route has another.
func (t *target) host() string { return t.member.Endpoint.Host }

// scheme is that of net/http.
func (t *target) scheme() string {
	if t.member.Endpoint.Secure() {
		return "https"
	}
	return "http"
}

// addTargets makes ready where a route leads.
func (r *route) addTargets(plan *upstream.Plan, connections network) {
	for _, m := range r.group.Members() {
		t := &target{member: m, reach: plan.Reach(m), name: m.Endpoint.Host}
		if m.Endpoint.Network == "unix" {
			t.name = m.Endpoint.Origin
		}
		if r.Connect == "" {
			t.line = connections.of(pool{m.Endpoint.Origin, t.reach.Print, r.Timeout}, t.reach)
		}
		r.targets = append(r.targets, t)
	}
}

// target is the one of a member.
func (r *route) target(m *upstream.Member) *target {
	for _, t := range r.targets {
		if t.member == m {
			return t
		}
	}
	return nil // every member has one
}

// hostFor is the Host that a target is sent.
func (r *route) hostFor(t *target, asked config.Origin) string {
	switch r.Host {
	case "", "upstream":
		return t.host()
	case "preserve":
		return asked.Authority()
	}
	return r.Host
}

// pool is what requests have in common that share their connections.
type pool struct {
	origin   string        // of the application
	print    string        // of how it is reached
	patience time.Duration // how long it may take to answer
}

// network is the connections to applications.
type network map[pool]*line

// of gives the connections of a pool, made when it is new.
func (n network) of(p pool, reach *upstream.Reach) *line {
	if n[p] == nil {
		n[p] = &line{reach: reach, patience: p.patience}
		n[p].renew(reach.Generation())
	}
	return n[p]
}

// line is the connections to one application. When some lead to where it no longer is, all are made anew: those in use are closed
// when they have served.
type line struct {
	reach    *upstream.Reach
	patience time.Duration

	mu  sync.Mutex // held by who makes them anew
	now atomic.Pointer[connections]
}

// connections are those of a line since it was made anew.
type connections struct {
	transport
	generation uint32 // of the line's reach
}

// ask asks.
func (l *line) ask(q *http1.Question, t *target, key string) (*http1.Answer, error) {
	c := l.now.Load()
	if generation := l.reach.Generation(); generation != c.generation {
		c = l.renew(generation)
	}
	return c.Ask(q, t, key)
}

func (l *line) renew(generation uint32) *connections {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.now.Load()
	if before != nil && before.generation == generation {
		return before
	}
	made := &connections{newTransport(l.reach, l.patience), generation}
	l.now.Store(made)
	if before != nil {
		before.CloseIdleConnections()
	}
	return made
}

// closeIdle closes the connections that are not in use.
func (l *line) closeIdle() { l.now.Load().CloseIdleConnections() }

// Connections to applications.
const (
	idleConns     = 256 // kept of each target
	idleTime      = 60 * time.Second
	continueTime  = time.Second // to wait for 100 Continue before the body is sent all the same
	responseBytes = 256 << 10   // of response headers
)

// newTransport makes connections to an application, straight to it whatever the environment says of proxies. patience is how
// long the response headers may take after the request was sent, zero without end.
func newTransport(reach *upstream.Reach, patience time.Duration) transport {
	if reach.Endpoint.Scheme == "http" {
		return plainTransport{&http1.Transport{
			Dial: reach.Dial, HeaderTimeout: patience, ContinueTimeout: continueTime,
			IdleTimeout: idleTime, IdleConns: idleConns, HeaderBytes: responseBytes,
		}}
	}
	t := reach.Transport()
	t.MaxIdleConnsPerHost, t.IdleConnTimeout, t.MaxResponseHeaderBytes = idleConns, idleTime, responseBytes
	t.ResponseHeaderTimeout, t.ExpectContinueTimeout = patience, continueTime
	return netTransport{t}
}
