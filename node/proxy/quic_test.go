package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
)

// relay is a balancer of UDP in front of the nodes, for one client: whatever comes goes to the node that is chosen.
func (w *world) relay(to *atomic.Pointer[net.UDPAddr]) (address *net.UDPAddr) {
	w.t.Helper()
	outside, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	w.must(err)
	inside, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	w.must(err)
	w.t.Cleanup(func() { _, _ = outside.Close(), inside.Close() })
	var client atomic.Pointer[net.UDPAddr]
	go func() {
		for b := make([]byte, 64<<10); ; {
			n, from, err := outside.ReadFromUDP(b)
			if err != nil {
				return
			}
			client.Store(from)
			_, _ = inside.WriteToUDP(b[:n], to.Load())
		}
	}()
	go func() {
		for b := make([]byte, 64<<10); ; {
			n, err := inside.Read(b)
			if err != nil {
				return
			}
			_, _ = outside.WriteToUDP(b[:n], client.Load())
		}
	}()
	return outside.LocalAddr().(*net.UDPAddr)
}

// udp is where a node speaks HTTP/3.
func (w *world) udp() *net.UDPAddr {
	w.t.Helper()
	at, err := net.ResolveUDPAddr("udp", w.address)
	w.must(err)
	return at
}

func TestAClientWhoseConnectionANodeDoesNotKnowIsToldAtOnce(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), overHTTP3(t))
	one, two := w.another(nil, "s"), w.another(nil, "s")
	var node atomic.Pointer[net.UDPAddr]
	node.Store(one.udp())
	at := w.relay(&node)
	var made atomic.Pointer[quic.Conn]
	h := w.http3()
	h.Dial = func(ctx context.Context, address string, t *tls.Config, c *quic.Config) (*quic.Conn, error) {
		conn, err := quic.DialAddr(ctx, address, t, c)
		made.Store(conn)
		return conn, err
	}
	get := func() (int, error) {
		r := (&http.Request{Method: http.MethodGet, Host: "open.test", URL: &url.URL{Scheme: "https", Host: at.String(), Path: "/"}, Header: http.Header{}}).WithContext(w.ctx)
		res, err := h.RoundTrip(r)
		if err != nil {
			return 0, err
		}
		return res.StatusCode, res.Body.Close()
	}
	if status, err := get(); status != http.StatusOK {
		t.Fatal(status, err)
	}
	first := made.Load()
	node.Store(two.udp())
	began := time.Now()
	status, err := get()
	if status != http.StatusOK { // it was not asked again on another connection
		t.Logf("the request under way ended so: %v", err)
		status, err = get()
	}
	if took := time.Since(began); status != http.StatusOK || took > 15*time.Second {
		t.Errorf("after %s: %d, %v", took, status, err)
	}
	var reset *quic.StatelessResetError
	select { // a request is told before the connection has ended
	case <-first.Context().Done():
	case <-w.ctx.Done():
	}
	if why := context.Cause(first.Context()); !errors.As(why, &reset) {
		t.Errorf("the connection ended so: %v", why)
	}
}

func TestATunnelOverHTTP3EndsEachHalfByItself(t *testing.T) {
	for name, serve := range map[string]func(conn *net.TCPConn, heard chan<- string){
		"the client first": func(conn *net.TCPConn, heard chan<- string) {
			all, _ := io.ReadAll(conn)
			heard <- string(all)
			_, _ = io.WriteString(conn, "good bye")
		},
		"the upstream first": func(conn *net.TCPConn, heard chan<- string) {
			_, _ = io.WriteString(conn, "good bye")
			_ = conn.CloseWrite()
			all, _ := io.ReadAll(conn)
			heard <- string(all)
		},
	} {
		t.Run(name, func(t *testing.T) {
			heard := make(chan string, 1)
			w := newWorld(t, http.HandlerFunc(mirror), overHTTP3(t), carrying(t, func(conn *net.TCPConn) { serve(conn, heard) }))
			stream := w.stream3("bastion.test")
			w.must(stream.SendRequestHeader(&http.Request{
				Method: http.MethodConnect, Host: bastion, URL: &url.URL{Host: bastion}, Header: http.Header{"Proxy-Authorization": {"Bearer " + w.alicesBearer()}},
			}))
			res, err := stream.ReadResponse()
			w.must(err)
			if res.StatusCode != http.StatusOK {
				t.Fatal(res.Status)
			}
			hears := func() {
				if all, err := io.ReadAll(stream); string(all) != "good bye" || err != nil {
					t.Errorf("the client heard %q: %v", all, err)
				}
			}
			if name == "the upstream first" {
				hears()
			}
			w.must(second(io.WriteString(stream, "from the client")))
			w.must(stream.Close())
			if name == "the client first" {
				hears()
			}
			if got := <-heard; got != "from the client" {
				t.Errorf("the upstream heard %q", got)
			}
		})
	}
}
