package http1

import (
	"context"
	"io"
	"net"
	"path/filepath"
	"testing"
)

func TestWhatComesUnaskedOnAKeptSocketIsNobodys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	u := newTransport(t)
	u.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}
	first, err := u.connect(&Life{}, "")
	if err != nil {
		t.Fatal(err)
	}
	server, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	first.over(true)
	if again, err := u.connect(&Life{}, ""); err != nil || again != first {
		t.Fatalf("it was not kept: %v", err)
	}
	first.over(true)
	if _, err := io.WriteString(server, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmine"); err != nil { // it is there when writing returns
		t.Fatal(err)
	}
	next, err := u.connect(&Life{}, "")
	if err != nil {
		t.Fatal(err)
	}
	defer next.close()
	if next == first {
		t.Error("what came before a request was asked would be its answer")
	}
}
