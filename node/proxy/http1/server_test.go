package http1

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// canned is a connection that gives what was put in, and takes what is written.
type canned struct {
	io.Reader
	out bytes.Buffer
}

func (c *canned) Write(p []byte) (int, error)    { return c.out.Write(p) }
func (*canned) Close() error                     { return nil }
func (*canned) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (*canned) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (*canned) SetDeadline(time.Time) error      { return nil }
func (*canned) SetReadDeadline(time.Time) error  { return nil }
func (*canned) SetWriteDeadline(time.Time) error { return nil }

// soon is longer than anything here takes.
const soon = 2 * time.Minute

// world is a server on a real socket.
type world struct {
	*testing.T
	server  *Server
	address string
	refused chan *Malformed
}

func newWorld(t *testing.T, handler http.HandlerFunc, change ...func(*Server)) *world {
	w := &world{T: t, refused: make(chan *Malformed, 16)}
	w.server = &Server{Handler: adapted(handler), HeaderTimeout: soon, IdleTimeout: soon, WriteTimeout: soon,
		Refused: func(_ string, m *Malformed) { w.refused <- m }}
	for _, f := range change {
		f(w.server)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.address = listener.Addr().String()
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			conns.Go(func() {
				if then := w.server.ServeConn(context.Background(), c, nil); then != nil {
					then()
				}
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		w.server.Close()
		conns.Wait()
	})
	return w
}

// client is a connection to the server.
type client struct {
	*world
	net.Conn
	in *bufio.Reader
}

func (w *world) dial() *client {
	w.Helper()
	c, err := net.Dial("tcp", w.address)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(soon))
	return &client{world: w, Conn: c, in: bufio.NewReader(c)}
}

func (c *client) send(text string) *client {
	c.Helper()
	if _, err := io.WriteString(c.Conn, text); err != nil {
		c.Fatal(err)
	}
	return c
}

// answer reads one response whole.
func (c *client) answer(method string) (*http.Response, string) {
	c.Helper()
	res, err := http.ReadResponse(c.in, &http.Request{Method: method})
	if err != nil {
		c.Fatalf("no response: %v", err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		c.Fatalf("half a response: %v", err)
	}
	return res, string(body)
}

// ended fails unless the server has closed the connection.
func (c *client) ended() {
	c.Helper()
	if rest, err := io.ReadAll(c.in); err != nil || len(rest) > 0 {
		c.Errorf("the connection goes on: %q, %v", rest, err)
	}
}

func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	fmt.Fprintf(w, "%s %s %s", r.Method, r.RequestURI, body)
}

func TestOneConnectionCarriesOneRequestAfterTheOther(t *testing.T) {
	c := newWorld(t, echo).dial()
	c.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhiPOST /3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nho\r\n0\r\n\r\n")
	for _, want := range []string{"GET /1 ", "POST /2 hi", "POST /3 ho"} {
		if res, got := c.answer("GET"); got != want || res.Close || res.ContentLength != int64(len(want)) || res.Header.Get("Date") == "" {
			t.Errorf("%q with %v, want %q", got, res.Header, want)
		}
	}
	c.send("GET /4 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	if res, _ := c.answer("GET"); !res.Close {
		t.Error("it does not say that it closes")
	}
	c.ended()
	old := c.dial().send("GET / HTTP/1.0\r\n\r\n")
	old.answer("GET")
	old.ended()
}

