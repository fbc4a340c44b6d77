package upstream

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pires/go-proxyproto"

	"picket/node/config"
)

func TestAnEndpointIsReadAsItIsWritten(t *testing.T) {
	for to, want := range map[string]Endpoint{
		"http://a.internal":       {Scheme: "http", Network: "tcp", Address: "a.internal:80", Host: "a.internal"},
		"https://a.internal":      {Scheme: "https", Network: "tcp", Address: "a.internal:443", Host: "a.internal"},
		"h2c://[2001:db8::1]:81":  {Scheme: "h2c", Network: "tcp", Address: "[2001:db8::1]:81", Host: "[2001:db8::1]:81"},
		"tcp://10.0.0.9:22":       {Scheme: "tcp", Network: "tcp", Address: "10.0.0.9:22", Host: "10.0.0.9:22"},
		"unix:/run/app.sock":      {Scheme: "http", Network: "unix", Address: "/run/app.sock", Host: "localhost"},
		"unix:///run/app.sock":    {Scheme: "http", Network: "unix", Address: "/run/app.sock", Host: "localhost"},
		"h2c+unix:/run/grpc.sock": {Scheme: "h2c", Network: "unix", Address: "/run/grpc.sock", Host: "localhost"},
	} {
		want.Origin = to
		if got, err := Parse(to); err != nil || got != want {
			t.Errorf("%s is %+v, %v; want %+v", to, got, err, want)
		}
	}
	for _, to := range []string{"", "a", "http://", "http://a/b", "http://a?b", "http://u@a", "ftp://a", "tcp://a", "unix:", "unix:app.sock", "unix://", "://"} {
		if got, err := Parse(to); err == nil {
			t.Errorf("%q is %+v", to, got)
		}
	}
}

func get(t *testing.T, r *Reach) (string, error) {
	t.Helper()
	transport := r.Transport()
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.base()+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response.Proto + " " + string(body), err
}

func TestHTTPAndHTTP2OverASocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Host) }), Protocols: new(http.Protocols)}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	go func() { _ = server.Serve(l) }()
	defer server.Close()
	for scheme, want := range map[string]string{"unix:": "HTTP/1.1 localhost", "h2c+unix:": "HTTP/2.0 localhost"} {
		if got, err := get(t, reach(t, config.Upstream{}, scheme+path)); err != nil || got != want {
			t.Errorf("%s says %q, %v; want %q", scheme, got, err, want)
		}
	}
}

// authority makes certificates for one test.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t}
	a.key, a.cert, a.pem = a.issue(&x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	return a
}

