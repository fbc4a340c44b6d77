package proxy

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"picket/node/config"
)

// A corpus of requests that two readers could read differently. Each goes through the whole door, to an application that is
// net/http and to one that takes down every byte: no request arrives that the door did not answer, and what arrives has one
// meaning. Sources: RFC 9112, section 11.2; the corpora of http-garden, smuggler and "HTTP/1.1 must die" (2025); CVE-2025-22871
// (a bare LF in the line of a chunk), TERM.EXT and EXT.TERM (the end of a chunk's line behind an extension).

const (
	hidden = "GET /hidden HTTP/1.1\r\nHost: open.test\r\n\r\n" // what is to be smuggled
	post   = "POST /seen HTTP/1.1\r\nHost: open.test\r\n"
	get    = "GET /seen HTTP/1.1\r\nHost: open.test\r\n"
)

// refusedHeads are answered with 4xx, end the connection, and nothing of them arrives.
func refusedHeads() map[string]string {
	chunks := "\r\n0\r\n\r\n" + hidden
	all := map[string]string{
		"CL.TE":                      post + "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n" + chunks,
		"TE.CL":                      post + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n" + chunks,
		"CL.0 by two lengths":        post + "Content-Length: 0\r\nContent-Length: 40\r\n\r\n" + hidden,
		"a CR hides a field":         post + "X-A: b\rTransfer-Encoding: chunked\r\n" + chunks,
		"an LF hides a field":        post + "X-A: b\nTransfer-Encoding: chunked\r\n" + chunks,
		"a NUL hides a field":        post + "X-A: b\x00Transfer-Encoding: chunked\r\n" + chunks,
		"a blank line of LF":         post + "X-A: b\r\n\n" + hidden,
		"a blank line of CR CR LF":   post + "X-A: b\r\n\r\r\n" + hidden,
		"a field before the fields":  "GET /seen HTTP/1.1\r\n Host: open.test\r\nHost: open.test\r\n\r\n",
		"a field without a colon":    get + "X-A\r\n\r\n",
		"only a colon":               get + ":\r\n\r\n",
		"an empty name":              get + ": x\r\n\r\n",
		"a length by an underscore":  post + "Content_Length: 40\r\n\r\n" + hidden,
		"a coding by an underscore":  post + "Transfer_Encoding: chunked\r\n" + chunks,
		"chunks of HTTP/1.0":         "POST /seen HTTP/1.0\r\nHost: open.test\r\nTransfer-Encoding: chunked\r\n" + chunks,
		"HTTP/0.9":                   "GET /seen\r\n\r\n",
		"HTTP/1.1 of old":            "GET /seen HTTP/1.1\r\n\r\n",
		"HTTP/2.0":                   "GET /seen HTTP/2.0\r\nHost: open.test\r\n\r\n",
		"HTTP/1.10":                  "GET /seen HTTP/1.10\r\nHost: open.test\r\n\r\n",
		"http/1.1":                   "GET /seen http/1.1\r\nHost: open.test\r\n\r\n",
		"a version and more":         "GET /seen HTTP/1.1x\r\nHost: open.test\r\n\r\n",
		"a space first":              " GET /seen HTTP/1.1\r\nHost: open.test\r\n\r\n",
		"a NUL first":                "\x00GET /seen HTTP/1.1\r\nHost: open.test\r\n\r\n",
		"two spaces":                 "GET  /seen HTTP/1.1\r\nHost: open.test\r\n\r\n",
		"a space at the end":         "GET /seen HTTP/1.1 \r\nHost: open.test\r\n\r\n",
		"a CR at the end":            "GET /seen HTTP/1.1\r\r\nHost: open.test\r\n\r\n",
		"a CR in the target":         "GET /seen\r HTTP/1.1\r\nHost: open.test\r\n\r\n",
		"a request in the target":    "GET /seen HTTP/1.1 /hidden HTTP/1.1\r\nHost: open.test\r\n\r\n",
		"tabs":                       "GET\t/seen\tHTTP/1.1\r\nHost: open.test\r\n\r\n",
		"a form feed":                "GET\x0c/seen HTTP/1.1\r\nHost: open.test\r\n\r\n",
		"a method that is none":      "GE:T /seen HTTP/1.1\r\nHost: open.test\r\n\r\n",
		"an address and a host":      "GET http://wiki.test/seen HTTP/1.1\r\nHost: open.test\r\n\r\n",
		"an address with a user":     "GET http://open.test@wiki.test/seen HTTP/1.1\r\nHost: open.test\r\n\r\n",
		"an address without a slash": "GET http:open.test HTTP/1.1\r\nHost: open.test\r\n\r\n",
		"an authority":               "GET open.test:80 HTTP/1.1\r\nHost: open.test\r\n\r\n",
		"an at sign":                 "GET @wiki.test/seen HTTP/1.1\r\nHost: open.test\r\n\r\n",
		"a CONNECT with a body":      "CONNECT open.test:80 HTTP/1.1\r\nHost: open.test:80\r\nContent-Length: 40\r\n\r\n" + hidden,
	}
	for _, coding := range []string{
		"xchunked", "chunkedx", "chunked, chunked", "chunked,", ",chunked", "identity", "chunked, identity", "identity, chunked", "gzip, chunked",
		"chunked;q=1", `"chunked"`, "chun ked", "chunked\x0b", "\x0bchunked", "\x0cchunked", "chunked\x00", "chunked\x01", "\xa0chunked", "", " ", ",",
		"chunked\r\n ", "\r\n chunked", "chunked\r\nTransfer-Encoding: identity", "identity\r\nTransfer-Encoding: chunked", "chunked\r\nTransfer-Encoding: chunked",
		"chunked\rX: y", "ch\u212anked", "CHUN\xe2\x84\xaaED",
	} {
		all[fmt.Sprintf("Transfer-Encoding %q", coding)] = post + "Transfer-Encoding: " + coding + "\r\n" + chunks
	}
	for _, name := range []string{
		"Transfer-Encoding ", "Transfer-Encoding\t", " Transfer-Encoding", "Transfer-Encoding\x00", "Transfer-Encoding\x0b", "Transfer\x00-Encoding", "Transfer-Encoding\r",
		"X-A: b\r\n\tTransfer-Encoding", "Transfer-Encoding\xff", "Transfer Encoding", "(Transfer-Encoding)", "\"Transfer-Encoding\"",
	} {
		all[fmt.Sprintf("a name %q", name)] = post + name + ": chunked\r\n" + chunks
	}
	for _, length := range []string{
		"+5", "-5", "-0", "0x5", "5, 5", "5,", ",5", "5;", "5.0", "5e0", "5 5", "5_0", "\x0b5", "5\x00", "5\x0b", "", " ", "9223372036854775808", "18446744073709551621",
		"99999999999999999999999999", "five", "\xd9\xa5", "'5'", "5\r\n 0", "5\r\nContent-Length: 5", "5\r\ncontent-length: 0", "\xa05",
	} {
		all[fmt.Sprintf("Content-Length %q", length)] = post + "Content-Length: " + length + "\r\n\r\nhello" + hidden
	}
	for _, host := range []string{
		"", "open.test, wiki.test", "open.test\r\nHost: wiki.test", "open.test\r\nHost: open.test", "a@open.test", "open.test/x", "open.test\\x", "open.test?x", "open.test#x",
		"open.test:80:80", "open.test:x", "open.test:-1", "open.test wiki.test", "open.test\x00", "[open.test]", "http://open.test", "open..test", "%6fpen.test", "open.test%00", "open.test:80@wiki.test",
	} {
		all[fmt.Sprintf("Host %q", host)] = "GET /seen HTTP/1.1\r\nHost: " + host + "\r\n\r\n"
	}
	for _, expect := range []string{"y 100-continue", "100-continue, x", "100-continue\r\nExpect: x", "x", "100-continue;x", "100", "100-continu", "\x0b100-continue"} {
		all[fmt.Sprintf("Expect %q", expect)] = post + "Expect: " + expect + "\r\nContent-Length: 40\r\n\r\n" + hidden
	}
	return all
}

