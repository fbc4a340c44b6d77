package upstream

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"picket/node/config"
)

// probeFor is how an application is asked. Each time it is a new connection, as a new client would make it.
func probeFor(r *Reach, h config.Health) func(context.Context) error {
	switch h.Kind {
	case "http":
		return r.probeHTTP(h)
	case "grpc":
		return r.probeGRPC(h)
	}
	return r.probeTCP
}

// probeTCP connects, and shakes hands where TLS is spoken.
func (r *Reach) probeTCP(ctx context.Context) error {
	dial := r.Dial
	if r.Endpoint.Secure() {
		dial = r.DialTLS
	}
	conn, err := dial(ctx, r.Endpoint.Network, r.Endpoint.Address)
	if err != nil {
		return err
	}
	_ = conn.Close() // it has served
	return nil
}

// probeHTTP asks for a page, and wants a status of 2xx or 3xx.
func (r *Reach) probeHTTP(h config.Health) func(context.Context) error {
	transport := r.Transport()
	transport.DisableKeepAlives = true
	return func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.base()+h.Path, nil)
		if err != nil {
			return err
		}
		request.Host = r.Endpoint.Host
		if h.Host != "" {
			request.Host = h.Host
		}
		request.Header.Set("User-Agent", agent)
		response, err := transport.RoundTrip(request)
		if err != nil {
			return err
		}
		_, _ = io.CopyN(io.Discard, response.Body, probeBytes)
		_ = response.Body.Close()
		transport.CloseIdleConnections()
		if response.StatusCode < 200 || response.StatusCode > 399 {
			return fmt.Errorf("it answers %s with %d", h.Path, response.StatusCode)
		}
		return nil
	}
}

const (
	agent      = "picket-health" // who asks
	probeBytes = 64 << 10        // of an answer's body that are read
)

// base is the beginning of addresses for net/http, whose transports know two schemes.
func (r *Reach) base() string {
	if r.Endpoint.Secure() {
		return "https://" + r.Endpoint.Host
	}
	return "http://" + r.Endpoint.Host
}

// grpcNumber reads the number of a gRPC status; -1: there is none.
func grpcNumber(h http.Header) int {
	n, err := strconv.Atoi(h.Get("Grpc-Status"))
	if err != nil {
		return -1
	}
	return n
}