func (a *authority) issue(c *x509.Certificate) (*ecdsa.PrivateKey, *x509.Certificate, []byte) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	c.SerialNumber, c.Subject = big.NewInt(time.Now().UnixNano()), pkix.Name{CommonName: "test"}
	c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := c, key
	if a.cert != nil {
		parent, signer = a.cert, a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return key, cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// pair is a certificate for a name, and its key, as PEM.
func (a *authority) pair(name string) (certificate, key []byte) {
	private, _, certificate := a.issue(&x509.Certificate{
		DNSNames: []string{name}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	})
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		a.t.Fatal(err)
	}
	return certificate, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func TestUpstreamTLSKnowsTheApplicationAndIsKnown(t *testing.T) {
	ours, others := newAuthority(t), newAuthority(t)
	certificate, key := ours.pair("wiki.internal")
	served, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		t.Fatal(err)
	}
	app := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.TLS.ServerName+" "+strings.Join(r.TLS.PeerCertificates[0].DNSNames, ""))
	}))
	clients := x509.NewCertPool()
	clients.AppendCertsFromPEM(ours.pem)
	app.EnableHTTP2 = true
	app.Config.ErrorLog = log.New(io.Discard, "", 0)
	app.TLS = &tls.Config{Certificates: []tls.Certificate{served}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients}
	app.StartTLS()
	defer app.Close()
	mine, mineKey := ours.pair("picket")
	foreign, foreignKey := others.pair("picket")
	right := config.UpstreamTLS{CA: ours.pem, Name: "wiki.internal", Certificate: mine, Key: mineKey}
	for _, c := range []struct {
		name   string
		change func(*config.UpstreamTLS)
		want   string // "": refused
	}{
		{"all is right", func(*config.UpstreamTLS) {}, "HTTP/2.0 wiki.internal picket"},
		{"the system's authorities", func(s *config.UpstreamTLS) { s.CA = nil }, ""},
		{"another authority", func(s *config.UpstreamTLS) { s.CA = others.pem }, ""},
		{"another name", func(s *config.UpstreamTLS) { s.Name = "mail.internal" }, ""},
		{"the name of the address", func(s *config.UpstreamTLS) { s.Name = "" }, ""},
		{"nothing is verified", func(s *config.UpstreamTLS) { s.CA, s.SkipVerify = nil, true }, "HTTP/2.0 wiki.internal picket"},
		{"no certificate of ours", func(s *config.UpstreamTLS) { s.Certificate, s.Key = nil, nil }, ""},
		{"a foreign certificate", func(s *config.UpstreamTLS) { s.Certificate, s.Key = foreign, foreignKey }, ""},
	} {
		settings := right
		c.change(&settings)
		got, err := get(t, reach(t, config.Upstream{TLS: settings}, app.URL))
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s: %q, %v; want %q", c.name, got, err, c.want)
		}
	}
	if _, err := get(t, reach(t, config.Upstream{}, app.URL)); !errors.Is(err, ErrUnreachable) || Classify(err) != Connect {
		t.Errorf("that TLS failed is %v: nothing was sent", err)
	}
	a, b := reach(t, config.Upstream{TLS: right}, app.URL), reach(t, config.Upstream{}, app.URL)
	right.Key = append([]byte("\n"), right.Key...)
	if c := reach(t, config.Upstream{TLS: right}, app.URL); a.Print == b.Print || a.Print == c.Print {
		t.Error("connections by other settings would be shared")
	}
}

// listener gives what one connection brings.
func listener(t *testing.T) (address string, brought func() []byte) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String(), func() []byte {
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(patience))
		all, err := io.ReadAll(conn)
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
}

func TestTheApplicationIsToldOfTheClientByThePROXYProtocol(t *testing.T) {
	at, brought := listener(t)
	v4, v4to := netip.MustParseAddrPort("203.0.113.7:1234"), netip.MustParseAddrPort("198.51.100.1:443")
	v6, v6to := netip.MustParseAddrPort("[2001:db8::7]:1234"), netip.MustParseAddrPort("[2001:db8::1]:443")
	mapped := netip.MustParseAddrPort("[::ffff:203.0.113.7]:1234")
	for _, c := range []struct {
		from, to netip.AddrPort
		want     string // by version 1
	}{
		{v4, v4to, "PROXY TCP4 203.0.113.7 198.51.100.1 1234 443"},
		{mapped, v4to, "PROXY TCP4 203.0.113.7 198.51.100.1 1234 443"},
		{v6, v6to, "PROXY TCP6 2001:db8::7 2001:db8::1 1234 443"},
		{v6, v4to, "PROXY TCP6 2001:db8::7 :: 1234 443"},
		{v4, v6to, "PROXY TCP4 203.0.113.7 0.0.0.0 1234 443"},
		{netip.AddrPort{}, netip.AddrPort{}, "PROXY UNKNOWN"},
	} {
		for _, version := range []string{"v1", "v2"} {
			r := reach(t, config.Upstream{ProxyProtocol: version}, "tcp://"+at)
			ctx := t.Context()
			if c.from.IsValid() {
				ctx = WithClient(ctx, c.from, c.to)
			}
			conn, err := r.Dial(ctx, "", "")
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.WriteString(conn, "and then")
			_ = conn.Close()
			got := brought()
			if version == "v1" && string(got) != c.want+"\r\nand then" {
				t.Errorf("%q, want %q", got, c.want)
			}
			rest := bufio.NewReader(bytes.NewReader(got))
			header, err := proxyproto.Read(rest)
			if err != nil {
				t.Fatalf("%q: %v", got, err)
			}
			if tail, _ := io.ReadAll(rest); string(tail) != "and then" {
				t.Errorf("after the header comes %q", tail)
			}
			if c.from.IsValid() && header.SourceAddr.(*net.TCPAddr).AddrPort().Addr().Unmap() != c.from.Addr().Unmap() {
				t.Errorf("%s: the client is %s", version, header.SourceAddr)
			}
			if !c.from.IsValid() && !header.Command.IsLocal() {
				t.Errorf("%s: a connection of our own is for somebody", version)
			}
		}
	}
}

