package http1

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// unending is a body that goes on until it is closed.
type unending struct{ closed chan struct{} }

func (unending) Read(p []byte) (int, error) { return len(p), nil }
func (unending) Trailers() Fields           { return nil }
func (e unending) Close() error             { close(e.closed); return nil }

// An application that wants no more of a body answers, and closes a connection of which not all was read: that is a reset.
func TestWhatAnApplicationSaysOfABodyThatItDoesNotWantIsRead(t *testing.T) {
	why := strings.Repeat("too long. ", 10<<10)
	at := cannedServer(t, func(_ int, conn net.Conn, _ *http.Request) {
		_, _ = io.WriteString(conn, fmt.Sprintf("HTTP/1.1 413 No\r\nContent-Length: %d\r\n\r\n%s", len(why), why)) // what comes of it is seen by who asked
		_ = conn.Close()
	})
	for _, length := range []int64{-1, 1 << 40} {
		body := unending{make(chan struct{})}
		a, err := newTransport(t).Ask(&Question{Life: &Life{}, Method: "POST", Path: "/", Host: "a", Body: body, Length: length}, strings.TrimPrefix(at, "http://"))
		if err != nil {
			t.Errorf("%d bytes: %v", length, err)
			continue
		}
		<-body.closed // sending it has failed
		got, err := io.ReadAll(a.Body)
		if a.Status != http.StatusRequestEntityTooLarge || string(got) != why || err != nil {
			t.Errorf("%d bytes: %d, %d bytes, %v", length, a.Status, len(got), err)
		}
		a.Close()
	}
}

// Many a client sends its body first, and then looks for a response.
func TestAClientThatSendsALongBodyIsToldThatItIsNotWanted(t *testing.T) {
	w := newWorld(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusUnauthorized) })
	const size = 16 << 20
	for name, body := range map[string]string{
		"of a known length": fmt.Sprintf("Content-Length: %d\r\n\r\n%s", size, strings.Repeat("x", size)),
		"in chunks":         fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", size, strings.Repeat("x", size)),
	} {
		c := w.dial().send("POST / HTTP/1.1\r\nHost: a\r\n" + body)
		if res, said := c.answer("POST"); res.StatusCode != http.StatusUnauthorized || said != "no\n" {
			t.Errorf("%s: %s, %q", name, res.Status, said)
		}
	}
}

// What is not wanted is not read for ever.
func TestAClientThatGoesOnSendingIsClosed(t *testing.T) {
	w := newWorld(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusUnauthorized) })
	c := w.dial().send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999999\r\n\r\n")
	if n, err := io.Copy(c.Conn, readerOf(unending{})); err == nil || n > 2*lingerSteps*lingerStep {
		t.Errorf("%d bytes were taken, %v", n, err)
	}
}

// readerOf hides what else there is.
func readerOf(r io.Reader) io.Reader { return struct{ io.Reader }{r} }
