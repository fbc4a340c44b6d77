package proxy

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"testing"

	"picket/node/config"
)

// TestAnAuthorityIsAnsweredBeforeItIsAskedForWhom answers for a token that is known, whatever the host; all else goes its way.
func TestAnAuthorityIsAnsweredBeforeItIsAskedForWhom(t *testing.T) {
	known := func(_ context.Context, token string) (string, bool) { return token + ".thumbprint", token == "known" }
	app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "application: "+r.URL.Path) })
	w := newWorld(t, app)
	parts := w.parts(w.config)
	parts.KeyAuthorization = known
	w.usesParts(parts)
	for _, c := range []struct {
		request string
		status  int
		body    string
	}{
		{"GET /.well-known/acme-challenge/known HTTP/1.1\nHost: open.test\n\n", 200, "known.thumbprint"},
		{"GET /.well-known/acme-challenge/known HTTP/1.1\nHost: no-route.test:80\n\n", 200, "known.thumbprint"},
		{"GET /.well-known/acme-challenge/known?a=b HTTP/1.1\nHost: open.test\nContent-Length: 2\n\nhi", 200, "known.thumbprint"},
		{"GET /.well-known/acme-challenge/other HTTP/1.1\nHost: open.test\n\n", 200, "application: /.well-known/acme-challenge/other"},
		{"GET /.well-known/acme-challenge/known/ HTTP/1.1\nHost: open.test\n\n", 200, "application: /.well-known/acme-challenge/known/"},
		{"POST /.well-known/acme-challenge/known HTTP/1.1\nHost: open.test\nContent-Length: 0\n\n", 200, "application: /.well-known/acme-challenge/known"},
		{"GET /.well-known/acme-challenge/other HTTP/1.1\nHost: no-route.test\n\n", 404, ""},
	} {
		res := w.ask(c.request)
		body, err := io.ReadAll(res.Body)
		w.must(err)
		if res.StatusCode != c.status || c.body != "" && string(body) != c.body {
			t.Errorf("%.60q: %s, %q", c.request, res.Status, body)
		}
		if res.Header.Get("X-Request-Id") == "" {
			t.Errorf("%.60q: the answer has no id", c.request)
		}
	}
}

func TestAnAuthorityIsAnsweredWithoutTLSOnly(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), secure(t))
	parts := w.parts(w.config)
	parts.KeyAuthorization = func(context.Context, string) (string, bool) { return "secret", true }
	w.usesParts(parts)
	conn := w.tls("open.test", "http/1.1")
	_, err := conn.Write([]byte("GET /.well-known/acme-challenge/known HTTP/1.1\r\nHost: open.test\r\n\r\n"))
	w.must(err)
	res := w.read(conn)
	body, err := io.ReadAll(res.Body)
	w.must(err)
	if string(body) == "secret" {
		t.Error("answered over TLS")
	}
}

func TestFilesAloneAskForNoObtainedCertificate(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), secure(t), func(c *config.Config) { c.Listeners[0].Auto = false })
	parts := w.parts(w.config)
	asked := make(chan string, 8)
	parts.Certificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		asked <- hello.ServerName
		return nil, nil
	}
	w.usesParts(parts)
	if got := w.tls("x.test", "h2").ConnectionState().PeerCertificates[0].DNSNames[0]; got != "wiki.test" || len(asked) > 0 {
		t.Errorf("%s, and asked %d times", got, len(asked))
	}
}

// usesParts puts other parts in force.
func (w *world) usesParts(parts Parts) {
	w.t.Helper()
	prepared, err := w.door.Prepare(w.ctx, parts)
	w.must(err)
	prepared.Use()
}
