package proxy

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/pires/go-proxyproto"

	"picket/node/config"
)

// relaying lets the first listener take connections from this machine as a balancer's.
func relaying(c *config.Config) {
	c.Listeners[0].ProxyProtocol = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
}

// proxied is the header of the PROXY protocol for a client.
func proxied(t *testing.T, version byte, client string) []byte {
	t.Helper()
	from := net.TCPAddrFromAddrPort(netip.MustParseAddrPort(client))
	to := net.TCPAddr{IP: net.IPv4(192, 0, 2, 80), Port: 443}
	if from.IP.To4() == nil {
		to.IP = net.ParseIP("2001:db8::80")
	}
	made, err := proxyproto.HeaderProxyFromAddrs(version, from, &to).Format()
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// throughBalancer sends a header and a request, over TLS when secure, and gives what the application was told; "": nothing came of it.
func (w *world) throughBalancer(head []byte, secure bool) string {
	w.t.Helper()
	conn := w.dial()
	_, err := conn.Write(head)
	w.must(err)
	if secure {
		conn = tls.Client(conn, &tls.Config{ServerName: "open.test", InsecureSkipVerify: true})
	}
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: open.test\r\nX-Forwarded-For: 6.6.6.6\r\nConnection: close\r\n\r\n"); err != nil {
		return ""
	}
	all, _ := io.ReadAll(conn)
	return string(all)
}

func TestTheClientIsWhomTheBalancerNames(t *testing.T) {
	for name, secure := range map[string]bool{"over TLS": true, "in the clear": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, http.HandlerFunc(mirror), relaying, func(c *config.Config) {
				if secure {
					c.Listeners[0].Certificates = []config.Certificate{certificate(t, "open.test")}
				}
			})
			for _, client := range []string{"198.51.100.7:4711", "[2001:db8::7]:4711"} {
				want := netip.MustParseAddrPort(client).Addr().String()
				for version := range byte(2) {
					if got := w.throughBalancer(proxied(t, version+1, client), secure); !strings.Contains(got, `"X-Forwarded-For":["`+want+`"]`) {
						t.Errorf("version %d, %s: %s", version+1, client, got)
					}
				}
			}
			local, err := (&proxyproto.Header{Version: 2, Command: proxyproto.LOCAL}).Format()
			w.must(err)
			for what, head := range map[string][]byte{"LOCAL": local, "UNKNOWN": []byte("PROXY UNKNOWN\r\n")} {
				if got := w.throughBalancer(head, secure); !strings.Contains(got, `"X-Forwarded-For":["127.0.0.1"]`) {
					t.Errorf("%s: %s", what, got)
				}
			}
		})
	}
}

func TestABalancerHasToNameTheClient(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), relaying)
	one := proxied(t, 2, "198.51.100.7:1")
	for what, head := range map[string][]byte{
		"nothing":                nil,
		"a word like it":         []byte("PROXYING TCP4 1.2.3.4 1.2.3.4 1 1\r\n"),
		"no address":             []byte("PROXY TCP4 1.2.3 1.2.3.4 1 1\r\n"),
		"a line that goes on":    []byte("PROXY TCP4 " + strings.Repeat("1", 200) + "\r\n"),
		"a line that ends in LF": []byte("PROXY TCP4 1.2.3.4 1.2.3.4 1 1\n"),
		"a family of neither":    append(bytes.Clone(one[:13]), append([]byte{0x99}, one[14:]...)...),
		"a length beyond all":    append(bytes.Clone(one[:14]), 0xff, 0xff),
	} {
		if got := w.throughBalancer(head, false); got != "" {
			t.Errorf("%s: answered with %s", what, got)
		}
	}
	if n := w.counted("picket_refused_connections_total", "no_proxy_header"); n != 7 {
		t.Errorf("%v were counted", n)
	}
}

func TestNobodyElseNamesAClient(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror))
	if got := w.throughBalancer(proxied(t, 1, "198.51.100.7:1"), false); !strings.HasPrefix(got, "HTTP/1.1 400") {
		t.Errorf("answered with %s", got)
	}
}

