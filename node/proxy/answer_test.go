package proxy

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"picket/node/authz"
)

// read reads one answer from a connection, with its body.
func (w *world) read(conn net.Conn) *http.Response {
	w.t.Helper()
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	w.must(err)
	body, err := io.ReadAll(res.Body)
	w.must(err)
	res.Body = io.NopCloser(bytes.NewReader(body))
	return res
}

// text is the body of an answer.
func text(t *testing.T, res *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	return string(body)
}

// refusal is the body of a refusal.
func refusal(t *testing.T, res *http.Response) (f authz.Refusal) {
	t.Helper()
	if err := json.Unmarshal([]byte(text(t, res)), &f); err != nil {
		t.Fatalf("%s: %q: %v", res.Status, text(t, res), err)
	}
	return f
}

// seen is what an application was sent.
type seen struct {
	Method, Target, Host, Body string
	Header, Trailer            http.Header
	Length                     int64
	Coding                     []string
}

// mirror is an application that tells what it was sent.
func mirror(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	reply(w, seen{
		Method: r.Method, Target: r.RequestURI, Host: r.Host, Header: r.Header, Body: string(body), Trailer: r.Trailer,
		Length: r.ContentLength, Coding: r.TransferEncoding,
	})
}

// mirrored is what the application was sent, as it tells.
func mirrored(t *testing.T, res *http.Response) (s seen) {
	t.Helper()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", res.Status, text(t, res))
	}
	if err := json.Unmarshal([]byte(text(t, res)), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// lines keeps what is logged.
type lines struct {
	mu  sync.Mutex
	all bytes.Buffer // guarded by mu
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

// says tells whether a text was logged.
func (l *lines) says(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.all.String(), text)
}

// access gives the access lines so far.
func (l *lines) access(t *testing.T) (found []map[string]any) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.all.String()) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if m["message"] == "request" {
			found = append(found, m)
		}
	}
	return found
}