// brokenBodies are of requests that are admitted by their heads: what was sent of them is never taken for whole.
func brokenBodies() map[string]string {
	all := map[string]string{}
	for _, line := range []string{
		"5\n", "5\r", "5\r\r\n", "5;a\n", "5;a\r", "5;a\nb\r\n", "5;a=\"\r\nb\"\r\n", "5;a=\"\n\"\r\n", "5;\n\r\n", "5\x00\r\n", "5;\x00\r\n", "5;a\x01\r\n", "5;a\x7f\r\n",
		"0x5\r\n", "+5\r\n", "-5\r\n", " 5\r\n", "5 \r\n", "5\t\r\n", "5 ;a\r\n", "5,\r\n", "5_0\r\n", "\r\n", ";\r\n", ";a\r\n", "g\r\n", "5g\r\n", "\xd9\xa5\r\n",
		"FFFFFFFFFFFFFFFF5\r\n", "10000000000000005\r\n", "100000000000000000000000000000005\r\n", "8000000000000005\r\n", "5;" + strings.Repeat("a", 4096) + "\r\n",
	} {
		all[fmt.Sprintf("a chunk's line %.40q", line)] = line + "hello\r\n0\r\n\r\n"
	}
	for _, data := range []string{
		"5\r\nhelloX\r\n0\r\n\r\n", "5\r\nhello\n0\r\n\r\n", "5\r\nhello\r0\r\n\r\n", "5\r\nhello\rX0\r\n\r\n", "5\r\nhello0\r\n\r\n", "5\r\nhello\r\r\n0\r\n\r\n",
		"5\r\nhello\r\n0\n\r\n", "0\r\n\n", "0\r\nX: y\n\r\n", "0\r\n X: y\r\n\r\n", "0\r\nX : y\r\n\r\n", "0\r\nX\r\n\r\n", "0\r\nX: a\x00b\r\n\r\n", "0\r\nX: a\r\n b\r\n\r\n", "0\r\n\r\r\n",
		"0\r\nX: a\rb\r\n\r\n", "0\r\nX_Y: a\r\n\r\n",
	} {
		all[fmt.Sprintf("chunks %q", data)] = data
	}
	return all
}