// counted is the value of a metric with one label.
func (w *world) counted(name, label string) float64 {
	w.t.Helper()
	families, err := w.registry.Gather()
	w.must(err)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name && len(m.GetLabel()) == 1 && m.GetLabel()[0].GetValue() == label {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return 0
}

func TestOneClientHasAsManyConnectionsAsItMay(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), relaying, func(c *config.Config) { c.Listeners[0].Connections.AddressOpen = 3 })
	open := func(client string) (answered bool) {
		conn := w.dial()
		_, err := fmt.Fprintf(conn, "%sGET / HTTP/1.1\r\nHost: open.test\r\n\r\n", proxied(t, 1, client))
		w.must(err)
		n, _ := conn.Read(make([]byte, 1))
		return n > 0
	}
	for i := range 5 {
		if got := open("198.51.100.7:1"); got != (i < 3) {
			t.Errorf("connection %d of one client: %t", i+1, got)
		}
	}
	if !open("198.51.100.8:1") {
		t.Error("another client is kept out")
	}
	if n := w.counted("picket_refused_connections_total", "too_many_from_address"); n != 2 {
		t.Errorf("%v were counted", n)
	}
	w.use(func(c *config.Config) { c.Listeners[0].Connections.AddressOpen = 4 })
	w.until("one more may come, without a restart", func() bool { return open("198.51.100.7:1") })
}

func TestNoMoreConnectionsAreOpenThanMayBe(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), overHTTP3(t), func(c *config.Config) { c.Listeners[0].Connections.Open = 2 })
	one, two := w.tls("open.test"), w.tls("open.test", "h2")
	w.until("they are counted", func() bool {
		return w.counted("picket_open_connections", "http1") == 1 && w.counted("picket_open_connections", "http2") == 1
	})
	if _, err := tls.Dial("tcp", w.address, &tls.Config{InsecureSkipVerify: true}); err == nil {
		t.Error("a third came")
	}
	if _, err := w.over(w.http3(), "GET", "open.test", "/", nil, nil); err == nil {
		t.Error("one over HTTP/3 came")
	}
	w.must(one.Close())
	w.until("there is room again", func() bool {
		res, err := w.over(w.http3(), "GET", "open.test", "/", nil, nil)
		return err == nil && res.StatusCode == http.StatusOK
	})
	w.must(two.Close())
}

func TestAnOpenWebSocketIsAConnection(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(echo), relaying, func(c *config.Config) {
		c.Listeners[0].Connections.Open, c.Listeners[0].Connections.AddressOpen = 2, 1
		c.Routes[0].Access = config.Public
	})
	open := func(client string) (conn net.Conn, answered bool) {
		conn = w.dial()
		_, err := fmt.Fprintf(conn, "%sGET /x HTTP/1.1\r\nHost: wiki.test\r\n%s\r\n", proxied(t, 1, client), strings.ReplaceAll(upgrade, "\n", "\r\n"))
		w.must(err)
		n, _ := conn.Read(make([]byte, 1))
		return conn, n > 0
	}
	one, ok := open("198.51.100.7:1")
	if !ok {
		t.Fatal("the first was kept out")
	}
	if _, ok := open("198.51.100.7:1"); ok {
		t.Error("a second of the same client came")
	}
	var two net.Conn
	w.until("another client comes, as soon as the one that was closed is counted no more", func() (ok bool) {
		two, ok = open("198.51.100.8:1")
		return ok
	})
	if n := w.counted("picket_open_connections", "http1"); n != 2 {
		t.Errorf("%v connections are counted", n)
	}
	if _, ok := open("198.51.100.9:1"); ok {
		t.Error("a third came")
	}
	w.must(one.Close())
	w.must(two.Close())
	for range 3 { // whatever was counted is given back, and once
		w.until("there is room again", func() bool {
			conn, ok := open("198.51.100.7:1")
			_ = conn.Close()
			return ok
		})
	}
	w.until("none is counted", func() bool { return w.counted("picket_open_connections", "http1") == 0 })
}

func TestHTTP2IsSpokenInTheClear(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror))
	status, body := w.http2(w.dial(), ":method", "GET", ":scheme", "http", ":authority", "open.test", ":path", "/a")
	if status != "200" || !strings.Contains(body, `"Target":"/a"`) {
		t.Errorf("%s %s", status, body)
	}
}

func FuzzProxyHeader(f *testing.F) {
	f.Add([]byte("PROXY TCP4 198.51.100.7 192.0.2.80 4711 443\r\nGET"))
	f.Add([]byte("PROXY UNKNOWN\r\n"))
	f.Add(append([]byte("\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c"), "\xc6\x33\x64\x07\xc0\x00\x02\x50\x12\x67\x01\xbbGET"...))
	f.Fuzz(func(t *testing.T, sent []byte) {
		from := bytes.NewReader(sent)
		raw, err := proxyHeader(from)
		if err == nil && !bytes.Equal(raw, sent[:len(sent)-from.Len()]) {
			t.Errorf("read %q of %q, and %d bytes are left", raw, sent, from.Len())
		}
	})
}
