package proxy

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"picket/node/config"
)

// certificate makes a certificate for names that vouches for itself.
func certificate(t *testing.T, names ...string) config.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: names, NotAfter: time.Now().Add(time.Hour)}
	chain, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return config.Certificate{
		Chain: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: chain}),
		Key:   pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}),
	}
}

// secure lets the first listener speak TLS: one certificate for wiki and any, one for open.
func secure(t *testing.T) func(*config.Config) {
	one, other := certificate(t, "wiki.test", "*.any.test"), certificate(t, "open.test")
	return func(c *config.Config) {
		c.Listeners[0].Certificates = []config.Certificate{one, other}
		c.Routes[0].Access = config.Public
	}
}

// tls connects to the door for a name.
func (w *world) tls(name string, protocols ...string) *tls.Conn {
	w.t.Helper()
	conn, err := tls.Dial("tcp", w.address, &tls.Config{ServerName: name, InsecureSkipVerify: true, NextProtos: protocols})
	w.must(err)
	w.t.Cleanup(func() { _ = conn.Close() })
	w.must(conn.SetDeadline(time.Now().Add(testPatience)))
	return conn
}

func TestTLSHasTheCertificateOfTheName(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), secure(t))
	for name, want := range map[string]string{"wiki.test": "wiki.test", "open.test": "open.test", "x.any.test": "wiki.test", "other.test": "wiki.test", "": "wiki.test"} {
		state := w.tls(name, "h2", "http/1.1").ConnectionState()
		if got := state.PeerCertificates[0].DNSNames[0]; got != want || state.NegotiatedProtocol != "h2" || state.Version < tls.VersionTLS12 {
			t.Errorf("for %q: %s, %s", name, got, state.NegotiatedProtocol)
		}
	}
	_, err := tls.Dial("tcp", w.address, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10})
	if err == nil {
		t.Error("TLS 1.1 was spoken")
	}
}

func TestCertificatesThatStandInNoFile(t *testing.T) {
	obtained := func(name string) *tls.Certificate {
		c := certificate(t, name)
		made, err := tls.X509KeyPair(c.Chain, c.Key)
		if err != nil {
			t.Fatal(err)
		}
		return &made
	}
	other, challenge := obtained("other.test"), obtained("challenge.test")
	w := newWorld(t, http.HandlerFunc(mirror), secure(t), func(c *config.Config) { c.Listeners[0].Auto = true })
	parts := w.parts(w.config)
	parts.Certificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		switch {
		case len(hello.SupportedProtos) == 1 && hello.SupportedProtos[0] == "acme-tls/1":
			return challenge, nil
		case hello.ServerName == "other.test" || hello.ServerName == "wiki.test":
			return other, nil
		}
		return nil, errors.New("none was obtained")
	}
	prepared, err := w.door.Prepare(w.ctx, parts)
	w.must(err)
	prepared.Use()
	for name, want := range map[string]string{"wiki.test": "wiki.test", "other.test": "other.test", "open.test": "open.test", "": "wiki.test", "x.test": "wiki.test"} {
		if got := w.tls(name, "h2").ConnectionState().PeerCertificates[0].DNSNames[0]; got != want {
			t.Errorf("for %q: %s", name, got)
		}
	}
	conn := w.tls("wiki.test", "acme-tls/1")
	if state := conn.ConnectionState(); state.NegotiatedProtocol != "acme-tls/1" || state.PeerCertificates[0].DNSNames[0] != "challenge.test" {
		t.Errorf("for a challenge: %q, %v", state.NegotiatedProtocol, state.PeerCertificates[0].DNSNames)
	}
	if n, err := conn.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("after a challenge: %v", err)
	}
	if got := w.tls("wiki.test", "acme-tls/1", "h2").ConnectionState(); got.NegotiatedProtocol != "h2" {
		t.Errorf("no challenge: %q", got.NegotiatedProtocol)
	}
}

