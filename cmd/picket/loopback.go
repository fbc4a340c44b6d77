package main

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// loopback waits on this computer for what the browser brings (RFC 8252, section 7.3).
type loopback struct {
	address string // http://HOST:PORT/
	state   string // that the answer has to repeat
	host    string // HOST:PORT
	server  *http.Server
	answers chan loopbackAnswer
}

type loopbackAnswer struct{ code, refused string }

func serveLoopback(listener net.Listener) *loopback {
	host := listener.Addr().String()
	l := &loopback{address: "http://" + host + "/", host: host, state: rand.Text(), answers: make(chan loopbackAnswer, 1)}
	l.server = &http.Server{Handler: l, ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 64 << 10}
	go func() { _ = l.server.Serve(listener) }() // until close
	return l
}

// ServeHTTP takes the one answer. Whatever does not know the state is not it.
func (l *loopback) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	known := subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(l.state)) == 1
	if r.Method != http.MethodGet || r.URL.Path != "/" || r.Host != l.host || !known {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Connection", "close")
	text := "You are signed in. You can close this window and go back to the terminal.\n"
	if q.Get("error") != "" {
		text = "The program was not let in. You can close this window.\n"
	}
	_, _ = io.WriteString(w, text)
	select {
	case l.answers <- loopbackAnswer{q.Get("code"), q.Get("error")}:
	default: // the first one counts
	}
}

// code waits for the browser.
func (l *loopback) code(ctx context.Context) (string, error) {
	select {
	case a := <-l.answers:
		if a.refused != "" || a.code == "" {
			return "", fmt.Errorf("not signed in: the browser says %q", printable(a.refused))
		}
		return a.code, nil
	case <-ctx.Done():
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return "", fmt.Errorf("not signed in: nobody came back from the browser within %s", loginTime)
		}
		return "", ctx.Err()
	}
}

// close lets the last answer out, and ends.
func (l *loopback) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if l.server.Shutdown(ctx) != nil {
		_ = l.server.Close()
	}
}
