package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"picket/examples/ports"
	"picket/node/authn"
	"picket/node/config"
)

// overHTTP3 lets the first listener speak TLS and HTTP/3.
func overHTTP3(t *testing.T) func(*config.Config) {
	one := certificate(t, "wiki.test", "*.any.test", "open.test", "bastion.test")
	return func(c *config.Config) {
		c.Listeners[0].Certificates = []config.Certificate{one}
		c.Listeners[0].HTTP3 = true
	}
}

// http3 is a client of the door for hosts of the tests.
func (w *world) http3() *http3.Transport {
	w.t.Helper()
	h := &http3.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ServerName: "open.test"}, EnableDatagrams: true, DisableCompression: true,
	}
	w.t.Cleanup(func() { _ = h.Close() })
	return h
}

// over asks over HTTP/3.
func (w *world) over(h *http3.Transport, method, host, path string, body io.Reader, header http.Header) (*http.Response, error) {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.ctx, method, "https://"+w.address+path, body)
	w.must(err)
	r.Host = host
	for name, values := range header {
		r.Header[name] = values
	}
	return h.RoundTrip(r)
}

func TestARequestComesOverHTTP3(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), overHTTP3(t))
	h := w.http3()
	for _, c := range []struct{ method, body string }{{"GET", ""}, {"POST", "hello"}, {"POST", ""}, {"DELETE", ""}, {"OPTIONS", ""}} {
		var body io.Reader
		if c.body != "" {
			body = io.MultiReader(strings.NewReader(c.body)) // of a length that is not told
		}
		res, err := w.over(h, c.method, "open.test", "/a?b", body, http.Header{"X-Picket-User": {"root"}, "X-Other": {"1"}})
		w.must(err)
		said := text(t, res)
		if res.StatusCode != http.StatusOK || res.ProtoMajor != 3 {
			t.Errorf("%s: %s in %s", c.method, res.Status, res.Proto)
		}
		if strings.Contains(said, "root") || !strings.Contains(said, `"X-Other":["1"]`) || !strings.Contains(said, `"Target":"/a?b"`) || !strings.Contains(said, `"Body":"`+c.body+`"`) {
			t.Errorf("%s: the application was sent %s", c.method, said)
		}
		if c.body == "" && (strings.Contains(said, "chunked") || !strings.Contains(said, `"Length":0`)) {
			t.Errorf("%s: an empty body was made of none: %s", c.method, said)
		}
	}
}

func TestTheAccessLineTellsWhichProtocolARequestCameIn(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), overHTTP3(t))
	res, err := w.over(w.http3(), "GET", "open.test", "/", nil, nil)
	w.must(err)
	text(t, res)
	two := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ServerName: "open.test"}, ForceAttemptHTTP2: true}
	t.Cleanup(two.CloseIdleConnections)
	r, err := http.NewRequestWithContext(w.ctx, "GET", "https://"+w.address+"/", nil)
	w.must(err)
	r.Host = "open.test"
	res, err = two.RoundTrip(r)
	w.must(err)
	text(t, res)
	conn := w.tls("open.test")
	w.must(second(io.WriteString(conn, "GET / HTTP/1.0\r\nHost: open.test\r\n\r\n")))
	text(t, w.read(conn))
	w.until("three lines", func() bool { return len(w.log.access(t)) == 3 })
	var told []string
	for _, line := range w.log.access(t) {
		told = append(told, line["protocol"].(string))
	}
	slices.Sort(told) // each is written once its response is out
	if want := []string{"HTTP/1.0", "HTTP/2", "HTTP/3"}; !slices.Equal(told, want) {
		t.Errorf("told of %v, want %v", told, want)
	}
}

func TestHTTP3IsForThoseWhoMay(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), overHTTP3(t))
	cookie := w.signIn("alice", origin("wiki.test"), "wiki")
	h := w.http3()
	for cookie, want := range map[string]int{cookie: 200, "": 401} {
		res, err := w.over(h, "GET", "wiki.test", "/", nil, http.Header{"Cookie": {cookie}})
		w.must(err)
		if text(t, res); res.StatusCode != want {
			t.Errorf("%q: %s", cookie, res.Status)
		}
	}
}

func TestARevocationResetsAResponseOfHTTP3(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "tick")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}), overHTTP3(t))
	res, err := w.over(w.http3(), "GET", "wiki.test", "/", nil, http.Header{"Cookie": {w.signIn("alice", origin("wiki.test"), "wiki")}})
	w.must(err)
	var first [4]byte
	_, err = io.ReadFull(res.Body, first[:])
	w.must(err)
	w.must(w.authn.Revoke(w.ctx, w.session()))
	if _, err := io.ReadAll(res.Body); err == nil {
		t.Error("the client takes the cut for an end")
	}
	w.until("nothing is under way", func() bool { return len(w.door.streams.pick(authn.Change{})) == 0 })
}

