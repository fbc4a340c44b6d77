package proxy

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

func TestAClientThatLeavesEndsTheRequestUpstream(t *testing.T) {
	begun, ended := make(chan struct{}, 1), make(chan struct{}, 1)
	w := newWorld(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		begun <- struct{}{}
		<-r.Context().Done()
		ended <- struct{}{}
	}), secure(t))
	for name, request := range map[string]string{
		"a GET":            "GET / HTTP/1.1\r\nHost: open.test\r\n\r\n",
		"a POST":           "POST / HTTP/1.1\r\nHost: open.test\r\nContent-Length: 5\r\n\r\nhello",
		"chunks":           "POST / HTTP/1.1\r\nHost: open.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
		"one and the next": "GET / HTTP/1.1\r\nHost: open.test\r\n\r\nGET /next HTTP/1.1\r\nHost: open.test\r\n\r\n",
	} {
		conn := w.tls("open.test", "http/1.1")
		_, err := io.WriteString(conn, request)
		w.must(err)
		<-begun
		w.must(conn.Close())
		select {
		case <-ended:
		case <-time.After(testPatience):
			t.Fatalf("%s goes on upstream", name)
		}
	}
}

// breaksOff answers with half a body, however the body is framed, and breaks off.
func breaksOff(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/length" {
		w.Header().Set("Content-Length", "10")
	}
	_, _ = io.WriteString(w, "half")
	_ = http.NewResponseController(w).Flush()
	if r.URL.Path != "/reset" {
		panic(http.ErrAbortHandler)
	}
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err == nil {
		_ = rw.Flush()
		_ = conn.(*net.TCPConn).SetLinger(0)
		_ = conn.Close()
	}
}

func TestHalfAnAnswerLooksWholeToNobody(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(breaksOff), secure(t))
	for _, path := range []string{"/length", "/chunks", "/reset"} {
		for _, version := range []string{"1.0", "1.1"} {
			conn := w.tls("open.test", "http/1.1")
			_, err := io.WriteString(conn, "GET "+path+" HTTP/"+version+"\r\nHost: open.test\r\n\r\n")
			w.must(err)
			res, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err == nil {
				_, err = io.ReadAll(res.Body)
			}
			if err == nil {
				t.Errorf("%s over HTTP/%s looks whole", path, version)
			}
		}
		client := &http.Client{Transport: &http.Transport{
			ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{ServerName: "open.test", InsecureSkipVerify: true},
		}}
		r, err := http.NewRequest("GET", "https://"+w.address+path, nil)
		w.must(err)
		r.Host = "open.test"
		res, err := client.Do(r)
		if err == nil {
			_, err = io.ReadAll(res.Body)
			w.must(res.Body.Close())
		}
		if err == nil || errors.Is(err, io.EOF) {
			t.Errorf("%s over HTTP/2 looks whole", path)
		}
		client.CloseIdleConnections()
	}
}
