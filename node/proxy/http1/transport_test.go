package http1

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func newTransport(t *testing.T) *Transport {
	u := &Transport{Dial: new(net.Dialer).DialContext, HeaderTimeout: soon, ContinueTimeout: time.Second, IdleTimeout: soon, IdleConns: 8, HeaderBytes: 64 << 10}
	t.Cleanup(u.CloseIdleConnections)
	return u
}

// asks sends a request to a server and reads the answer whole.
func (t *Transport) asks(test *testing.T, method, at string, body io.Reader, change ...func(*http.Request)) (*http.Response, string, error) {
	test.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, at, body)
	if err != nil {
		test.Fatal(err)
	}
	for _, f := range change {
		f(r)
	}
	res, err := t.RoundTrip(r)
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return res, string(text), err
}

func TestTheTransportAsksWhatItIsToldAndUsesItsConnectionsAgain(t *testing.T) {
	var opened atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Length", fmt.Sprint(r.ContentLength, r.TransferEncoding))
		fmt.Fprintf(w, "%s %s %s %s %q %s", r.Method, r.RequestURI, r.Host, r.Header.Get("X-A"), r.UserAgent(), body)
		if r.URL.Path == "/flushed" {
			w.(http.Flusher).Flush()
		}
	}))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	u := newTransport(t)
	for _, c := range []struct{ method, path, body, length string }{
		{"GET", "/a?b=c", "", "0 []"}, {"POST", "/d", "hello", "5 []"}, {"POST", "/flushed", "", "0 []"}, {"DELETE", "/flushed", "", "0 []"},
		{"PUT", "/chunks", "in chunks", "-1 [chunked]"}, {"GET", "/a", "", "0 []"},
	} {
		var body io.Reader
		if c.body != "" {
			body = strings.NewReader(c.body)
		}
		res, got, err := u.asks(t, c.method, server.URL+c.path, body, func(r *http.Request) {
			r.Host, r.Header["X-A"], r.Header["User-Agent"] = "the.host", []string{"1"}, []string{""}
			if strings.HasPrefix(c.length, "-1") {
				r.ContentLength = -1
			}
		})
		want := fmt.Sprintf(`%s %s the.host 1 "" %s`, c.method, c.path, c.body)
		if err != nil || got != want || res.Header.Get("X-Length") != c.length {
			t.Errorf("%q, %v, length %s, want %q", got, err, res.Header.Get("X-Length"), want)
		}
	}
	if opened.Load() != 1 {
		t.Errorf("%d connections for requests one after the other", opened.Load())
	}
}

// canned answers each request on a connection with what is said, as it stands.
func cannedServer(t *testing.T, answers func(n int, conn net.Conn, r *http.Request)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	var n atomic.Int64
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				in := bufio.NewReader(conn)
				for {
					r, err := http.ReadRequest(in)
					if err != nil {
						return
					}
					answers(int(n.Add(1)), conn, r)
				}
			}()
		}
	}()
	return "http://" + listener.Addr().String()
}

func TestAnAnswerIsReadAsItIsFramed(t *testing.T) {
	for name, c := range map[string]struct{ answer, body string }{
		"by its length":               {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "abc"},
		"in chunks":                   {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "abc"},
		"to the end":                  {"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc", "abc"},
		"in the lines of old servers": {"HTTP/1.0 200\nContent-Length: 3\n\nabc", "abc"},
		"without a body":              {"HTTP/1.1 204 No Content\r\n\r\n", ""},
		"one length twice":            {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", "abc"},
		"late":                        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "abc"},
	} {
		at := cannedServer(t, func(_ int, conn net.Conn, _ *http.Request) {
			_, _ = io.WriteString(conn, c.answer)
			if strings.Contains(c.answer, "close") {
				_ = conn.Close()
			}
		})
		if _, body, err := newTransport(t).asks(t, "GET", at, nil); err != nil || body != c.body {
			t.Errorf("%s: %q, %v", name, body, err)
		}
	}
	for name, answer := range map[string]string{
		"a length and chunks":    "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
		"two lengths":            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
		"another coding":         "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nabc",
		"a status that is none":  "HTTP/1.1 2000 OK\r\n\r\n",
		"another protocol":       "ICY 200 OK\r\n\r\n",
		"a field that goes on":   "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n",
		"a CR in a value":        "HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 0\r\n\r\n",
		"a body that breaks off": "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
		"no end of information":  strings.Repeat("HTTP/1.1 103 x\r\n\r\n", 100),
		"no end of a header":     "HTTP/1.1 200 OK\r\n" + strings.Repeat("X: y\r\n", 100_000),
		"nothing":                "",
	} {
		at := cannedServer(t, func(_ int, conn net.Conn, _ *http.Request) {
			_, _ = io.WriteString(conn, answer)
			_ = conn.Close()
		})
		if _, body, err := newTransport(t).asks(t, "GET", at, nil); err == nil {
			t.Errorf("%s: read as %q", name, body)
		}
	}
}