func TestTrailersGoBothWaysOverHTTP3(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Trailer", "Grpc-Status")
		w.WriteHeader(200)
		_, _ = io.WriteString(w, r.Trailer.Get("X-Sum"))
		w.Header().Set("Grpc-Status", "7")
		w.Header().Set(http.TrailerPrefix+"X-Late", "told")
	}), overHTTP3(t))
	r, err := http.NewRequestWithContext(w.ctx, "POST", "https://"+w.address+"/", io.MultiReader(strings.NewReader("body")))
	w.must(err)
	r.Host, r.Trailer = "open.test", http.Header{"X-Sum": {"42"}}
	res, err := w.http3().RoundTrip(r)
	w.must(err)
	if got := text(t, res); got != "42" || res.Trailer.Get("Grpc-Status") != "7" || res.Trailer.Get("X-Late") != "told" {
		t.Errorf("got %q, %v", got, res.Trailer)
	}
}

func TestWhatIsUnderWayOverHTTP3ComesToItsEndWhenTheDoorCloses(t *testing.T) {
	begun, end := make(chan struct{}), make(chan struct{})
	w := newWorld(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "first ")
		w.(http.Flusher).Flush()
		begun <- struct{}{}
		<-end
		_, _ = io.WriteString(w, "last")
	}), overHTTP3(t))
	res, err := w.over(w.http3(), "GET", "open.test", "/", nil, nil)
	w.must(err)
	<-begun
	closed := make(chan struct{})
	go func() { w.stop(); close(closed) }()
	w.until("nothing more is taken", func() bool { return !w.takesTCP() })
	close(end)
	if got := text(t, res); got != "first last" {
		t.Errorf("got %q", got)
	}
	<-closed
	free, err := net.ListenPacket("udp", w.address)
	if err != nil {
		t.Fatalf("the socket stays open: %v", err)
	}
	_ = free.Close()
}

func (w *world) takesTCP() bool {
	conn, err := net.Dial("tcp", w.address)
	if err == nil {
		_ = conn.Close()
	}
	return err == nil
}

// laterHTTP3 is for a first listener that is to speak HTTP/3 later: nobody else is given its port, for TCP or for UDP.
func laterHTTP3(t *testing.T) func(*config.Config) {
	return func(c *config.Config) { c.Listeners[0].Address, c.Listeners[0].HTTP3 = ports.One(t), false }
}

func TestHTTP3IsTurnedOnAndOffWhileTheDoorIsOpen(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), overHTTP3(t), laterHTTP3(t))
	asked := func() error {
		h := w.http3()
		defer h.Close()
		res, err := w.over(h, "GET", "open.test", "/", nil, nil)
		if err == nil {
			text(t, res)
		}
		return err
	}
	w.until("the door is open", func() bool {
		w.door.mu.Lock()
		defer w.door.mu.Unlock()
		return w.door.serve != nil
	})
	for i := range 3 {
		w.use(func(c *config.Config) { c.Listeners[0].HTTP3 = true })
		if err := asked(); err != nil {
			t.Fatalf("round %d: %v", i, err)
		}
		w.use(func(c *config.Config) { c.Listeners[0].HTTP3 = false })
		if asked() == nil {
			t.Error("it is still spoken", i)
		}
	}
}

func TestWhoCameOverHTTP3WithoutACertificateComesAnew(t *testing.T) {
	ours := newAuthority(t, "Ours")
	w := newWorld(t, http.HandlerFunc(mirror), mutual(t, func(c *config.Config) {
		c.Listeners[0].Client = ours.wants(config.NotAsked)
		routeOf(c, "wiki").Client.Ask = config.Required
	}))
	for host, closes := range map[string]bool{"wiki.test": true, "open.test": false} {
		stream, conn := w.stream3With(host, false)
		w.must(stream.SendRequestHeader(&http.Request{Method: http.MethodGet, Host: host, URL: &url.URL{Scheme: "https", Host: host, Path: "/"}}))
		w.must(stream.Close())
		res, err := stream.ReadResponse()
		w.must(err)
		if text(t, res); (res.StatusCode == http.StatusForbidden) != closes {
			t.Errorf("%s: %s", host, res.Status)
		}
		if !closes {
			if err := conn.Context().Err(); err != nil {
				t.Errorf("%s: the connection ended: %v", host, context.Cause(conn.Context()))
			}
			continue
		}
		var how *quic.ApplicationError
		select {
		case <-conn.Context().Done():
		case <-w.ctx.Done():
			t.Fatalf("%s: the connection goes on, and with it what the client did not show", host)
		}
		if why := context.Cause(conn.Context()); !errors.As(why, &how) || how.ErrorCode != quic.ApplicationErrorCode(http3.ErrCodeNoError) {
			t.Errorf("%s: the connection ended so: %v", host, why)
		}
	}
}

func TestAReloadThatMeetsTheEndOfTheDoorLeavesNothingOpen(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), overHTTP3(t), laterHTTP3(t))
	w.until("the door is open", func() bool {
		w.door.mu.Lock()
		defer w.door.mu.Unlock()
		return w.door.serve != nil
	})
	parts := w.parts(w.changed(func(c *config.Config) { c.Listeners[0].HTTP3 = true }))
	var both sync.WaitGroup
	both.Go(func() {
		if prepared, err := w.door.Prepare(w.ctx, parts); err == nil { // else the door was closed before
			prepared.Use()
		}
	})
	both.Go(w.stop)
	both.Wait()
	free, err := net.ListenPacket("udp", w.address)
	if err != nil {
		t.Fatalf("the socket stays open: %v", err)
	}
	_ = free.Close()
}