func TestAConnectionIsForTheHostsOfItsCertificate(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), secure(t))
	for _, c := range []struct {
		name, host string
		status     int
	}{
		{"wiki.test", "wiki.test", 200},
		{"wiki.test", "WIKI.test:8443", 200},
		{"wiki.test", "open.test", 421},
		{"open.test", "wiki.test", 421},
		{"a.any.test", "wiki.test", 200}, // one certificate for both
		{"", "wiki.test", 200},
		{"", "open.test", 421}, // the certificate is for wiki
		{"other.test", "wiki.test", 421},
	} {
		conn := w.tls(c.name)
		_, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: "+c.host+"\r\n\r\n")
		w.must(err)
		if res := w.read(conn); res.StatusCode != c.status {
			t.Errorf("TLS for %q, Host %q: %s", c.name, c.host, res.Status)
		}
	}
}

func TestHTTP2IsReadAsStrictly(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), secure(t))
	for name, c := range map[string]struct {
		fields []string
		status string
	}{
		"a request":            {[]string{":method", "GET", ":scheme", "https", ":authority", "open.test", ":path", "/a?b"}, "200"},
		"one host twice":       {[]string{":method", "GET", ":scheme", "https", ":authority", "open.test", ":path", "/", "host", "open.test"}, "200"},
		"one in two spellings": {[]string{":method", "GET", ":scheme", "https", ":authority", "open.test", ":path", "/", "host", "OPEN.test"}, "PROTOCOL_ERROR"},
		"two hosts":            {[]string{":method", "GET", ":scheme", "https", ":authority", "open.test", ":path", "/", "host", "wiki.test"}, "PROTOCOL_ERROR"},
		"another, as http":     {[]string{":method", "GET", ":scheme", "http", ":authority", "wiki.test", ":path", "/"}, "421"},
		"another host":         {[]string{":method", "GET", ":scheme", "https", ":authority", "wiki.test", ":path", "/"}, "421"},
		"a name with _":        {[]string{":method", "GET", ":scheme", "https", ":authority", "open.test", ":path", "/", "x_picket_user", "root"}, "400"},
		"a path that climbs":   {[]string{":method", "GET", ":scheme", "https", ":authority", "open.test", ":path", "/a/../b"}, "400"},
		"two cookies of ours":  {[]string{":method", "GET", ":scheme", "https", ":authority", "open.test", ":path", "/", "cookie", "__Host-picket=a", "cookie", "__Host-picket=b"}, "200"},
		"a forged header name": {[]string{":method", "GET", ":scheme", "https", ":authority", "open.test", ":path", "/", "x-picket-user", "root"}, "200"},
	} {
		status, body := w.http2(w.tls("open.test", "h2"), c.fields...)
		if status != c.status {
			t.Errorf("%s: %s %s", name, status, body)
		}
		if strings.Contains(body, "root") || strings.Contains(body, "Host-picket") {
			t.Errorf("%s: the application was sent %s", name, body)
		}
	}
}

// http2 sends one request over HTTP/2, field by field, and gives the status and the body of the answer.
func (w *world) http2(conn net.Conn, fields ...string) (status, body string) {
	w.t.Helper()
	_, err := io.WriteString(conn, http2.ClientPreface)
	w.must(err)
	framer := http2.NewFramer(conn, conn)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	w.must(framer.WriteSettings())
	var block strings.Builder
	encoder := hpack.NewEncoder(&block)
	for i := 0; i < len(fields); i += 2 {
		w.must(encoder.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]}))
	}
	w.must(framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte(block.String()), EndHeaders: true, EndStream: true}))
	for {
		f, err := framer.ReadFrame()
		w.must(err)
		switch f := f.(type) {
		case *http2.MetaHeadersFrame:
			status = f.PseudoValue("status")
		case *http2.DataFrame:
			body += string(f.Data())
		case *http2.RSTStreamFrame:
			return f.ErrCode.String(), body
		}
		if f.Header().StreamID == 1 && f.Header().Flags.Has(http2.FlagDataEndStream) {
			return status, body
		}
	}
}