// taker is an application that takes down every byte that comes, and answers each request as net/http reads it.
type taker struct {
	net.Listener
	mu   sync.Mutex
	took []*bytes.Buffer // guarded by mu: by connection
}

func newTaker(t *testing.T) *taker {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	a := &taker{Listener: l}
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

// Write is for one connection at a time.
func (a *taker) serve(c net.Conn) {
	defer c.Close()
	took := &bytes.Buffer{}
	a.mu.Lock()
	a.took = append(a.took, took)
	a.mu.Unlock()
	in := bufio.NewReader(io.TeeReader(c, writer(func(p []byte) (int, error) {
		a.mu.Lock()
		defer a.mu.Unlock()
		return took.Write(p)
	})))
	for {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		if _, err := io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"); err != nil {
			return
		}
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

// all is what came, connection by connection.
func (a *taker) all() (texts []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, took := range a.took {
		texts = append(texts, took.String())
	}
	return texts
}

// seenBy counts the requests that an application of net/http was sent.
type seenBy struct {
	mu    sync.Mutex
	paths []string // guarded by mu; of those whose body came whole
	half  int      // guarded by mu: of those whose body did not
}

func (s *seenBy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, err := io.Copy(io.Discard, r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.half++
		return
	}
	s.paths = append(s.paths, r.URL.Path)
}

func (s *seenBy) whole() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.paths)
}

// answers sends something and gives the status of each answer, until the door ends the connection.
func (w *world) answers(raw string) (statuses []int, err error) {
	conn := w.dial()
	defer conn.Close()
	w.must(conn.SetDeadline(time.Now().Add(testPatience)))
	go func() { _, _ = io.WriteString(conn, raw) }() // it may be refused before it is sent whole
	in := bufio.NewReader(conn)
	for {
		if _, err := in.Peek(1); err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				return statuses, err
			}
			return statuses, nil
		}
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			return statuses, err
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil {
			return statuses, err
		}
		statuses = append(statuses, res.StatusCode)
	}
}

// smugglers are worlds whose public route leads to net/http, and to an application that takes down every byte.
func smugglers(t *testing.T) (w *world, seen *seenBy, raw *taker) {
	seen, raw = &seenBy{}, newTaker(t)
	w = newWorld(t, seen, func(c *config.Config) {
		r := c.Routes[1]
		r.Name, r.From, r.To = "raw", origin("data.test"), []string{"http://" + raw.Addr().String()}
		c.Routes = append(c.Routes, r)
	})
	return w, seen, raw
}

func TestNoHeadIsReadInTwoWays(t *testing.T) {
	w, seen, raw := smugglers(t)
	told := []int{400, 405, 417, 421, 505}
	for name, request := range refusedHeads() {
		for _, host := range []string{"open.test", "data.test"} {
			statuses, err := w.answers(strings.ReplaceAll(request, "open.test", host))
			if err != nil || len(statuses) != 1 || !slices.Contains(told, statuses[0]) {
				t.Errorf("%s: %v, %v", name, statuses, err)
			}
		}
	}
	if arrived := seen.whole(); len(arrived) > 0 || seen.half > 0 {
		t.Errorf("arrived: %v", arrived)
	}
	if arrived := raw.all(); len(arrived) > 0 {
		t.Errorf("arrived: %q", arrived)
	}
}

