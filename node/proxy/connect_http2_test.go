package proxy

import (
	"crypto/sha1"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"picket/node/authn"
	"picket/node/config"
)

// secureBastion lets the listener speak TLS for the bastion and another host.
func secureBastion(t *testing.T) func(*config.Config) {
	one := certificate(t, "bastion.test", "wiki.test")
	return func(c *config.Config) { c.Listeners[0].Certificates = []config.Certificate{one} }
}

// http2Tunnel opens a tunnel as a stream of HTTP/2. What is written to in goes to the upstream.
func (w *world) http2Tunnel(to, token string) (in *io.PipeWriter, res *http.Response) {
	w.t.Helper()
	transport := &http.Transport{
		TLSClientConfig:   &tls.Config{ServerName: "bastion.test", InsecureSkipVerify: true},
		ForceAttemptHTTP2: true,
	}
	w.t.Cleanup(transport.CloseIdleConnections)
	body, in := io.Pipe()
	req := &http.Request{
		Method: http.MethodConnect, URL: &url.URL{Scheme: "https", Host: w.address}, Host: to, Body: body,
		Header: http.Header{"Proxy-Authorization": {"Bearer " + token}},
	}
	res, err := transport.RoundTrip(req.WithContext(w.ctx))
	w.must(err)
	w.t.Cleanup(func() { _ = res.Body.Close() })
	if res.ProtoMajor != 2 {
		w.t.Fatalf("the answer is in %s", res.Proto)
	}
	return in, res
}

func TestAStreamOfHTTP2IsATunnel(t *testing.T) {
	heard := make(chan string, 1)
	w := newWorld(t, http.HandlerFunc(mirror), secureBastion(t), carrying(t, func(conn *net.TCPConn) {
		all, _ := io.ReadAll(conn) // until the client has ended
		heard <- string(all)
		_, _ = io.WriteString(conn, "good bye")
	}))
	in, res := w.http2Tunnel(bastion, w.alicesBearer())
	if res.StatusCode != http.StatusOK {
		t.Fatalf("%s", res.Status)
	}
	w.must(second(io.WriteString(in, "from the client")))
	w.must(in.Close())
	all, err := io.ReadAll(res.Body)
	if string(all) != "good bye" || err != nil {
		t.Errorf("the client heard %q: %v", all, err)
	}
	if got := <-heard; got != "from the client" {
		t.Errorf("the upstream heard %q", got)
	}
}

// TestAnUpstreamThatBreaksOffResetsTheStream, and the client is told that it was the tunnel (RFC 9113, section 8.5).
func TestAnUpstreamThatBreaksOffResetsTheStream(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), secureBastion(t), carrying(t, func(conn *net.TCPConn) {
		_, _ = conn.Read(make([]byte, 1))
		_ = conn.SetLinger(0)
	}))
	in, res := w.http2Tunnel(bastion, w.alicesBearer())
	w.must(second(io.WriteString(in, "x")))
	if _, err := io.ReadAll(res.Body); err == nil || !strings.Contains(err.Error(), "CONNECT_ERROR") {
		t.Errorf("the client is told %v: %s", err, res.Status)
	}
}

func TestAnUpstreamThatEndsEndsTheStream(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), secureBastion(t), carrying(t, func(conn *net.TCPConn) {
		_, _ = io.WriteString(conn, "good bye")
	}))
	_, res := w.http2Tunnel(bastion, w.alicesBearer())
	if all, err := io.ReadAll(res.Body); string(all) != "good bye" || err != nil {
		t.Errorf("the client heard %q: %v", all, err)
	}
}

// TestAnUpstreamThatHasSaidAllStillHears: each half of a tunnel ends by itself (RFC 9113, section 8.5).
func TestAnUpstreamThatHasSaidAllStillHears(t *testing.T) {
	heard := make(chan string, 1)
	w := newWorld(t, http.HandlerFunc(mirror), secureBastion(t), carrying(t, func(conn *net.TCPConn) {
		_, _ = io.WriteString(conn, "that is all")
		_ = conn.CloseWrite()
		all, err := io.ReadAll(conn)
		heard <- fmt.Sprint(string(all), err)
	}))
	in, res := w.http2Tunnel(bastion, w.alicesBearer())
	if all, err := io.ReadAll(res.Body); string(all) != "that is all" || err != nil {
		t.Errorf("the client heard %q: %v", all, err)
	}
	w.must(second(io.WriteString(in, "more, ")))
	w.must(second(io.WriteString(in, "and more")))
	w.must(in.Close())
	if got := <-heard; got != "more, and more<nil>" {
		t.Errorf("the upstream heard %q", got)
	}
	w.until("nothing is under way", func() bool { return len(w.door.streams.pick(authn.Change{})) == 0 })
}

