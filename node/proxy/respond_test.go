package proxy

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"testing"

	"picket/node/config"
	"picket/node/proxy/http1"
)

// late is a client to which nothing is sent any more, but which still has what it was to be sent: so net/http has it over HTTP/2.
type late struct {
	http1.Client
	kept []byte
}

func (l *late) Write(p []byte) (int, error) {
	l.kept = p
	return 0, errors.New("the stream is closed")
}

type wholeBody struct{ io.Reader }

func (wholeBody) Close() error           { return nil }
func (wholeBody) Trailers() http1.Fields { return nil }

func TestABufferThatAClientMayStillHaveIsNotLentAgain(t *testing.T) {
	door := &Door{}
	client := &late{}
	x := &exchange{door: door, ask: &ask{w: recorder{Client: client}}}
	body := bytes.Repeat([]byte("a"), 8<<10)
	if err := x.copyBody(&http1.Answer{Length: int64(len(body)), Body: wholeBody{bytes.NewReader(body)}}); err == nil {
		t.Fatal("it was written")
	}
	for range 10 {
		for i, next := 0, door.rooms.Get(int64(len(body))); i < len(next); i++ {
			next[i] = 'b' // of somebody else
		}
	}
	if !bytes.Equal(client.kept, body) {
		t.Error("what a client was to be sent was written over by another request's")
	}
}

func TestWhatNoApplicationSaysToAClientItSaysNeitherEarlyNorLate(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	const lines = "Set-Cookie: __Host-picket=evil\r\nAlt-Svc: h3=\":443\"\r\nConnection: X-Hop\r\nX-Hop: 1\r\nX-Sum: 7\r\n\r\n"
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
			_, _ = io.WriteString(conn, "HTTP/1.1 103 Early Hints\r\n"+lines+
				"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n"+lines)
		}
	}()
	w := newWorld(t, http.HandlerFunc(mirror), func(c *config.Config) {
		for i := range c.Routes {
			c.Routes[i].To = []string{"http://" + l.Addr().String()}
		}
	})
	conn := w.dial()
	_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: open.test\r\nConnection: close\r\n\r\n")
	w.must(err)
	all, err := io.ReadAll(conn)
	w.must(err)
	for _, ours := range []string{"evil", "Alt-Svc", "X-Hop"} {
		if bytes.Contains(all, []byte(ours)) {
			t.Errorf("%s went to the client: %s", ours, all)
		}
	}
	if bytes.Count(all, []byte("X-Sum: 7\r\n")) != 2 {
		t.Errorf("%s", all)
	}
}

// heard is a client that notes what is said early.
type heard struct {
	http1.Client
	statuses []int
}

func (h *heard) Inform(status int, _ http1.Fields) error {
	h.statuses = append(h.statuses, status)
	return nil
}

func TestNobodyIsToldEarlyThatTheProtocolIsAnother(t *testing.T) {
	client := &heard{}
	x := &exchange{door: &Door{}, ask: &ask{w: recorder{Client: client}, route: &route{Route: &config.Route{}}}}
	for _, status := range []int{102, 101, 103} {
		if err := x.Inform(status, nil); err != nil {
			t.Error(err)
		}
	}
	if !slices.Equal(client.statuses, []int{102, 103}) {
		t.Errorf("it was told %v", client.statuses)
	}
}
