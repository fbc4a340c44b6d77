package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// echoDoor switches to CONNECT-UDP for one path, and gives back what comes.
func echoDoor(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/.well-known/masque/udp/localhost/53/" || r.Header.Get("Upgrade") != "connect-udp" || r.Header.Get("Capsule-Protocol") != "?1" {
		http.Error(w, "{}", http.StatusNotFound)
		return
	}
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: connect-udp\r\n\r\n\x2a\x01x") // and a capsule of no known type
	_, _ = io.Copy(conn, rw)
}

// heardText is what a person reads.
type heardText struct {
	mu   sync.Mutex
	text bytes.Buffer // guarded by mu
}

func (s *heardText) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *heardText) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func TestDatagramsOfEachProgramComeBackToIt(t *testing.T) {
	door := httptest.NewServer(http.HandlerFunc(echoDoor))
	t.Cleanup(door.Close)
	at, _, err := parseDoorway(door.URL)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	out := &heardText{}
	go func() {
		ended <- terminal{err: out}.connectDatagrams(ctx, far{name: "localhost:53", host: "localhost", door: at}, "127.0.0.1:0")
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	var address string
	for until := time.Now().Add(time.Minute); address == ""; time.Sleep(time.Millisecond) {
		if _, rest, ok := strings.Cut(out.String(), "Datagrams to "); ok {
			address, _, _ = strings.Cut(rest, " ")
		}
		if time.Now().After(until) {
			t.Fatalf("it does not begin: %s", out)
		}
	}
	var programs sync.WaitGroup
	for _, text := range []string{"one", "two", strings.Repeat("x", 8000)} {
		programs.Go(func() { asks(t, address, text) })
	}
	programs.Wait()
}

// asks sends a datagram until it comes back, as programs do.
func asks(t *testing.T, address, text string) {
	conn, err := net.Dial("udp", address)
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close()
	answer := make([]byte, mostDatagram)
	for until := time.Now().Add(time.Minute); time.Now().Before(until); {
		if _, err := io.WriteString(conn, text); err != nil {
			t.Error(err)
			return
		}
		_ = conn.SetReadDeadline(time.Now().Add(2 * time.Second))
		if n, err := conn.Read(answer); err == nil {
			if string(answer[:n]) != text {
				t.Errorf("said %.20q, heard %.20q", text, answer[:n])
			}
			return
		}
	}
	t.Errorf("nothing came back for %.20q", text)
}
