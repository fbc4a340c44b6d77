package upstream

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"picket/node/config"
)

// Reach is how connections to one application are made. Their errors are ErrUnreachable.
type Reach struct {
	Endpoint Endpoint
	Print    string // of everything beside the origin that makes connections different; "": nothing

	tls   *tls.Config // nil: none is spoken
	proxy string      // version of the PROXY protocol; "": it is not spoken
	name  *name       // that has to be looked up; nil: nothing has
}

// How long connecting may take: the connection, and shaking hands by TLS.
const dialTime = 5 * time.Second

// keepAlive is how often it is asked whether the other side of a silent connection is still there.
const keepAlive = 30 * time.Second

// newReach checks how an application is reached.
func newReach(e Endpoint, s config.Upstream, names *names) (*Reach, error) {
	r := &Reach{Endpoint: e, proxy: s.ProxyProtocol}
	if e.Secure() {
		var err error
		if r.tls, err = tlsFor(e, s.TLS); err != nil {
			return nil, err
		}
		r.Print = printOf(s.TLS)
	}
	if s.ProxyProtocol != "" {
		r.Print += "proxy " + s.ProxyProtocol
	}
	if host, _ := e.name(); host != "" {
		r.name = names.of(host)
	}
	return r, nil
}

// printOf tells TLS settings apart: "" for none.
func printOf(s config.UpstreamTLS) string {
	if s.CA == nil && s.Name == "" && s.Certificate == nil && !s.SkipVerify {
		return ""
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q %t", s.CA, s.Name, s.Certificate, s.Key, s.SkipVerify))
	return hex.EncodeToString(sum[:])
}

// Alone tells whether a connection is for one request alone: its client is told at its beginning.
func (r *Reach) Alone() bool { return r.proxy != "" }

// Generation grows when connections lead to an address that the name no longer has: those are to be used no more.
func (r *Reach) Generation() uint32 {
	if r.name == nil {
		return 0
	}
	return r.name.generation.Load()
}

// Dial connects without TLS. Where is said by the endpoint, and not by what it is told: that is a ClientKey, or nothing.
func (r *Reach) Dial(ctx context.Context, _, key string) (net.Conn, error) {
	if r.proxy != "" {
		ctx = WithClientKey(ctx, key)
	}
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	conn, err := r.connect(ctx)
	if err == nil && r.proxy != "" {
		err = introduce(ctx, conn, r.proxy)
	}
	if err != nil {
		return nil, &unreachable{r.Endpoint.Origin, err}
	}
	return conn, nil
}

// DialTLS connects and shakes hands for HTTP/2 or HTTP/1.1. The connection is a *tls.Conn.
func (r *Reach) DialTLS(ctx context.Context, network, address string) (net.Conn, error) {
	return r.secure(ctx, "h2", "http/1.1")
}

// DialTLS1 is DialTLS for HTTP/1.1 alone.
func (r *Reach) DialTLS1(ctx context.Context) (net.Conn, error) { return r.secure(ctx, "http/1.1") }

func (r *Reach) secure(ctx context.Context, protocols ...string) (net.Conn, error) {
	plain, err := r.Dial(ctx, "", "")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	settings := r.tls.Clone()
	settings.NextProtos = protocols
	conn := tls.Client(plain, settings)
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = plain.Close()
		return nil, &unreachable{r.Endpoint.Origin, err}
	}
	return conn, nil
}

// connect makes a connection to the endpoint, at any of its addresses.
func (r *Reach) connect(ctx context.Context) (net.Conn, error) {
	d := &net.Dialer{KeepAlive: keepAlive}
	if r.name == nil {
		return d.DialContext(ctx, r.Endpoint.Network, r.Endpoint.Address)
	}
	addresses, err := r.name.addresses(ctx)
	if err != nil {
		return nil, err
	}
	_, port := r.Endpoint.name()
	return r.name.dial(ctx, d, addresses, port)
}

// Transport is one of net/http's over these connections: HTTP/2 where TLS is spoken and both want it, or where it is said.
func (r *Reach) Transport() *http.Transport {
	t := &http.Transport{DialContext: r.Dial, DialTLSContext: r.DialTLS, ForceAttemptHTTP2: true, DisableCompression: true, DisableKeepAlives: r.Alone()}
	if r.Alone() { // also of what is asked at once, none shares a connection with another
		t.DialTLSContext = func(ctx context.Context, _, _ string) (net.Conn, error) { return r.DialTLS1(ctx) }
		t.ForceAttemptHTTP2 = false
	}
	if r.Endpoint.Scheme == "h2c" {
		t.Protocols = new(http.Protocols)
		t.Protocols.SetUnencryptedHTTP2(true)
	}
	return t
}

// client is whom a connection is for, in a context.
type client struct{ from, to netip.AddrPort }

type clientKey struct{}

// WithClient says for whom a connection is made, where the application is told: the client's address, and the one it came to.
func WithClient(ctx context.Context, from, to netip.AddrPort) context.Context {
	return context.WithValue(ctx, clientKey{}, client{from, to})
}

// ClientKey is the same as a text, by which connections can be kept.
func ClientKey(from, to netip.AddrPort) string { return from.String() + keyEnds + to.String() }

// keyEnds stands between the two addresses of a key.
const keyEnds = ">"

// WithClientKey is WithClient by a key; what is none says nothing.
func WithClientKey(ctx context.Context, key string) context.Context {
	from, to, ok := strings.Cut(key, keyEnds)
	if !ok {
		return ctx
	}
	var c client
	c.from, _ = netip.ParseAddrPort(from) // not known: nobody is told of
	c.to, _ = netip.ParseAddrPort(to)
	return context.WithValue(ctx, clientKey{}, c)
}