func TestNoBodyIsReadInTwoWays(t *testing.T) {
	w, seen, raw := smugglers(t)
	for name, body := range brokenBodies() {
		for _, host := range []string{"open.test", "data.test"} {
			statuses, err := w.answers(strings.ReplaceAll(post+"Transfer-Encoding: chunked\r\n\r\n"+body+hidden, "open.test", host))
			if err != nil || !slices.Equal(statuses, []int{400}) {
				t.Errorf("%s: %v, %v", name, statuses, err)
			}
		}
	}
	if arrived := seen.whole(); len(arrived) > 0 {
		t.Errorf("taken for whole: %v", arrived)
	}
	for _, text := range raw.all() {
		if strings.Contains(text, "hidden") || strings.HasSuffix(text, "0\r\n\r\n") || strings.Contains(text, ";") {
			t.Errorf("arrived: %q", text)
		}
	}
}

// TestWhatHasOneMeaningArrivesWithIt has requests that are unusual, and read alike by everybody: each is followed by another.
func TestWhatHasOneMeaningArrivesWithIt(t *testing.T) {
	w, seen, raw := smugglers(t)
	hello := "\r\n5\r\nhello\r\n0\r\n\r\n"
	end := "GET /end HTTP/1.1\r\nHost: open.test\r\nConnection: close\r\n\r\n"
	cases := map[string]string{
		"a tab before the coding":        post + "Transfer-Encoding:\tchunked\r\n" + hello,
		"blanks around the coding":       post + "Transfer-Encoding:  chunked \t\r\n" + hello,
		"a coding in capitals":           post + "tRANSFER-eNCODING: CHUNKED\r\n" + hello,
		"blanks around the length":       post + "Content-Length: \t5 \r\n\r\nhello",
		"a length with zeros":            post + "Content-Length: 005\r\n\r\nhello",
		"a request within a body":        post + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(hidden), hidden),
		"a request within a GET's body":  get + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(hidden), hidden),
		"a request within a chunk":       post + fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(hidden), hidden),
		"an extension":                   post + "Transfer-Encoding: chunked\r\n\r\n5;a=b;c=\"d\"\r\nhello\r\n0;x\r\n\r\n",
		"zeros before a chunk's length":  post + "Transfer-Encoding: chunked\r\n\r\n0000000005\r\nhello\r\n000\r\n\r\n",
		"a last chunk of many zeros":     post + "Transfer-Encoding: chunked\r\n\r\n000000000000\r\n\r\n",
		"trailers that are forbidden":    post + "Trailer: X-Sum, Connection, Keep-Alive, Proxy-Authorization, Proxy-Connection, TE, Upgrade, X-Picket-User, Cookie, Authorization\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Sum: 1\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\nHost: evil\r\nConnection: X-Sum\r\nTE: evil\r\nKeep-Alive: evil\r\nProxy-Authorization: evil\r\nProxy-Connection: evil\r\nUpgrade: evil\r\nX-Picket-User: evil\r\nCookie: evil\r\nAuthorization: evil\r\n\r\n",
		"trailers that nobody announced": post + "Transfer-Encoding: chunked\r\n\r\n0\r\nX-Evil: evil\r\n\r\n",
		"an upgrade to h2c":              get + "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
		"h2c in capitals":                get + "Connection: upgrade\r\nUpgrade: H2C\r\n\r\n",
		"a nominated length":             post + "Connection: Content-Length\r\nContent-Length: 5\r\n\r\nhello",
		"a nominated coding":             post + "Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n" + hello,
		"an expectation and no body":     get + "Expect: 100-continue\r\n\r\n",
		"a nominated host":               get + "Connection: Host\r\n\r\n",
	}
	want, count := []string{}, 0
	for name, request := range cases {
		for _, host := range []string{"open.test", "data.test"} {
			statuses, err := w.answers(strings.ReplaceAll(request+end, "open.test", host))
			if err != nil || !slices.Equal(statuses, []int{200, 200}) {
				t.Errorf("%s: %v, %v", name, statuses, err)
			}
		}
		want, count = append(want, "/seen", "/end"), count+2
	}
	if arrived := seen.whole(); !slices.Equal(arrived, want) {
		t.Errorf("arrived: %v", arrived)
	}
	all := strings.Join(raw.all(), "")
	in, heads := bufio.NewReader(strings.NewReader(all)), 0
	for ; ; heads++ {
		r, err := http.ReadRequest(in)
		if err != nil {
			break
		}
		body, err := io.ReadAll(r.Body)
		if err != nil || r.URL.Path == "/hidden" || r.Header.Get("Upgrade") != "" || r.Header.Get("Http2-Settings") != "" || r.Header.Get("Expect") != "" {
			t.Errorf("%v %v %q, %v", r.URL, r.Header, body, err)
		}
		for name := range r.Trailer {
			if name != "X-Sum" {
				t.Errorf("a trailer %s: %q", name, r.Trailer[name])
			}
		}
	}
	if heads != count || strings.Contains(all, "evil") || strings.Contains(all, ";a=b") {
		t.Errorf("%d requests arrived, want %d: %q", heads, count, all)
	}
}
