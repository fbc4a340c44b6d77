package http1

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// marked tells each request apart by its target: the answer says it.
func marked(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/read" || r.Method == http.MethodPut {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
	}
	w.Header().Set("X-Target", r.RequestURI)
	_, _ = io.WriteString(w, "ok")
}

// netHTTPSees is how many requests net/http reads from some bytes, one after the other, bodies and all.
func netHTTPSees(raw []byte) (n int) {
	in := bufio.NewReader(bytes.NewReader(raw))
	for {
		r, err := http.ReadRequest(in)
		if err != nil {
			return n
		}
		n++
		if _, err := io.Copy(io.Discard, r.Body); err != nil || r.Close {
			return n
		}
	}
}

// sent sends bytes in pieces over a socket and gives how many answers with 2xx came until the server closed the connection.
func (w *world) sent(raw []byte, pieces int) (good int) {
	conn, err := net.Dial("tcp", w.address)
	if err != nil {
		w.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(soon))
	for i := range pieces {
		_, _ = conn.Write(raw[len(raw)*i/pieces : len(raw)*(i+1)/pieces])
		runtime.Gosched()
	}
	_ = conn.(*net.TCPConn).CloseWrite()
	in := bufio.NewReader(conn)
	for {
		res, err := http.ReadResponse(in, nil)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			w.Fatalf("it hangs after %q", raw)
		}
		if err != nil {
			return good
		}
		_, err = io.Copy(io.Discard, res.Body)
		if res.StatusCode/100 == 2 {
			good++
		}
		if err != nil {
			return good
		}
	}
}

// smuggled are requests that hold a second one, which some reader would see, and how many good answers they may get.
var smuggled = map[string]struct {
	raw  string
	good int
}{
	"CL.TE":               {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n", 0},
	"TE.CL":               {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n1c\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n\r\n0\r\n\r\n", 0},
	"TE.TE":               {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-encoding: x\r\n\r\n0\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n", 0},
	"TE with a VT":        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n", 0},
	"TE in quotes":        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n", 0},
	"TE with a comma":     {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked,\r\n\r\n0\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n", 0},
	"TE folded":           {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n", 0},
	"TE behind a NUL":     {"POST / HTTP/1.1\r\nHost: a\r\nX: a\x00\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n", 0},
	"TE in a bare CR":     {"POST / HTTP/1.1\r\nHost: a\r\nX: a\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n", 0},
	"TE in a bare LF":     {"POST / HTTP/1.1\r\nHost: a\r\nX: a\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n", 0},
	"an underscore":       {"POST / HTTP/1.1\r\nHost: a\r\nTransfer_Encoding: chunked\r\n\r\n0\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n", 0},
	"0.CL":                {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 26\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n", 1},
	"CL.0":                {"POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 26\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n", 1},
	"CL with a sign":      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +0\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n", 0},
	"CL twice":            {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 26\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n", 0},
	"CL before a blank":   {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 26\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n", 0},
	"CL in HTTP/1.0":      {"POST / HTTP/1.0\r\nContent-Length: 0\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n", 1},
	"a chunk extension":   {"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2;\nxx\r\n1c\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n\r\n0\r\n\r\n", 0},
	"a chunk's bare CR":   {"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\rxx\r\n0\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n", 0},
	"a chunk that spills": {"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxyz\r\n0\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n", 0},
	"a trailer's LF":      {"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n", 0},
	"a trailer":           {"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n", 0},
	"HTTP/0.9":            {"GET /\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n", 0},
	"lower case":          {"GET / http/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n", 0},
	"two hosts":           {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n", 0},
	"another host":        {"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n", 0},
	"behind chunks":       {"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nrubbish\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n", 1},
	"expecting":           {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 26\r\nExpect: 100-continue\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n", 1},
}

func TestNoSecondRequestIsSmuggled(t *testing.T) {
	w := newWorld(t, marked, func(s *Server) { s.Refused = nil })
	for name, c := range smuggled {
		for _, pieces := range []int{1, 7, len(c.raw)} {
			if got := w.sent([]byte(c.raw), pieces); got != c.good {
				t.Errorf("%s in %d pieces: %d good answers, want %d", name, pieces, got, c.good)
			}
		}
	}
}

// FuzzASocketSeesNoMoreRequestsThanNetHTTP holds, over a real socket, that the server does not hang, and sees no request that
// net/http does not see.
func FuzzASocketSeesNoMoreRequestsThanNetHTTP(f *testing.F) {
	for _, c := range smuggled {
		f.Add([]byte(c.raw), uint8(3))
	}
	f.Fuzz(func(t *testing.T, raw []byte, pieces uint8) {
		if len(raw) == 0 {
			return
		}
		w := newWorld(t, marked, func(s *Server) { s.Refused = nil })
		if got, most := w.sent(raw, 1+int(pieces%9)), netHTTPSees(raw); got > most {
			t.Errorf("%d requests are seen, by net/http %d, in %q", got, most, raw)
		}
	})
}

func openFiles(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

func TestNothingIsLeftOfManyRequests(t *testing.T) {
	release := make(chan struct{})
	w := newWorld(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/slow": // who does not read the body does not hear of the client either, as with net/http
			_, _ = io.Copy(io.Discard, r.Body)
			select {
			case <-r.Context().Done():
			case <-release:
			}
		case "/reads": // by another goroutine, which the handler does not wait for
			go func() { _, _ = io.Copy(io.Discard, r.Body) }()
		case "/aborts":
			panic(http.ErrAbortHandler)
		case "/hijacks":
			if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
				_ = conn.Close()
			}
		default:
			marked(w, r)
		}
	}, func(s *Server) { s.Refused = nil })
	defer close(release)
	goroutines, files := runtime.NumGoroutine(), openFiles(t)
	random := rand.New(rand.NewPCG(1, 2))
	paths := []string{"/", "/slow", "/reads", "/aborts", "/hijacks", "/read"}
	for range 3000 {
		var raw strings.Builder
		for range 1 + random.IntN(3) {
			fmt.Fprintf(&raw, "POST %s HTTP/1.1\r\nHost: a\r\n", paths[random.IntN(len(paths))])
			switch random.IntN(3) {
			case 0:
				raw.WriteString("\r\n")
			case 1:
				raw.WriteString("Content-Length: 5\r\n\r\nhello")
			case 2:
				raw.WriteString("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
			}
		}
		conn, err := net.Dial("tcp", w.address)
		if err != nil {
			t.Fatal(err)
		}
		text := raw.String()
		_, _ = io.WriteString(conn, text[:len(text)-random.IntN(2)*random.IntN(len(text))])
		if random.IntN(4) == 0 {
			_ = conn.SetReadDeadline(time.Now().Add(time.Millisecond))
			_, _ = io.Copy(io.Discard, conn)
		}
		_ = conn.Close()
	}
	within(t, "all has ended", func() bool {
		return w.server.Conns() == 0 && runtime.NumGoroutine() <= goroutines+2 && openFiles(t) <= files+2
	})
}
