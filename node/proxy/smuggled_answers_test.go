package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"picket/node/config"
)

// liar is an application whose first answer on each connection is what the request's path asks for, and which then says more
// than it was asked for. To whatever comes on a connection that is used again it says so.
type liar struct {
	net.Listener
	mu    sync.Mutex
	first map[string]string // guarded by mu: by path
	early string            // guarded by mu: is said on each connection before anything was asked
}

func newLiar(t *testing.T) *liar {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	a := &liar{Listener: l, first: map[string]string{}}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go a.serve(c)
		}
	}()
	return a
}

func (a *liar) serve(c net.Conn) {
	defer c.Close()
	a.mu.Lock()
	_, _ = io.WriteString(c, a.early) // the test sees what comes of it
	a.mu.Unlock()
	in := bufio.NewReader(c)
	for used := false; ; used = true {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		a.mu.Lock()
		text := a.first[r.URL.Path]
		a.mu.Unlock()
		switch {
		case used:
			text = plain("used again")
		case text == "":
			text = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nfresh"
		}
		if _, err := io.WriteString(c, text); err != nil {
			return
		}
	}
}

func plain(text string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(text), text)
}

// TestNoAnswerIsReadInTwoWays has an application answer in ways that two readers read differently, or say more than its answer.
// Whatever becomes of it, whoever asks next gets an answer of their own, and by another connection.
func TestNoAnswerIsReadInTwoWays(t *testing.T) {
	app := newLiar(t)
	w := newWorld(t, http.NotFoundHandler(), func(c *config.Config) {
		for i := range c.Routes {
			c.Routes[i].To = []string{"http://" + app.Addr().String()}
		}
	})
	extra := plain("STOLEN")
	const ok = "HTTP/1.1 200 OK\r\n"
	i := 0
	for name, c := range map[string]struct {
		method, answer string
		status         int    // 0: either it is refused, or its status comes
		body           string // when it is not refused
	}{
		"two answers":                        {"GET", plain("one") + extra, 200, "one"},
		"bytes behind the end":               {"GET", plain("one") + "x", 200, "one"},
		"an empty line behind the end":       {"GET", plain("one") + "\r\n", 200, "one"},
		"behind the last chunk":              {"GET", ok + "Transfer-Encoding: chunked\r\n\r\n3\r\none\r\n0\r\n\r\n" + extra, 200, "one"},
		"both lengths":                       {"GET", ok + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + extra, 502, ""},
		"both lengths, the other way":        {"GET", ok + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n" + extra, 502, ""},
		"two lengths":                        {"GET", ok + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nonex" + extra, 502, ""},
		"a list of lengths":                  {"GET", ok + "Content-Length: 3, 4\r\n\r\nonex" + extra, 502, ""},
		"a length with a sign":               {"GET", ok + "Content-Length: +3\r\n\r\none" + extra, 502, ""},
		"a negative length":                  {"GET", ok + "Content-Length: -1\r\n\r\n" + extra, 502, ""},
		"a length in hexadecimal":            {"GET", ok + "Content-Length: 0x3\r\n\r\none" + extra, 502, ""},
		"a length beyond every number":       {"GET", ok + "Content-Length: 99999999999999999999\r\n\r\n" + extra, 502, ""},
		"an unknown coding":                  {"GET", ok + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + extra, 502, ""},
		"chunked twice":                      {"GET", ok + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n" + extra, 502, ""},
		"a space before the colon":           {"GET", ok + "Content-Length : 3\r\n\r\none" + extra, 502, ""},
		"a field that goes on":               {"GET", ok + "X: a\r\n Content-Length: 3\r\n\r\none" + extra, 502, ""},
		"a CR in a field":                    {"GET", ok + "X: a\rContent-Length: 30\r\nContent-Length: 3\r\n\r\none" + extra, 502, ""},
		"a NUL in a field":                   {"GET", ok + "X: a\x00\r\nContent-Length: 3\r\n\r\none" + extra, 502, ""},
		"a status of two digits":             {"GET", "HTTP/1.1 20 OK\r\nContent-Length: 3\r\n\r\none" + extra, 502, ""},
		"a status of four digits":            {"GET", "HTTP/1.1 2000 OK\r\nContent-Length: 3\r\n\r\none" + extra, 502, ""},
		"another protocol":                   {"GET", "ICY 200 OK\r\nContent-Length: 3\r\n\r\none" + extra, 502, ""},
		"204 with a length":                  {"GET", "HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\none" + extra, 0, ""},
		"204 with chunks":                    {"GET", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n0\r\n\r\n" + extra, 0, ""},
		"204 and an answer":                  {"GET", "HTTP/1.1 204 No Content\r\n\r\n" + extra, 204, ""},
		"304 with a body":                    {"GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\none" + extra, 304, ""},
		"304 with chunks":                    {"GET", "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n0\r\n\r\n" + extra, 0, ""},
		"a body for HEAD":                    {"HEAD", plain("one") + extra, 200, ""},
		"chunks for HEAD":                    {"HEAD", ok + "Transfer-Encoding: chunked\r\n\r\n3\r\none\r\n0\r\n\r\n" + extra, 200, ""},
		"100 with a length":                  {"GET", "HTTP/1.1 100 Continue\r\nContent-Length: 3\r\n\r\none" + plain("two") + extra, 0, "two"},
		"103 with a length":                  {"GET", "HTTP/1.1 103 Early Hints\r\nContent-Length: 3\r\n\r\none" + plain("two") + extra, 0, "two"},
		"103 with chunks":                    {"GET", "HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + plain("two") + extra, 0, "two"},
		"101 that nobody asked for":          {"GET", "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n" + extra, 502, ""},
		"100 alone, then two":                {"GET", "HTTP/1.1 100 Continue\r\n\r\n" + plain("two") + extra, 200, "two"},
		"HTTP/1.0 with chunks":               {"GET", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n0\r\n\r\n" + extra, 0, "one"},
		"a nominated length":                 {"GET", ok + "Connection: Content-Length\r\nContent-Length: 3\r\n\r\none" + extra, 200, "one"},
		"a chunk's line with a bare LF":      {"GET", ok + "Transfer-Encoding: chunked\r\n\r\n3;a\n\r\none\r\n0\r\n\r\n" + extra, 0, "-"},
		"a chunk that is longer than it was": {"GET", ok + "Transfer-Encoding: chunked\r\n\r\n3\r\nonex\r\n0\r\n\r\n" + extra, 0, "-"},
		"a chunk's length beyond all":        {"GET", ok + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff3\r\none\r\n0\r\n\r\n" + extra, 0, "-"},
		"trailers that break out":            {"GET", ok + "Transfer-Encoding: chunked\r\n\r\n3\r\none\r\n0\r\nContent-Length: 30\r\nTransfer-Encoding: chunked\r\n\r\n" + extra, 200, "one"},
	} {
		i++
		path := fmt.Sprintf("/lie%d", i)
		app.mu.Lock()
		app.first[path] = c.answer
		app.mu.Unlock()
		conn := w.dial()
		in := bufio.NewReader(conn)
		status, body, broken := w.next(conn, in, c.method, path)
		switch {
		case status == 502:
			if c.status != 502 && c.status != 0 {
				t.Errorf("%s: refused", name)
			}
		case c.status != 0 && status != c.status:
			t.Errorf("%s: %d", name, status)
		case broken && c.body != "-" || !broken && body != c.body:
			t.Errorf("%s: %d %q, broken: %v", name, status, body, broken)
		}
		if broken {
			conn, in = w.dial(), nil
			in = bufio.NewReader(conn)
		}
		if status, body, broken := w.next(conn, in, "GET", "/next"); status != 200 || broken || strings.Contains(body, "STOLEN") || body != "fresh" {
			t.Errorf("%s: whoever asked next was told %d %q", name, status, body)
		}
		_ = conn.Close()
	}
}

// next asks over a connection that stays open, and gives what came; broken: half of it.
func (w *world) next(conn net.Conn, in *bufio.Reader, method, path string) (status int, body string, broken bool) {
	w.must(second(fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: open.test\r\n\r\n", method, path)))
	for {
		res, err := http.ReadResponse(in, &http.Request{Method: method})
		w.must(err)
		if res.StatusCode < 200 {
			continue
		}
		text, err := io.ReadAll(res.Body)
		return res.StatusCode, string(text), err != nil
	}
}

func TestWhatAnApplicationSaysBeforeItIsAskedIsNobodysAnswer(t *testing.T) {
	app := newLiar(t)
	w := newWorld(t, http.NotFoundHandler(), func(c *config.Config) {
		for i := range c.Routes {
			c.Routes[i].To = []string{"http://" + app.Addr().String()}
		}
	})
	app.mu.Lock()
	app.early = plain("STOLEN")
	app.mu.Unlock()
	conn := w.dial()
	w.next(conn, bufio.NewReader(conn), "GET", "/") // on a new connection, which nobody else has had, it may be taken for the answer
	app.mu.Lock()
	app.early = ""
	app.mu.Unlock()
	conn = w.dial()
	if status, body, _ := w.next(conn, bufio.NewReader(conn), "GET", "/"); status != 200 || body != "fresh" {
		t.Errorf("whoever asked next was told %d %q", status, body)
	}
}
