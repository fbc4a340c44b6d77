package http1

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestAnApplicationThatHangsUpIsNoticedWhileTheBodyIsWaitedFor(t *testing.T) {
	at := cannedServer(t, func(_ int, conn net.Conn, _ *http.Request) { _ = conn.Close() })
	u := newTransport(t)
	c := newWorld(t, func(w http.ResponseWriter, r *http.Request) {
		out := r.Clone(r.Context())
		out.URL.Scheme, out.URL.Host, out.RequestURI = "http", strings.TrimPrefix(at, "http://"), ""
		if _, err := u.RoundTrip(out); err != nil {
			w.WriteHeader(http.StatusBadGateway)
		}
	}).dial().send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nx") // and never more
	if res, _ := c.answer("POST"); res.StatusCode != http.StatusBadGateway {
		t.Error(res.Status)
	}
}

func TestAConnectionThatSwitchedIsNotUsedAgain(t *testing.T) {
	for _, expect := range []string{"", "100-continue"} {
		at := cannedServer(t, func(n int, conn net.Conn, r *http.Request) {
			if r.URL.Path == "/switch" {
				_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
				if expect != "" {
					_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
				}
				return
			}
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nX-Conn: "+conn.RemoteAddr().String()+"\r\nContent-Length: 0\r\n\r\n")
		})
		u := newTransport(t)
		res, _, err := u.asks(t, "POST", at+"/switch", strings.NewReader("x"), func(r *http.Request) {
			if expect != "" {
				r.Header.Set("Expect", expect)
			} else {
				r.Body = nil
			}
		})
		if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
			t.Errorf("%q: %v, %v", expect, res, err)
		}
		u.pool.mu.Lock()
		for _, kept := range u.pool.kept {
			if len(kept.kept) > 0 {
				t.Errorf("%q: it is kept", expect)
			}
		}
		u.pool.mu.Unlock()
	}
}

func TestWhatComesUnaskedOnAKeptConnectionIsNobodys(t *testing.T) {
	said := make(chan struct{})
	at := cannedServer(t, func(n int, conn net.Conn, r *http.Request) {
		if n > 1 {
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		<-said
		_, _ = io.WriteString(conn, "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		said <- struct{}{}
	})
	u := newTransport(t)
	if _, body, err := u.asks(t, "GET", at, nil); err != nil || body != "ok" {
		t.Fatal(body, err)
	}
	said <- struct{}{}
	<-said
	for until := time.Now().Add(20 * time.Millisecond); time.Now().Before(until); time.Sleep(time.Millisecond) {
	}
	if res, body, err := u.asks(t, "GET", at, nil); err != nil || body != "ok" {
		t.Errorf("%v %q, %v", res, body, err)
	}
}

func TestConnectionsInUseAreClosedAfterTheIdleOnesWere(t *testing.T) {
	at := cannedServer(t, func(_ int, conn net.Conn, r *http.Request) {
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	})
	u := newTransport(t)
	r, _ := http.NewRequestWithContext(context.Background(), "GET", at, nil)
	res, err := u.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	u.CloseIdleConnections()
	_, _ = io.ReadAll(res.Body)
	u.pool.mu.Lock()
	for _, kept := range u.pool.kept {
		if len(kept.kept) > 0 {
			t.Error("it is kept")
		}
	}
	u.pool.mu.Unlock()
}

func TestChunksOfOldServersMayBePadded(t *testing.T) {
	at := cannedServer(t, func(_ int, conn net.Conn, r *http.Request) {
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3  \r\nabc\r\n0   \r\n\r\n")
	})
	if _, body, err := newTransport(t).asks(t, "GET", at, nil); err != nil || body != "abc" {
		t.Errorf("%q, %v", body, err)
	}
}

func TestConnectionsAreUsedAgainAfterABody(t *testing.T) {
	for _, answer := range []string{"hello", ""} { // an empty one may be there before the goroutine that sent the body knows that it has
		var conns sync.Map
		at := cannedServer(t, func(_ int, conn net.Conn, r *http.Request) {
			conns.Store(conn.RemoteAddr().String(), nil)
			_, _ = io.ReadAll(r.Body)
			fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(answer), answer)
		})
		u := newTransport(t)
		began := time.Now()
		for range 1000 {
			if _, _, err := u.asks(t, "POST", at, strings.NewReader("hello")); err != nil {
				t.Fatal(err)
			}
		}
		count := 0
		conns.Range(func(any, any) bool { count++; return true })
		if count > 1 || time.Since(began) > soon {
			t.Errorf("%q: %d connections, in %s", answer, count, time.Since(began))
		}
	}
}

// Who is slow is not asked again by itself: that would double what is asked of an application that has too much to do.
func TestAQuestionThatTookTooLongIsNotSentAgain(t *testing.T) {
	var asked, slow atomic.Int64
	release := make(chan struct{})
	at := cannedServer(t, func(n int, conn net.Conn, r *http.Request) {
		if r.URL.Path == "/slow" {
			slow.Add(1)
			<-release
			return
		}
		asked.Add(1)
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	})
	defer close(release)
	u := newTransport(t)
	u.HeaderTimeout = 500 * time.Millisecond
	for asked.Load() == 0 { // a machine that is busy may take longer
		_, _, _ = u.asks(t, "GET", at, nil)
	}
	_, _, err := u.asks(t, "GET", at+"/slow", nil)
	var wait net.Error
	if !errors.As(err, &wait) || !wait.Timeout() {
		t.Errorf("the error is %v", err)
	}
	if n := slow.Load(); n > 1 {
		t.Errorf("it was asked %d times", n)
	}
}

func TestNotMoreConnectionsAreKeptThanAreEnoughInAll(t *testing.T) {
	transport := newTransport(t)
	const enough, clients = 2, 100
	var others []net.Conn
	for i := range clients { // each is an address of its own, as with the PROXY protocol
		near, far := net.Pipe()
		others = append(others, far)
		u := &upstream{transport: transport, address: fmt.Sprint("application for client ", i)}
		u.input = newInput(near, &transport.buffers)
		u.bounds = transport.clock.add(near, u.input.writer(), time.Second)
		transport.pool.keep(u, enough, soon)
	}
	open := 0
	for i, far := range others {
		_ = far.SetReadDeadline(time.Now().Add(time.Millisecond))
		if _, err := far.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			open++
			if i >= enough*manyAddresses {
				t.Errorf("the connection for client %d is kept", i)
			}
		}
	}
	if open != enough*manyAddresses {
		t.Errorf("%d are kept, want %d", open, enough*manyAddresses)
	}
	for i := range enough * manyAddresses {
		if transport.pool.take(fmt.Sprint("application for client ", i), 0, 0) == nil {
			t.Errorf("that for client %d is not used again", i)
		}
	}
	if transport.pool.count != 0 {
		t.Errorf("%d are counted where none are kept", transport.pool.count)
	}
}