func TestWhatFollowsAnAnswerIsNobodys(t *testing.T) {
	at := cannedServer(t, func(_ int, conn net.Conn, r *http.Request) {
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged")
	})
	u := newTransport(t)
	for range 5 {
		if _, body, err := u.asks(t, "GET", at, nil); err != nil || body != "abc" {
			t.Errorf("%q, %v", body, err)
		}
	}
}

func TestAConnectionThatDiedIdleIsReplacedWhereThatIsSafe(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]int{}
	closed := make(chan struct{}, 10)
	at := cannedServer(t, func(_ int, conn net.Conn, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		seen[r.Method+string(body)]++
		again := seen[r.Method+string(body)] > 1
		mu.Unlock()
		if r.URL.Path == "/dies" && !again {
			_ = conn.Close() // the request was read, and perhaps done
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		if r.URL.Path == "/last" {
			_ = conn.Close()
			closed <- struct{}{}
		}
	})
	u := newTransport(t)
	if _, _, err := u.asks(t, "HEAD", at+"/last", nil); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		<-closed
		if _, _, err := u.asks(t, "POST", at+"/last", strings.NewReader("x")); err != nil {
			t.Errorf("it had died before: %v", err)
		}
		until := time.Now().Add(50 * time.Millisecond) // for the end of the connection to arrive
		for time.Now().Before(until) {
			time.Sleep(time.Millisecond)
		}
	}
	if _, _, err := u.asks(t, "OPTIONS", at+"/", nil); err != nil {
		t.Fatal(err)
	}
	if _, body, err := u.asks(t, "GET", at+"/dies", nil); err != nil || body != "ok" {
		t.Errorf("a GET is not sent again: %v", err)
	}
	_, _, err := u.asks(t, "POST", at+"/dies", strings.NewReader("once"))
	mu.Lock()
	defer mu.Unlock()
	if err == nil || seen["POSTonce"] != 1 {
		t.Errorf("a POST was sent %d times: %v", seen["POSTonce"], err)
	}
}

func TestAnApplicationThatDoesNotAnswerIsNotWaitedForForEver(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	at := cannedServer(t, func(_ int, conn net.Conn, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-release
	})
	u := newTransport(t)
	u.HeaderTimeout = 50 * time.Millisecond
	for _, body := range []string{"", "with a body"} {
		var wait net.Error
		if _, _, err := u.asks(t, "POST", at, strings.NewReader(body)); !errors.As(err, &wait) || !wait.Timeout() {
			t.Errorf("%q: %v", body, err)
		}
	}
	slow, w := io.Pipe()
	begun := time.Now()
	go func() {
		for range 5 { // the time for the answer begins when all of this is sent
			time.Sleep(30 * time.Millisecond)
			_, _ = w.Write([]byte("x"))
		}
		_ = w.Close()
	}()
	if _, _, err := u.asks(t, "POST", at, slow); err == nil || time.Since(begun) < 150*time.Millisecond {
		t.Errorf("after %s: %v", time.Since(begun), err)
	}
}

func TestTheEndOfTheContextEndsTheRequest(t *testing.T) {
	begun, ended := make(chan struct{}, 2), make(chan struct{}, 2)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/body" {
			w.(http.Flusher).Flush()
		}
		begun <- struct{}{}
		<-r.Context().Done()
		ended <- struct{}{}
	}))
	defer server.Close()
	u := newTransport(t)
	for _, path := range []string{"/header", "/body"} {
		ctx, cancel := context.WithCancel(context.Background())
		go func() { <-begun; cancel() }()
		r, _ := http.NewRequestWithContext(ctx, "GET", server.URL+path, nil)
		res, err := u.RoundTrip(r)
		if err == nil {
			_, err = io.ReadAll(res.Body)
		}
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", path, err)
		}
		<-ended
	}
}

