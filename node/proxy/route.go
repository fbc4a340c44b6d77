package proxy

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"picket/node/config"
	"picket/node/proxy/http1"
	"picket/policy"
)

// route is a config.Route made ready.
type route struct {
	*config.Route
	targets   []*target
	turn      atomic.Uint32 // counts up: whose turn it is
	assertion string        // canonical header name; "": none is sent
	identity  []header
}

// target is one application of a route.
type target struct {
	*url.URL         // scheme and host
	address   string // HOST:PORT
	pool      pool
	transport transport // nil: it is for TCP
}

// pool is what requests have in common that share their connections.
type pool struct {
	origin   string        // of the application
	patience time.Duration // how long it may take to answer
}

// transports are connections to applications.
type transports map[pool]transport

// of gives the connections of a pool, made when it is new.
func (t transports) of(p pool) transport {
	if t[p] != nil {
		return t[p]
	}
	scheme, _, _ := strings.Cut(p.origin, ":")
	switch scheme {
	case "https":
		t[p] = netTransport{newSecureTransport(p.patience)}
	case "h2c":
		plain := newSecureTransport(p.patience)
		plain.Protocols = new(http.Protocols)
		plain.Protocols.SetUnencryptedHTTP2(true)
		t[p] = netTransport{plain}
	default:
		t[p] = plainTransport{newTransport(p.patience)}
	}
	return t[p]
}

// header is a header that tells the application of the caller.
type header struct {
	name  string // canonical
	value *policy.Template
}

// newRoutes makes routes ready. Those to one application with the same patience share their connections, the ones that are
// there already among them.
func newRoutes(from []config.Route, connections transports) ([]*route, error) {
	var mistakes []error
	routes := make([]*route, 0, len(from))
	for i := range from {
		r := &route{Route: &from[i], assertion: http.CanonicalHeaderKey(from[i].Assertion.Header)}
		if err := r.addTargets(connections); err != nil {
			mistakes = append(mistakes, fmt.Errorf("route %q: %w", r.Name, err))
		}
		for _, h := range r.IdentityHeaders {
			r.identity = append(r.identity, header{name: http.CanonicalHeaderKey(h.Name), value: h.Value})
		}
		routes = append(routes, r)
	}
	return routes, errors.Join(mistakes...)
}

func (r *route) addTargets(connections transports) error {
	if len(r.To) == 0 {
		return errors.New("it leads nowhere")
	}
	for _, to := range r.To {
		u, err := url.Parse(to)
		if err != nil {
			return fmt.Errorf("to: %w", err)
		}
		plain := u.Path == "" || u.Path == "/"
		if r.Connect != "" {
			if u.Scheme != "tcp" || u.Port() == "" || !plain {
				return fmt.Errorf("to: %q is not tcp://HOST:PORT", to)
			}
			r.targets = append(r.targets, &target{URL: &url.URL{Scheme: u.Scheme, Host: u.Host}})
			continue
		}
		known := u.Scheme == "http" || u.Scheme == "https" || u.Scheme == "h2c"
		if !known || u.Host == "" || !plain || u.RawQuery != "" || u.User != nil {
			return fmt.Errorf("to: %q is not http://HOST, https://HOST or h2c://HOST", to)
		}
		p := pool{u.Scheme + "://" + u.Host, r.Timeout}
		if u.Scheme == "h2c" {
			u.Scheme = "http" // the transport of the pool speaks nothing but HTTP/2
		}
		to := &url.URL{Scheme: u.Scheme, Host: u.Host}
		r.targets = append(r.targets, &target{to, address(to), p, connections.of(p)})
	}
	return nil
}

// inTurn gives the targets, each request beginning with another.
func (r *route) inTurn(yield func(*target) bool) {
	first := int(r.turn.Add(1)-1) % len(r.targets)
	for i := range r.targets {
		if !yield(r.targets[(first+i)%len(r.targets)]) {
			return
		}
	}
}

// hostFor is the Host that a target is sent.
func (r *route) hostFor(target *target, asked config.Origin) string {
	switch r.Host {
	case "", "upstream":
		return target.Host
	case "preserve":
		return asked.Authority()
	}
	return r.Host
}

// Connections to applications.
const (
	dialTime      = 5 * time.Second
	idleConns     = 256 // kept of each target
	idleTime      = 60 * time.Second
	keepAlive     = 30 * time.Second
	continueTime  = time.Second // to wait for 100 Continue before the body is sent all the same
	responseBytes = 256 << 10   // of response headers
)

func newDialer() *net.Dialer { return &net.Dialer{Timeout: dialTime, KeepAlive: keepAlive} }

// newTransport makes connections to applications, straight to them whatever the environment says of proxies.
// patience is how long the response headers may take after the request was sent, zero without end.
func newTransport(patience time.Duration) *http1.Transport {
	return &http1.Transport{
		Dial: newDialer().DialContext, HeaderTimeout: patience, ContinueTimeout: continueTime,
		IdleTimeout: idleTime, IdleConns: idleConns, HeaderBytes: responseBytes,
	}
}

// newSecureTransport is the same over TLS.
func newSecureTransport(patience time.Duration) *http.Transport {
	return &http.Transport{
		DialContext:            newDialer().DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    dialTime,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true,
		MaxIdleConnsPerHost:    idleConns,
		IdleConnTimeout:        idleTime,
		ResponseHeaderTimeout:  patience,
		ExpectContinueTimeout:  continueTime,
		MaxResponseHeaderBytes: responseBytes,
	}
}

// address is HOST:PORT of a target.
func address(target *url.URL) string {
	port := cmp.Or(target.Port(), map[bool]string{true: "443", false: "80"}[target.Scheme == "https"])
	return net.JoinHostPort(target.Hostname(), port)
}
