package proxy

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"testing"

	"picket/node/config"
)

// sized answers with as many bytes as the query says, of which it may not have so many, and reads the body first.
func sized(w http.ResponseWriter, r *http.Request) {
	n, _ := io.Copy(io.Discard, r.Body)
	length, err := strconv.ParseInt(r.URL.RawQuery, 10, 64)
	if err != nil {
		length = n
	}
	w.Header().Set("Content-Length", strconv.FormatInt(length, 10))
	for piece := bytes.Repeat([]byte("picket. "), 8<<10); length > 0; length -= int64(len(piece)) {
		if _, err := w.Write(piece[:min(int64(len(piece)), length)]); err != nil {
			return
		}
	}
}

func TestWhatTheKernelPassesOnIsCounted(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(sized))
	const size = 3<<20 + 7
	res := w.ask(fmt.Sprintf("GET /?%d HTTP/1.1\nHost: open.test\n\n", size))
	if n, err := io.Copy(io.Discard, res.Body); n != size || err != nil {
		t.Fatalf("%d bytes came, %v", n, err)
	}
	w.until("the line is written", func() bool { return len(w.log.access(t)) == 1 })
	if line := w.log.access(t)[0]; line["bytes"] != float64(size) {
		t.Errorf("the line says %v", line["bytes"])
	}
}

func TestALimitHoldsForABodyThatTheKernelPassesOn(t *testing.T) {
	const most = 1 << 20
	w := newWorld(t, http.HandlerFunc(sized), func(c *config.Config) { c.Routes[1].BodyLimit = most })
	for size, want := range map[int]int{most: http.StatusOK, most + 1: http.StatusRequestEntityTooLarge, 9 * most: http.StatusRequestEntityTooLarge} {
		conn := w.dial()
		go func() {
			_, _ = fmt.Fprintf(conn, "POST /known HTTP/1.1\r\nHost: open.test\r\nContent-Length: %d\r\n\r\n", size)
			_, _ = conn.Write(make([]byte, size))
		}()
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		w.must(err)
		if res.StatusCode != want {
			t.Errorf("%d bytes: %s", size, res.Status)
		}
	}
}

func TestARevocationEndsABodyThatTheKernelPassesOn(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(sized))
	cookie := w.signIn("alice", origin("wiki.test"), "wiki")
	conn := w.dial()
	_, err := fmt.Fprintf(conn, "GET /?%d HTTP/1.1\r\nHost: wiki.test\r\nCookie: %s\r\n\r\n", int64(1)<<50, cookie)
	w.must(err)
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	w.must(err)
	_, err = io.CopyN(io.Discard, res.Body, 16<<20)
	w.must(err)
	w.must(w.authn.Revoke(w.ctx, w.session()))
	if n, err := io.Copy(io.Discard, res.Body); err == nil {
		t.Errorf("it ended well, after %d bytes more", n)
	}
	w.until("the line is written", func() bool { return len(w.log.access(t)) > 0 })
	if got := w.log.access(t)[0]["ended"]; got != errSessionOver.Error() {
		t.Errorf("the line says %v", got)
	}
}
