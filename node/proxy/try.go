package proxy

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"

	"picket/node/proxy/http1"
	"picket/node/proxy/upstream"
)

// send asks the application: one target after the other, as long as the route's applications say that there is to be another. This
// is the one place where a target is chosen and tried.
func (x *exchange) send(q *http1.Question) (answer *http1.Answer, err error) {
	x.call = x.route.group.Call(x.hashKey(), repeatable(q))
	if q.Body != nil {
		defer x.body.release()
	}
	key := x.connectionKey()
	for {
		m, full := x.call.Next(&x.r.Life)
		if full != nil {
			return nil, errors.Join(full, err)
		}
		t := x.route.target(m)
		if q.Body != nil {
			x.body.hold()
		}
		x.upstream, q.Host = t.name, x.route.hostFor(t, x.origin)
		answer, err = t.line.ask(q, t, key)
		if !x.again(answer, err) {
			return answer, err
		}
		x.alive()
		if err == nil {
			answer.Close()
		}
	}
}

// again tells what became of a try to those who judge the application, and whether there is to be another. What the client did,
// or the end of the request, says nothing of the application.
func (x *exchange) again(answer *http1.Answer, err error) bool {
	switch {
	case err == nil:
		return x.call.Answered(answer.Status) && !x.informed
	case x.r.Life.Err() != nil || x.body.failed.Load():
		return false
	}
	return x.call.Failed(upstream.Classify(err), !x.body.taken.Load() && !x.informed)
}

// repeatable tells whether sending a question twice is like sending it once (RFC 9110, section 9.2.2), and it has no body.
func repeatable(q *http1.Question) bool {
	if q.Body != nil {
		return false
	}
	switch q.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete:
		return true
	}
	return false
}

// hashKey is what a route goes by that balances by hash: where it is not there, the client's address.
func (a *ask) hashKey() uint64 {
	by := a.route.Upstream.Hash
	if by == "" {
		return 0
	}
	text := ""
	switch name, header := strings.CutPrefix(by, "header:"); {
	case header:
		text, _ = a.Field(name)
	case by == "session" && a.found():
		text = a.in.Session.ID
	}
	if text == "" {
		text = a.client.String()
	}
	return upstream.Hash(text)
}

// connectionKey is what connections are kept by, of those to one application; "": they are for everyone.
func (a *ask) connectionKey() string {
	if a.route.Upstream.ProxyProtocol == "" {
		return ""
	}
	return upstream.ClientKey(a.clientAddress())
}

// clientAddress is the client's address and port, and the address that it came to. Behind a trusted proxy the port is not known.
func (a *ask) clientAddress() (from, to netip.AddrPort) {
	from = netip.AddrPortFrom(a.client, 0)
	if peer, err := netip.ParseAddrPort(a.r.Remote); err == nil && peer.Addr().Unmap() == a.client {
		from = netip.AddrPortFrom(a.client, peer.Port())
	}
	if a.through != nil && a.through.socket != nil {
		if at, ok := a.through.socket.Addr().(*net.TCPAddr); ok {
			to = at.AddrPort()
		}
	}
	return from, to
}

// dial connects to a target for the request alone: one after the other, as send does.
func (a *ask) dial(connect func(context.Context, *upstream.Reach) (net.Conn, error)) (net.Conn, error) {
	a.call = a.route.group.Call(a.hashKey(), false)
	ctx := context.Context(&a.r.Life)
	if a.route.Upstream.ProxyProtocol != "" {
		from, to := a.clientAddress()
		ctx = upstream.WithClient(ctx, from, to)
	}
	var last error
	for {
		m, err := a.call.Next(ctx)
		if err != nil {
			return nil, errors.Join(err, last)
		}
		a.target = a.route.target(m)
		a.upstream = a.target.name
		conn, err := connect(ctx, a.target.reach)
		if err == nil {
			return conn, nil
		}
		if ctx.Err() != nil || !a.call.Failed(upstream.Connect, true) {
			return nil, err
		}
		last = err
	}
}

// untaken is the part of a request's body that concerns whether it can be sent to somebody else: it can for as long as nothing
// of it was taken. Until then closing it is put off.
type untaken struct {
	taken  atomic.Bool // something was asked of it
	failed atomic.Bool // the client did not send all of it
	held   atomic.Bool
	closed atomic.Bool // closing was asked for
}

func (u *untaken) read(err error) {
	if err != nil && err != io.EOF {
		u.failed.Store(true)
	}
}

// hold puts off closing the body: that it was closed before, by an attempt that took nothing of it, does not count.
func (s *sending) hold() {
	s.held.Store(true)
	s.closed.Store(false)
}

// release closes it, when that was put off.
func (s *sending) release() {
	s.held.Store(false)
	if s.Body != nil && s.closed.Load() {
		_ = s.Body.Close()
	}
}

// Close closes the body, now or when the last target was tried.
func (s *sending) Close() error {
	s.closed.Store(true)
	if s.held.Load() && !s.taken.Load() {
		return nil
	}
	return s.Body.Close()
}