func TestAnAnswerMayComeBeforeTheBodyIsSent(t *testing.T) {
	at := cannedServer(t, func(_ int, conn net.Conn, r *http.Request) {
		_, _ = io.WriteString(conn, "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
	})
	slow, w := io.Pipe()
	defer w.Close()
	if res, body, err := newTransport(t).asks(t, "POST", at, slow); err != nil || res.StatusCode != 413 || body != "no" {
		t.Errorf("%q, %v", body, err)
	}
}

func TestABodyIsSentWhenItIsAskedFor(t *testing.T) {
	for name, c := range map[string]struct {
		first, want string
		read        bool
	}{
		"asked for": {"HTTP/1.1 100 Continue\r\n\r\n", "hello", true},
		"unwanted":  {"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno", "no", false},
		"no word":   {"", "hello", true},
		"a hint":    {"HTTP/1.1 103 Early Hints\r\n\r\n", "hello", true},
	} {
		at := cannedServer(t, func(_ int, conn net.Conn, r *http.Request) {
			_, _ = io.WriteString(conn, c.first)
			if !c.read {
				return
			}
			body, _ := io.ReadAll(r.Body)
			fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		})
		u := newTransport(t)
		if u.ContinueTimeout = soon; c.first == "" || name == "a hint" {
			u.ContinueTimeout = 50 * time.Millisecond
		}
		told := 0
		_, got, err := u.asks(t, "POST", at, strings.NewReader("hello"), func(r *http.Request) {
			r.Header.Set("Expect", "100-continue")
			*r = *r.WithContext(withInform(r.Context(), func(int, Fields) error { told++; return nil }))
		})
		if err != nil || got != c.want || told != strings.Count(c.first, "HTTP/1.1 10") {
			t.Errorf("%s: %q, %v, told %d times", name, got, err, told)
		}
	}
}

func TestTrailersGoBothWays(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Trailer", "X-Back")
		w.(http.Flusher).Flush()
		w.Header().Set("X-Back", r.Trailer.Get("X-Forth"))
		w.Header().Set(http.TrailerPrefix+"X-More", "2")
	}))
	defer server.Close()
	res, _, err := newTransport(t).asks(t, "POST", server.URL, strings.NewReader("x"), func(r *http.Request) {
		r.ContentLength, r.Trailer = -1, http.Header{"X-Forth": {"1"}}
	})
	if err != nil || res.Trailer.Get("X-Back") != "1" || res.Trailer.Get("X-More") != "2" {
		t.Errorf("%v, %v", res, err)
	}
}

func TestNothingBreaksOutOfARequestsLines(t *testing.T) {
	var got *http.Request
	at := cannedServer(t, func(_ int, conn net.Conn, r *http.Request) {
		got = r
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	})
	u := newTransport(t)
	if _, _, err := u.asks(t, "GET", at, nil, func(r *http.Request) {
		r.Header["X-A"] = []string{"1\r\nX-Forged: 1"}
		r.Header["X-B: 1\r\nX-Forged"] = []string{"1"}
	}); err != nil || got.Header.Get("X-Forged") != "" || got.Header.Get("X-A") == "" {
		t.Errorf("%v, %v", got, err)
	}
	for _, change := range []func(*http.Request){
		func(r *http.Request) {
			r.URL = &url.URL{Scheme: "http", Host: r.URL.Host, Opaque: "/ HTTP/1.1\r\nX: y"}
		},
		func(r *http.Request) { r.Host = "a\r\nX: y" },
		func(r *http.Request) { r.Method = "GET / HTTP/1.1\r\nX: y\r\n\r\nGET" },
	} {
		if _, _, err := u.asks(t, "GET", at, nil, change); err == nil {
			t.Error("it was sent")
		}
	}
}

func TestConnectionsAreNotKeptForEver(t *testing.T) {
	at := cannedServer(t, func(_ int, conn net.Conn, r *http.Request) {
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	})
	u := newTransport(t)
	u.IdleTimeout = 20 * time.Millisecond
	if _, _, err := u.asks(t, "GET", at, nil); err != nil {
		t.Fatal(err)
	}
	for until := time.Now().Add(soon); ; time.Sleep(time.Millisecond) {
		u.pool.mu.Lock()
		kept := len(u.pool.kept)
		u.pool.mu.Unlock()
		if kept == 0 {
			return
		}
		if time.Now().After(until) {
			t.Fatal("it is still kept")
		}
	}
}