func TestARedirectListenerLeadsToHTTPS(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), func(c *config.Config) {
		c.Listeners[0].Redirect = "https"
		c.Routes = append(c.Routes, config.Route{
			Name: "plain", From: config.Origin{Scheme: "http", Host: "localhost"}, To: c.Routes[0].To, Access: config.Public,
		})
	})
	for request, want := range map[string]string{
		"GET /a/./b?c=d HTTP/1.1\nHost: Wiki.test.:80\n\n":         "https://wiki.test/a/b?c=d",
		"POST / HTTP/1.1\nHost: x.any.test\nContent-Length: 0\n\n": "https://x.any.test/",
		"GET /.picket/ HTTP/1.1\nHost: auth.test\n\n":              "https://auth.test/.picket/",
		"GET / HTTP/1.1\nHost: evil.test\n\n":                      "",
		"GET / HTTP/1.1\nHost: localhost\n\n":                      "",
	} {
		res := w.ask(request)
		if got := res.Header.Get("Location"); got != want || want != "" && res.StatusCode != 308 || want == "" && res.StatusCode != 404 {
			t.Errorf("%q: %s, %q", request, res.Status, got)
		}
	}
}

func TestAnAddressInUseIsAnErrorBeforeAnythingBegins(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror))
	c := *w.config
	c.Listeners = []config.Listener{{Name: "free", Address: "127.0.0.1:0"}, {Name: "taken", Address: w.address}}
	d, err := New(Options{Parts: w.parts(&c)})
	w.must(err)
	if err := d.Open(w.ctx); err == nil || !strings.Contains(err.Error(), `"taken"`) {
		t.Errorf("got %v", err)
	}
	if open := d.Addresses(); len(open) != 0 {
		t.Errorf("%v stays open", open)
	}
}

func TestWhatIsUnderWayComesToItsEndWhenTheDoorCloses(t *testing.T) {
	begun, end := make(chan struct{}), make(chan struct{})
	w := newWorld(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "first ")
		w.(http.Flusher).Flush()
		begun <- struct{}{}
		select {
		case <-end:
		case <-r.Context().Done():
		}
		_, _ = io.WriteString(w, "last")
	}))
	w.door.drain = testPatience
	quick := w.dial()
	_, err := io.WriteString(quick, "GET / HTTP/1.1\r\nHost: open.test\r\n\r\n")
	w.must(err)
	<-begun
	go w.stop()
	w.until("nothing more is taken", func() bool {
		conn, err := net.Dial("tcp", w.address)
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	})
	close(end)
	if got := text(t, w.read(quick)); got != "first last" {
		t.Errorf("got %q", got)
	}
	w.stop()
}

func TestWhatDoesNotEndIsCutWhenTheTimeIsUp(t *testing.T) {
	begun := make(chan struct{})
	w := newWorld(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		close(begun)
		<-r.Context().Done()
	}))
	w.door.drain = 50 * time.Millisecond
	conn := w.dial()
	_, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: open.test\r\n\r\n")
	w.must(err)
	<-begun
	res, err := http.ReadResponse(bufio.NewReader(conn), nil) // else the time may be up before there is anything to cut
	w.must(err)
	w.stop()
	if _, err := io.ReadAll(res.Body); err == nil {
		t.Error("it ended as if it were whole")
	}
}

func TestAWebSocketPassesOverTLS(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(echo), secure(t))
	dialer := &tls.Config{ServerName: "wiki.test", InsecureSkipVerify: true}
	conn := tls.Client(w.dial(), dialer)
	_, err := io.WriteString(conn, strings.ReplaceAll("GET /x HTTP/1.1\nHost: wiki.test\n"+upgrade+"\n", "\n", "\r\n")+"\x81\x80\x00\x00\x00\x00")
	w.must(err)
	wire := bufio.NewReader(conn)
	res, err := http.ReadResponse(wire, nil)
	w.must(err)
	if res.StatusCode != http.StatusSwitchingProtocols {
		t.Fatal(res.Status)
	}
	var first [7]byte // "/x  " in a frame, then the empty echo
	_, err = io.ReadFull(wire, first[:])
	w.must(err)
	if string(first[:]) != "\x81\x04/x  \x81" {
		t.Errorf("got %q", first)
	}
}