func TestAMalformedRequestIsAnsweredAndEndsTheConnection(t *testing.T) {
	w := newWorld(t, echo)
	c := w.dial().send("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
	if res, body := c.answer("GET"); res.StatusCode != 400 || !res.Close || !strings.Contains(body, "two hosts") {
		t.Errorf("%s: %s", res.Status, body)
	}
	c.ended()
	if m := <-w.refused; m.Status != 400 {
		t.Error(m)
	}
}

func TestAResponseIsFramedByWhatIsKnown(t *testing.T) {
	big := strings.Repeat("x", 3*bufferSize)
	for name, c := range map[string]struct {
		method  string
		handler http.HandlerFunc
		body    string
		length  int64
		chunked bool
	}{
		"nothing written": {"GET", func(http.ResponseWriter, *http.Request) {}, "", 0, false},
		"little":          {"GET", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "abc") }, "abc", 3, false},
		"much":            {"GET", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, big) }, big, -1, true},
		"flushed": {"GET", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "a")
			w.(http.Flusher).Flush()
			_, _ = io.WriteString(w, "b")
		}, "ab", -1, true},
		"much, and told": {"GET", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(len(big)))
			_, _ = io.WriteString(w, big)
		}, big, int64(len(big)), false},
		"a HEAD": {"HEAD", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "7")
			_, _ = io.WriteString(w, "abcdefg")
		}, "", 7, false},
		"a 204": {"GET", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "0")
			w.WriteHeader(204)
		}, "", 0, false},
		"a 304 of a length": {"GET", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "9")
			w.WriteHeader(304)
		}, "", 0, false},
	} {
		conn := newWorld(t, c.handler).dial()
		for range 2 { // the connection goes on, whatever it was
			conn.send(c.method + " / HTTP/1.1\r\nHost: a\r\n\r\n")
			res, body := conn.answer(c.method)
			if body != c.body || res.ContentLength != c.length || (len(res.TransferEncoding) > 0) != c.chunked || res.Close {
				t.Errorf("%s: %d bytes, length %d, %v, closes %v", name, len(body), res.ContentLength, res.TransferEncoding, res.Close)
			}
		}
	}
}

func TestTrailersComeBehindTheBody(t *testing.T) {
	c := newWorld(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "Grpc-Status")
		_, _ = io.WriteString(w, "x")
		w.Header().Set("Grpc-Status", "0")
		w.Header().Set(http.TrailerPrefix+"X-Late", "1")
	}).dial().send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	res, body := c.answer("GET")
	if body != "x" || res.Trailer.Get("Grpc-Status") != "0" || res.Trailer.Get("X-Late") != "1" || res.Header.Get("Grpc-Status") != "" {
		t.Errorf("%q, header %v, trailer %v", body, res.Header, res.Trailer)
	}
}

func TestAHandlerThatGivesUpLeavesNoWholeResponse(t *testing.T) {
	c := newWorld(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("x", 2*bufferSize))
		panic(http.ErrAbortHandler)
	}).dial().send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	res, err := http.ReadResponse(c.in, nil)
	if err == nil {
		_, err = io.ReadAll(res.Body)
	}
	if err == nil {
		t.Error("it looks whole")
	}
}

func TestABodyThatWaitsIsAskedForWhenItIsRead(t *testing.T) {
	w := newWorld(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/no" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		echo(w, r)
	})
	const head = " HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
	c := w.dial().send("POST /yes" + head)
	if res, _ := c.answer("POST"); res.StatusCode != http.StatusContinue {
		t.Fatal(res.Status)
	}
	c.send("hello")
	if res, body := c.answer("POST"); body != "POST /yes hello" || res.Close {
		t.Errorf("%q", body)
	}
	no := w.dial().send("POST /no" + head)
	if res, _ := no.answer("POST"); res.StatusCode != http.StatusForbidden || !res.Close {
		t.Errorf("%s, closes %v", res.Status, res.Close)
	}
	no.ended()
}

func TestInformationComesBeforeTheResponse(t *testing.T) {
	c := newWorld(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</a>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		_, _ = io.WriteString(w, "x")
	}).dial().send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	if res, _ := c.answer("GET"); res.StatusCode != http.StatusEarlyHints || res.Header.Get("Link") == "" {
		t.Errorf("%s %v", res.Status, res.Header)
	}
	if res, body := c.answer("GET"); res.StatusCode != http.StatusOK || body != "x" {
		t.Errorf("%s %q", res.Status, body)
	}
}

func TestAClientThatLeavesEndsItsRequest(t *testing.T) {
	ended := make(chan error, 1)
	w := newWorld(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		select {
		case <-r.Context().Done():
			ended <- nil
		case <-time.After(soon):
			ended <- errors.New("it was not told")
		}
	})
	for _, request := range []string{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"} {
		c := w.dial().send(request)
		_ = c.Close()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

func TestWhatIsReadAheadIsTheNextRequest(t *testing.T) {
	slow := make(chan struct{})
	c := newWorld(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			<-slow
		}
		if r.Context().Err() != nil {
			w.WriteHeader(500)
		}
		echo(w, r)
	}).dial().send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
	begun := time.Now()
	for time.Since(begun) < 5*watchAfter { // until somebody watches
		time.Sleep(time.Millisecond)
	}
	c.send("POST /next HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe")
	close(slow)
	if _, body := c.answer("GET"); body != "GET /slow " {
		t.Error(body)
	}
	c.send("llo")
	if _, body := c.answer("GET"); body != "POST /next hello" {
		t.Error(body)
	}
}