// TestAnApplicationThatHasEndedItsHalfStillHears is the same of what a WebSocket over a stream is made of (RFC 8441, section 5).
func TestAnApplicationThatHasEndedItsHalfStillHears(t *testing.T) {
	heard := make(chan string, 1)
	w := newWorld(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sum := sha1.Sum([]byte(r.Header.Get("Sec-Websocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
			"Sec-WebSocket-Accept: "+base64.StdEncoding.EncodeToString(sum[:])+"\r\n\r\n\x81\x03end")
		_ = conn.(*net.TCPConn).CloseWrite()
		all, err := io.ReadAll(rw)
		heard <- fmt.Sprint(string(all), err)
	}), overHTTP3(t))
	cookie := w.signIn("alice", origin("wiki.test"), "wiki")
	_, _, stream := w.extended2("wiki.test", "/", "websocket", "sec-websocket-version", "13", "cookie", cookie)
	if all, err := io.ReadAll(stream); string(all) != "\x81\x03end" || err != nil {
		t.Errorf("the client heard %q: %v", all, err)
	}
	w.must(second(io.WriteString(stream, "more, and more")))
	stream.end()
	if got := <-heard; got != "more, and more<nil>" {
		t.Errorf("the application heard %q", got)
	}
}

func TestARevocationResetsAStreamOfHTTP2(t *testing.T) {
	upstream := make(chan error, 1)
	w := newWorld(t, http.HandlerFunc(mirror), secureBastion(t), carrying(t, func(conn *net.TCPConn) {
		_, err := io.Copy(conn, conn)
		upstream <- err
	}))
	in, res := w.http2Tunnel(bastion, w.alicesBearer())
	w.says(in, res.Body, "hello")
	revoked := time.Now()
	w.must(w.authn.Revoke(w.ctx, w.session()))
	if _, err := io.ReadAll(res.Body); err == nil {
		t.Error("the client takes the cut for an end")
	}
	if err := <-upstream; !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the upstream sees %v", err)
	}
	t.Logf("cut after %s", time.Since(revoked))
}

func TestAStreamThatNobodyReadsIsCut(t *testing.T) {
	var written atomic.Int64
	w := newWorld(t, http.HandlerFunc(mirror), secureBastion(t), carrying(t, func(conn *net.TCPConn) {
		for chunk, err := make([]byte, 64<<10), error(nil); err == nil; {
			var n int
			n, err = conn.Write(chunk)
			written.Add(int64(n))
		}
	}))
	w.http2Tunnel(bastion, w.alicesBearer())
	w.until("the upstream waits for the client to read", stands(&written))
	w.must(w.authn.Revoke(w.ctx, w.session()))
	w.until("nothing is under way", func() bool { return len(w.door.streams.pick(authn.Change{})) == 0 })
}

// stands tells whether a count has begun, and has not changed since it was asked for some time ago.
func stands(count *atomic.Int64) func() bool {
	last, since := int64(-1), time.Now()
	return func() bool {
		if now := count.Load(); now != last {
			last, since = now, time.Now()
		}
		return last > 0 && time.Since(since) > 100*time.Millisecond
	}
}

func TestAStreamLeadsOnlyWhereARouteSaysSo(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), secureBastion(t), carrying(t, echoes))
	token := w.alicesBearer()
	for to, want := range map[string]int{
		bastion: 200, "BASTION.test.:22": 200, "wiki.test:443": 405, "bastion.test:23": 404, "bastion.test": 400, "elsewhere.test:22": 421,
	} {
		if _, res := w.http2Tunnel(to, token); res.StatusCode != want {
			t.Errorf("%s: %s, want %d", to, res.Status, want)
		}
	}
	if _, res := w.http2Tunnel(bastion, "picket.1.x"); res.StatusCode != 401 {
		t.Errorf("%s", res.Status)
	}
}
