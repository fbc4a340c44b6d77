package http1

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

func TestWhatAnApplicationSaysUnaskedIsNoAnswer(t *testing.T) {
	for _, network := range []string{"unix", "tcp"} {
		for _, method := range []string{"GET", "POST"} { // which is sent at once, and with a body of its own
			t.Run(network+" "+method, func(t *testing.T) { speaksUnasked(t, network, method) })
		}
	}
}

func speaksUnasked(t *testing.T, network, method string) {
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(t.TempDir(), "s")
	}
	listener, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	served := make(chan net.Conn, 2)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go answerAll(conn, served)
		}
	}()
	u := newTransport(t)
	u.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, listener.Addr().String())
	}
	ask := func() string {
		var body io.Reader
		if method == "POST" {
			body = strings.NewReader("form")
		}
		_, text, err := u.asks(t, method, "http://app.test/", body)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	ask()
	first := <-served
	if ask(); len(served) > 0 {
		t.Fatal("a connection that was silent was not used again")
	}
	if _, err := io.WriteString(first, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmine"); err != nil { // it is there when writing returns
		t.Fatal(err)
	}
	if text := ask(); text != "yours" {
		t.Errorf("what came before a request was asked was its answer: %q", text)
	}
}

// answerAll answers each request, and tells of the connection.
func answerAll(conn net.Conn, to chan<- net.Conn) {
	defer conn.Close()
	to <- conn
	for from := bufio.NewReader(conn); ; {
		r, err := http.ReadRequest(from)
		if err != nil {
			return
		}
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		if _, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nyours"); err != nil {
			return
		}
	}
}