func TestAConnectionIsHandedOverWithWhatWasRead(t *testing.T) {
	c := newWorld(t, func(w http.ResponseWriter, r *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		go func() {
			defer conn.Close()
			line, _ := rw.ReadString('\n')
			more, _ := rw.ReadString('\n')
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n"+line+more)
		}()
	}).dial().send("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nearly\n")
	c.send("late\n")
	if _, body := c.answer("GET"); body != "early\nlate\n" {
		t.Errorf("%q", body)
	}
}

func TestAnEarlyResponseDoesNotWaitForTheBody(t *testing.T) {
	c := newWorld(t, func(w http.ResponseWriter, r *http.Request) {
		go func() { _, _ = io.Copy(io.Discard, r.Body) }() // as a transport does, which may still be at it
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		_, _ = io.WriteString(w, "too much")
	}).dial().send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nxxx")
	if res, body := c.answer("POST"); res.StatusCode != http.StatusRequestEntityTooLarge || body != "too much" {
		t.Errorf("%s %q", res.Status, body)
	}
}

func TestSlowClientsAreNotWaitedForForEver(t *testing.T) {
	w := newWorld(t, echo, func(s *Server) { s.HeaderTimeout, s.IdleTimeout = 3*time.Second, 3*time.Second })
	half := w.dial().send("GET / HTTP/1.1\r\nHo")
	if res, _ := half.answer("GET"); res.StatusCode != http.StatusRequestTimeout {
		t.Error(res.Status)
	}
	half.ended()
	w.dial().ended()
	idle := w.dial().send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	idle.answer("GET")
	idle.ended()
}

func TestAClientThatDoesNotReadHoldsNothingUpForEver(t *testing.T) {
	ended := make(chan error, 1)
	w := newWorld(t, func(w http.ResponseWriter, r *http.Request) {
		piece := bytes.Repeat([]byte("x"), 1<<20)
		for {
			if _, err := w.Write(piece); err != nil {
				ended <- r.Context().Err()
				return
			}
		}
	}, func(s *Server) { s.WriteTimeout = 100 * time.Millisecond })
	w.dial().send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	if err := <-ended; err == nil {
		t.Error("the request goes on")
	}
}

func TestAShutdownLetsWhatIsUnderWayEnd(t *testing.T) {
	begun, goOn := make(chan struct{}), make(chan struct{})
	w := newWorld(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/long" {
			close(begun)
			<-goOn
		}
		echo(w, r)
	})
	idle, busy := w.dial().send("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), w.dial().send("GET /long HTTP/1.1\r\nHost: a\r\n\r\n")
	idle.answer("GET")
	<-begun
	down := make(chan error, 1)
	go func() { down <- w.server.Shutdown(context.Background()) }()
	idle.ended()
	select {
	case err := <-down:
		t.Errorf("it did not wait: %v", err)
	default:
	}
	close(goOn)
	if res, body := busy.answer("GET"); body != "GET /long " || !res.Close {
		t.Errorf("%q, closes %v", body, res.Close)
	}
	if err := <-down; err != nil || w.server.Conns() != 0 {
		t.Errorf("%v, %d connections", err, w.server.Conns())
	}
}

func TestAValueCannotBreakOutOfItsLine(t *testing.T) {
	c := newWorld(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-A", "b\r\nX-Forged: 1")
		w.Header()["X-B: 1\r\nX-Forged"] = []string{"1"}
	}).dial().send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	if res, _ := c.answer("GET"); res.Header.Get("X-Forged") != "" {
		t.Errorf("%v", res.Header)
	}
}

func TestAnIdleConnectionHoldsNoBuffer(t *testing.T) {
	w := newWorld(t, echo)
	c := w.dial().send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	c.answer("GET")
	until := time.Now().Add(soon)
	for {
		w.server.mu.Lock()
		idle := false
		for conn := range w.server.conns {
			idle = conn.state.Load() == isIdle && conn.input.socket != nil
		}
		w.server.mu.Unlock()
		if idle {
			break
		}
		if time.Now().After(until) {
			t.Fatal("it does not become idle")
		}
		time.Sleep(time.Millisecond)
	}
}
