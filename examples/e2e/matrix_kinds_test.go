//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	health1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
)

// flow is something that one person has open through one node.
type flow struct {
	kind   string
	node   *node
	ticks  atomic.Int64 // signs of life
	ended  chan struct{}
	at     time.Time // when it ended; to be read once ended is closed
	how    error     // the same: never nil, for the application ends nothing
	closed func()
}

// kinds open a flow each. What goes on in it is counted by alive, until it gives an error.
func kinds() map[string]func(m *matrix, n *node, p *person) (alive func() error, closed func(), err error) {
	return map[string]func(*matrix, *node, *person) (func() error, func(), error){
		"WebSocket":                (*matrix).openSocket,
		"WebSocket, by cookie":     (*matrix).openSocketByCookie,
		"HTTP/1.1 stream":          body("/stream", false, false),
		"HTTP/2 stream":            body("/stream", true, false),
		"events over HTTP/1.1":     body("/events", false, false),
		"events by cookie, HTTP/2": body("/events", true, true),
		"upload over HTTP/1.1":     upload(false),
		"upload over HTTP/2":       upload(true),
		"gRPC stream":              (*matrix).openGRPC,
		"CONNECT over HTTP/1.1":    (*matrix).openTunnel,
		"CONNECT over HTTP/2":      (*matrix).openTunnelHTTP2,
		"HTTP/3 stream":            (*matrix).openHTTP3,
		"CONNECT over HTTP/3":      (*matrix).openTunnelHTTP3,
		"WebSocket over HTTP/3":    (*matrix).openSocketHTTP3,
	}
}

// open opens all kinds, through the nodes by turns, and sees each of them alive.
func (m *matrix) open(t *testing.T, p *person, through ...*node) []*flow {
	t.Helper()
	var all []*flow
	for kind, open := range kinds() {
		f := &flow{kind: kind, node: through[len(all)%len(through)], ended: make(chan struct{})}
		alive, closed, err := open(m, f.node, p)
		if err != nil {
			t.Fatalf("%s through %s: %v", kind, f.node.name, err)
		}
		f.closed = closed
		t.Cleanup(closed)
		go func() {
			defer close(f.ended)
			for f.how == nil {
				f.how = alive()
				f.ticks.Add(1)
			}
			f.at = time.Now()
		}()
		all = append(all, f)
	}
	for _, f := range all {
		f.goesOn(t)
	}
	return all
}

// goesOn fails unless there are more signs of life.
func (f *flow) goesOn(t *testing.T) {
	t.Helper()
	before := f.ticks.Load()
	eventually(t, patience, func() string {
		select {
		case <-f.ended:
			t.Errorf("%s through %s ended: %v", f.kind, f.node.name, f.how)
			return ""
		default:
		}
		if f.ticks.Load() < before+2 {
			return f.kind + " through " + f.node.name + " gives no sign of life"
		}
		return ""
	})
}

// client is a transport to one node, of one version of HTTP.
func (m *matrix) client(n *node, two bool) *http.Transport {
	transport := m.transport(n.listen)
	transport.ForceAttemptHTTP2 = two
	return transport
}

// asks is a request of a person's program, or of their browser.
func (m *matrix) asks(p *person, method, path string, byCookie bool) *http.Request {
	request, err := http.NewRequest(method, m.url("app")+path, nil)
	if err != nil {
		panic(err) // an address in a test that is none
	}
	request.Header.Set("X-Forwarded-For", p.address)
	if !byCookie {
		request.Header.Set("Authorization", "Bearer "+p.bearer)
		return request
	}
	for _, k := range p.browser.jar.Cookies(request.URL) {
		request.AddCookie(k)
	}
	return request
}

func body(path string, two, byCookie bool) func(*matrix, *node, *person) (func() error, func(), error) {
	return func(m *matrix, n *node, p *person) (func() error, func(), error) {
		response, err := m.client(n, two).RoundTrip(m.asks(p, http.MethodGet, path, byCookie))
		if err != nil {
			return nil, nil, err
		}
		if response.StatusCode != http.StatusOK || response.ProtoAtLeast(2, 0) != two {
			return nil, nil, fmt.Errorf("%s in %s", response.Status, response.Proto)
		}
		from := bufio.NewReader(response.Body)
		return func() error { return second(from.ReadString('\n')) }, func() { _ = response.Body.Close() }, nil
	}
}

