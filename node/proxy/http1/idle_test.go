package http1

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// secureServer speaks TLS as the door does, and gives its address.
func secureServer(t *testing.T, s *Server) string {
	t.Helper()
	own := httptest.NewTLSServer(nil)
	config := &tls.Config{Certificates: own.TLS.Certificates, DynamicRecordSizingDisabled: true}
	own.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			conns.Go(func() {
				secure := tls.Server(Beneath(c), config)
				if handshake(secure) != nil {
					_ = c.Close()
					return
				}
				s.ServeConn(context.Background(), secure, &tls.ConnectionState{})
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		s.Close()
		conns.Wait()
	})
	return listener.Addr().String()
}

// handshake leaves nothing on the stack.
//
//go:noinline
func handshake(c *tls.Conn) error { return c.Handshake() }

// bytewise sends each byte by itself.
type bytewise struct{ *net.TCPConn }

func (b bytewise) Write(p []byte) (int, error) {
	for i := range p {
		if _, err := b.TCPConn.Write(p[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(p), nil
}

func dialSecurely(t *testing.T, address string, through func(net.Conn) net.Conn) net.Conn {
	t.Helper()
	raw, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = raw.Close() })
	_ = raw.SetDeadline(time.Now().Add(time.Minute))
	return tls.Client(through(raw), &tls.Config{InsecureSkipVerify: true})
}

func TestRequestsOverTLSComeWholeHoweverTheyAreCut(t *testing.T) {
	s := &Server{Handler: adapted(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(w, io.MultiReader(strings.NewReader(r.URL.Path), r.Body))
	})), IdleTimeout: time.Minute}
	address := secureServer(t, s)
	for name, through := range map[string]func(net.Conn) net.Conn{
		"in records":        func(c net.Conn) net.Conn { return c },
		"in single packets": func(c net.Conn) net.Conn { return bytewise{c.(*net.TCPConn)} },
	} {
		conn := dialSecurely(t, address, through)
		in := bufio.NewReader(conn)
		for _, cut := range []int{1, 2, 1 << 10} {
			two := "POST /one HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET /two HTTP/1.1\r\nHost: a\r\n\r\n"
			for rest := two; rest != ""; rest = rest[min(cut, len(rest)):] {
				if _, err := io.WriteString(conn, rest[:min(cut, len(rest))]); err != nil {
					t.Fatal(err)
				}
			}
			for _, want := range []string{"/onehello", "/two"} {
				res, err := http.ReadResponse(in, nil)
				if err != nil {
					t.Fatal(name, err)
				}
				if got, err := io.ReadAll(res.Body); string(got) != want || err != nil {
					t.Errorf("%s, cut to %d: %q, %v; want %q", name, cut, got, err, want)
				}
			}
		}
	}
}

func TestAnIdleConnectionOverTLSIsClosedInTime(t *testing.T) {
	s := &Server{Handler: adapted(http.HandlerFunc(marked)), IdleTimeout: 50 * time.Millisecond}
	conn := dialSecurely(t, secureServer(t, s), func(c net.Conn) net.Conn { return c })
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, conn); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
}

func TestAClientThatPipelinesOverTLSAndLeavesEndsItsRequest(t *testing.T) {
	ended := make(chan struct{})
	address := secureServer(t, &Server{Handler: adapted(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		close(ended)
		panic(http.ErrAbortHandler)
	}))})
	c, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, strings.Repeat("GET / HTTP/1.1\r\nHost: a\r\n\r\n", bufferSize/10)); err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	select {
	case <-ended:
	case <-time.After(soon):
		t.Fatal("it was not told")
	}
}