// names gives a world in which names have the addresses that the test says.
func named(t *testing.T, answer func() ([]netip.Addr, error)) *Reach {
	t.Helper()
	u := New(Options{Lookup: func(context.Context, string) ([]netip.Addr, error) { return answer() }})
	l, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	_, port, _ := net.SplitHostPort(l.Addr().String())
	other, err := net.Listen("tcp", "127.0.0.3:"+port)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Close() })
	p, err := u.Prepare([]config.Route{{Name: "r", To: []string{"http://app.internal:" + port}}})
	if err != nil {
		t.Fatal(err)
	}
	u.Use(p)
	return p.Reach(p.Groups[0].Members()[0])
}

// at dials, and says where it arrived: the last byte of the address.
func at(t *testing.T, r *Reach) byte {
	t.Helper()
	conn, err := r.Dial(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.RemoteAddr().(*net.TCPAddr).IP.To4()[3]
}

func addresses(last ...byte) (all []netip.Addr) {
	for _, b := range last {
		all = append(all, netip.AddrFrom4([4]byte{127, 0, 0, b}))
	}
	return all
}

func TestANameOfSeveralAddressesIsUsedWhole(t *testing.T) {
	answer := addresses(2, 3)
	r := named(t, func() ([]netip.Addr, error) { return answer, nil })
	if a, b := at(t, r), at(t, r); a == b {
		t.Error("both connections lead to one address")
	}
	answer = addresses(9, 2) // nobody listens at the first
	for range 4 {
		if got := at(t, r); got != 2 {
			t.Errorf("it arrived at %d", got)
		}
	}
}

func TestConnectionsToAnAddressThatIsGoneAreUsedNoMore(t *testing.T) {
	answer, wrong := addresses(2), error(nil)
	r := named(t, func() ([]netip.Addr, error) { return answer, wrong })
	if at(t, r) != 2 {
		t.Fatal("it arrived elsewhere")
	}
	look := func() uint32 {
		r.name.names.look(t.Context())
		return r.Generation()
	}
	wrong = errors.New("the resolver is away")
	for range 10 {
		if look() != 0 {
			t.Fatal("that it could not be told was taken for gone")
		}
	}
	if at(t, r) != 2 {
		t.Fatal("while it cannot be told, it is not where it was")
	}
	answer, wrong = addresses(3), nil
	for range goneAfter - 1 {
		if look() != 0 {
			t.Error("it is gone at once")
		}
	}
	if look() != 1 {
		t.Error("connections to an address that is gone are kept")
	}
	if at(t, r) != 3 || look() != 1 {
		t.Error("it is gone for ever")
	}
}

func TestWhatCannotBeReachedIsToldAsSuch(t *testing.T) {
	r := named(t, func() ([]netip.Addr, error) { return nil, nil })
	gone := reach(t, config.Upstream{}, "unix:/nonexistent/socket")
	for _, one := range []*Reach{r, gone} {
		_, err := one.Dial(t.Context(), "", "")
		if !errors.Is(err, ErrUnreachable) || Classify(err) != Connect || !strings.Contains(err.Error(), one.Endpoint.Origin) {
			t.Errorf("the error is %v", err)
		}
	}
}