// upload sends without end. Its end is the answer, or that nothing more is taken.
func upload(two bool) func(*matrix, *node, *person) (func() error, func(), error) {
	return func(m *matrix, n *node, p *person) (func() error, func(), error) {
		from, to := io.Pipe()
		request := m.asks(p, http.MethodPost, "/upload", false)
		request.Body = from
		answered := make(chan error, 1)
		go func() {
			response, err := m.client(n, two).RoundTrip(request)
			if err == nil {
				err = errors.New("answered with " + response.Status)
				_ = response.Body.Close()
			}
			answered <- err
		}()
		tick := time.NewTicker(every)
		return func() error {
			select {
			case err := <-answered:
				_ = from.Close()
				return err
			case <-tick.C:
				go func() { _, _ = io.WriteString(to, "tick\n") }() // it may wait for ever: then the answer is what tells
				return nil
			}
		}, func() { _ = from.Close() }, nil
	}
}

func (m *matrix) openSocket(n *node, p *person) (func() error, func(), error) {
	return m.dialSocket(n, m.asks(p, http.MethodGet, "/ws", false))
}

func (m *matrix) openSocketByCookie(n *node, p *person) (func() error, func(), error) {
	return m.dialSocket(n, m.asks(p, http.MethodGet, "/ws", true))
}

// errNoReason is a WebSocket that ended otherwise than it ought to.
var errNoReason = errors.New("the WebSocket is not closed with 1008")

func (m *matrix) dialSocket(n *node, like *http.Request) (func() error, func(), error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	like.Header.Set("Origin", m.url("app"))
	conn, _, err := websocket.Dial(ctx, like.URL.String(), &websocket.DialOptions{
		HTTPClient: &http.Client{Transport: m.client(n, false)}, HTTPHeader: like.Header,
	})
	if err != nil {
		return nil, nil, err
	}
	alive := func() error {
		_, _, err := conn.Read(context.Background())
		if err != nil && websocket.CloseStatus(err) != websocket.StatusPolicyViolation {
			return fmt.Errorf("%w: %w", errNoReason, err)
		}
		return err
	}
	return alive, func() { _ = conn.CloseNow() }, nil
}

func (m *matrix) openGRPC(n *node, p *person) (func() error, func(), error) {
	conn, err := grpc.NewClient("passthrough:///"+n.listen, grpc.WithAuthority(m.host("app")),
		grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{ServerName: m.host("app"), RootCAs: m.roots})))
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(metadata.AppendToOutgoingContext(context.Background(),
		"authorization", "Bearer "+p.bearer, "x-forwarded-for", p.address))
	stream, err := health1.NewHealthClient(conn).Watch(ctx, &health1.HealthCheckRequest{})
	if err != nil {
		cancel()
		return nil, nil, errors.Join(err, conn.Close())
	}
	return func() error { return second(stream.Recv()) }, func() { cancel(); _ = conn.Close() }, nil
}

// tcpName is what CONNECT names.
func (m *matrix) tcpName() string { return m.host("app") + ":7" }

func (m *matrix) openTunnel(n *node, p *person) (func() error, func(), error) {
	conn, err := tls.Dial("tcp", n.listen, &tls.Config{ServerName: m.host("app"), RootCAs: m.roots})
	if err != nil {
		return nil, nil, err
	}
	_, err = fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: %s\r\nProxy-Authorization: Bearer %s\r\nX-Forwarded-For: %s\r\n\r\n",
		m.tcpName(), m.tcpName(), p.bearer, p.address)
	if err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	from := bufio.NewReader(conn)
	response, err := http.ReadResponse(from, &http.Request{Method: http.MethodConnect})
	if err != nil || response.StatusCode != http.StatusOK {
		return nil, nil, errors.Join(fmt.Errorf("answered with %v, %w", response, err), conn.Close())
	}
	return func() error { return second(from.ReadString('\n')) }, func() { _ = conn.Close() }, nil
}

func (m *matrix) openTunnelHTTP2(n *node, p *person) (func() error, func(), error) {
	from, to := io.Pipe()
	transport := m.client(n, true)
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, network, n.listen)
	}
	request := &http.Request{
		Method: http.MethodConnect, URL: &url.URL{Scheme: "https", Host: m.authority("app")}, Host: m.tcpName(), Body: from,
		Header: http.Header{"Proxy-Authorization": {"Bearer " + p.bearer}, "X-Forwarded-For": {p.address}},
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return nil, nil, err
	}
	if response.StatusCode != http.StatusOK || response.ProtoMajor != 2 {
		return nil, nil, fmt.Errorf("%s in %s", response.Status, response.Proto)
	}
	lines := bufio.NewReader(response.Body)
	return func() error { return second(lines.ReadString('\n')) }, func() { _ = to.Close(); _ = response.Body.Close() }, nil
}

// second is the error of what gives something else too.
func second[T any](_ T, err error) error { return err }
