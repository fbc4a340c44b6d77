package http1

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"
)

// Transport asks applications over HTTP/1.1: an http.RoundTripper for http:// addresses. The goroutine that asks writes the request
// and reads the response itself; only a request's body has one of its own, so that an answer may come before its end.
//
// A request is sent a second time only when it was sent on a connection that had been used before, nothing of an answer came, and
// the method promises that twice is like once (RFC 9110, section 9.2.2) and there is no body. The context's end closes the
// connection. Errors of connecting are those of Dial; those of waiting have Timeout() true.
type Transport struct {
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	HeaderTimeout   time.Duration // for the header of a response, once the request is sent; 0: without end
	ContinueTimeout time.Duration // to wait for 100 Continue before the body is sent all the same
	IdleTimeout     time.Duration // for which a connection is kept; 0: without end
	IdleConns       int           // kept of each address
	HeaderBytes     int           // of a response's header

	pool    pool
	writers writeBuffers
	readers readBuffers
}

// errGaveUp says that a connection that had been used before ended without an answer.
var errGaveUp = errors.New("the application closed the connection")

// RoundTrip sends a request and gives the response, whose body must be closed.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	for {
		u, err := t.connect(r)
		if err != nil {
			closeBody(r)
			return nil, err
		}
		res, err := u.ask(r)
		if err == nil {
			return res, nil
		}
		again := u.used && !u.heard && repeatable(r) && r.Context().Err() == nil
		u.close()
		if !again {
			closeBody(r)
			if cause := r.Context().Err(); cause != nil {
				return nil, cause
			}
			return nil, err
		}
	}
}

func closeBody(r *http.Request) {
	if r.Body != nil {
		_ = r.Body.Close()
	}
}

// repeatable tells whether sending a request twice is like sending it once.
func repeatable(r *http.Request) bool {
	if hasBody(r) {
		return false
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return false
}

func hasBody(r *http.Request) bool { return r.Body != nil && r.Body != http.NoBody }

// bodyLength is the length of a request's body in bytes; -1: nobody knows, which http.Request also says by 0.
func bodyLength(r *http.Request) int64 {
	if r.ContentLength > 0 {
		return r.ContentLength
	}
	return -1
}

// connect takes a connection that is kept, or makes one.
func (t *Transport) connect(r *http.Request) (*upstream, error) {
	address := r.URL.Host
	if _, _, err := net.SplitHostPort(address); err != nil {
		address = net.JoinHostPort(r.URL.Hostname(), "80")
	}
	for u := t.pool.take(address, t.IdleTimeout); u != nil; u = t.pool.take(address, t.IdleTimeout) {
		if u.quiet() { // what came unasked is the answer to nothing
			u.used, u.heard = true, false
			return u, nil
		}
		u.close()
	}
	conn, err := t.Dial(r.Context(), "tcp", address)
	if err != nil {
		return nil, err
	}
	u := &upstream{transport: t, address: address}
	u.input = newInput(conn, &t.readers)
	return u, nil
}

// CloseIdleConnections closes all connections that are kept.
func (t *Transport) CloseIdleConnections() { t.pool.clear() }
