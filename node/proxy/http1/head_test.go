package http1

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// parsed reads one request as the server does. The error is what the client is told, io.ErrUnexpectedEOF when more is to come.
func parsed(raw []byte) (*http.Request, error) {
	c := &conn{server: &Server{}}
	c.input = newInput(&canned{Reader: bytes.NewReader(raw)}, &c.server.buffers)
	c.input.buf = c.input.buffers.get()
	c.bounds = c.server.clock.add(c.input.conn, c.input.writer(), time.Second)
	defer c.bounds.drop()
	x, err := c.next()
	if err != nil {
		return nil, unexpected(err)
	}
	return x.HTTP()
}

func TestWhatTwoParsersCouldReadDifferentlyIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		request string
		status  int
	}{
		"a line that ends in LF":            {"GET / HTTP/1.1\nHost: a\r\n\r\n", 400},
		"a field that ends in LF":           {"GET / HTTP/1.1\r\nHost: a\nX: 1\r\n\r\n", 400},
		"an empty line of LF":               {"GET / HTTP/1.1\r\nHost: a\r\n\n", 400},
		"a CR in a value":                   {"GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400},
		"a CR before the CR LF":             {"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\r\n\r\n", 400},
		"an empty line first":               {"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"a field that goes on":              {"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", 400},
		"a first field that goes on":        {"GET / HTTP/1.1\r\n X: a\r\nHost: a\r\n\r\n", 400},
		"a space before the colon":          {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length : 3\r\n\r\nabc", 400},
		"a tab before the colon":            {"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n", 400},
		"a field without a name":            {"GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", 400},
		"a field without a colon":           {"GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", 400},
		"an underscore in a name":           {"GET / HTTP/1.1\r\nHost: a\r\nX_A: b\r\n\r\n", 400},
		"a NUL in a value":                  {"GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n", 400},
		"a DEL in a value":                  {"GET / HTTP/1.1\r\nHost: a\r\nX: a\x7fb\r\n\r\n", 400},
		"two spaces in the request line":    {"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"a tab in the request line":         {"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"a blank behind the version":        {"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400},
		"a space in the target":             {"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"a byte beyond ASCII in the target": {"GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		"no version":                        {"GET /\r\nHost: a\r\n\r\n", 400},
		"a version in lower case":           {"GET / http/1.1\r\nHost: a\r\n\r\n", 400},
		"HTTP/1.2":                          {"GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505},
		"HTTP/2.0":                          {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
		"HTTP/1.10":                         {"GET / HTTP/1.10\r\nHost: a\r\n\r\n", 400},
		"no host":                           {"GET / HTTP/1.1\r\n\r\n", 400},
		"two hosts":                         {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
		"one host twice":                    {"GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", 400},
		"a length and chunks":               {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
		"chunks and a length":               {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n", 400},
		"two lengths":                       {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400},
		"one length twice":                  {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400},
		"a list of lengths":                 {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabc", 400},
		"a length with a sign":              {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc", 400},
		"a length below zero":               {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -3\r\n\r\nabc", 400},
		"a length in hexadecimal":           {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x3\r\n\r\nabc", 400},
		"an empty length":                   {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", 400},
		"a length beyond every number":      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", 400},
		"a coding that is none":             {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", 400},
		"identity":                          {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n", 400},
		"two codings":                       {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 400},
		"chunked twice":                     {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
		"chunked and a parameter":           {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked;q=1\r\n\r\n", 400},
		"chunks in HTTP/1.0":                {"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
		"an expectation that is none":       {"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue, x\r\nContent-Length: 1\r\n\r\na", 417},
		"too many fields":                   {"GET / HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("X: 1\r\n", 200) + "\r\n", 431},
		"too long a header":                 {"GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("a", 64<<10) + "\r\n\r\n", 431},
	} {
		var m *Malformed
		if _, err := parsed([]byte(c.request)); !errors.As(err, &m) || m.Status != c.status {
			t.Errorf("%s: %v, want %d", name, err, c.status)
		}
	}
}

func TestWhatEverybodyReadsAlikeIsRead(t *testing.T) {
	r, err := parsed([]byte("POST /a?b=c HTTP/1.1\r\nHOST:  a.test \r\nx-one:1\r\nX-One:\t2\t\r\nX-Empty:\r\nX-High: \xe4\r\nTransfer-Encoding: Chunked\r\nTrailer: X-Sum\r\n\r\n" +
		"5\r\nhello\r\n6;a=b\r\n world\r\n0\r\nX-Sum: 7\r\nX-More: 8\r\nHost: b\r\n\r\nGET"))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil || string(body) != "hello world" {
		t.Errorf("body %q, %v", body, err)
	}
	if r.Host != "a.test" || r.RequestURI != "/a?b=c" || r.URL.Path != "/a" || r.ContentLength != -1 || r.Header.Get("Host") != "" {
		t.Errorf("%+v", r)
	}
	if got := r.Header["X-One"]; !slices.Equal(got, []string{"1", "2"}) || r.Header["X-Empty"][0] != "" || r.Header.Get("X-High") != "\xe4" {
		t.Errorf("%q", r.Header)
	}
	if r.Trailer.Get("X-Sum") != "7" || r.Trailer.Get("X-More") != "8" || len(r.Trailer) != 2 {
		t.Errorf("trailer %q", r.Trailer)
	}
}

func TestABodyThatIsNotWhatItSaysIsAnError(t *testing.T) {
	const head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
	for name, body := range map[string]string{
		"no length":                    "\r\nhello\r\n0\r\n\r\n",
		"a length that is none":        "g\r\nhello\r\n0\r\n\r\n",
		"a length with 0x":             "0x5\r\nhello\r\n0\r\n\r\n",
		"a length with a sign":         "+5\r\nhello\r\n0\r\n\r\n",
		"a blank before the length":    " 5\r\nhello\r\n0\r\n\r\n",
		"a blank behind the length":    "5 \r\nhello\r\n0\r\n\r\n",
		"a length that runs over":      "10000000000000005\r\nhello\r\n0\r\n\r\n",
		"a chunk that is too long":     "5\r\nhello!\r\n0\r\n\r\n",
		"a chunk that ends in LF":      "5\r\nhello\n0\r\n\r\n",
		"a length that ends in LF":     "5\nhello\r\n0\r\n\r\n",
		"an extension that ends in LF": "5;a\nhello\r\n0\r\n\r\n",
		"a CR in an extension":         "5;a\rb\r\nhello\r\n0\r\n\r\n",
		"an extension without end":     "5;" + strings.Repeat("a", 10000) + "\r\nhello\r\n0\r\n\r\n",
		"a trailer without a name":     "0\r\n: x\r\n\r\n",
		"a trailer that ends in LF":    "0\r\nX: x\n\r\n",
		"an end in the middle":         "5\r\nhel",
		"an end before the last chunk": "5\r\nhello\r\n",
		"an end before the empty line": "5\r\nhello\r\n0\r\n",
		"too long a trailer":           "0\r\n" + strings.Repeat("X: x\r\n", 100) + "\r\n",
	} {
		r, err := parsed([]byte(head + body))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r.Body); err == nil {
			t.Errorf("%s: read as %q", name, got)
		}
	}
	r, err := parsed([]byte("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(r.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a body that is cut short: %v", err)
	}
}

// FuzzARequestIsReadAsNetHTTPReadsIt holds that what we accept net/http accepts, and reads the same way: line, header, body, and
// where the next request begins.
func FuzzARequestIsReadAsNetHTTPReadsIt(f *testing.F) {
	for _, seed := range []string{
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST /x?y HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.1\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-A\r\n\r\n5;x=y\r\nhello\r\n0\r\nX-A: b\r\n\r\nrest",
		"PUT http://b/c HTTP/1.1\r\nhost: a\r\nx-a: b\r\nX-A: \tc\t\r\nExpect: 100-Continue\r\ncontent-length: 0\r\n\r\n",
		"GET / HTTP/1.0\r\nConnection: keep-alive, Upgrade\r\nUpgrade: x\r\n\r\n",
		"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n",
		"OPTIONS * HTTP/1.1\r\nHost: a\r\nCookie: a=b\r\nCookie: c=d\r\n\r\n",
		"0 * HTTP/1.1\r\nHost:\r\nTrAnsfer-EnCoding:Chunked\r\n\r\n0\r\n0:\r\n\r\n",
		"GET / HTTP/1.1\nHost: a\n\n", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\tb\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		ours, err := parsed(raw)
		if err != nil {
			return
		}
		theirs, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
		if err != nil {
			t.Fatalf("net/http does not accept %q: %v", raw, err)
		}
		ourBody, ourErr := io.ReadAll(ours.Body)
		theirBody, theirErr := io.ReadAll(theirs.Body)
		if ourErr == nil && (theirErr != nil || !bytes.Equal(ourBody, theirBody)) {
			t.Fatalf("body %q, net/http's %q, %v", ourBody, theirBody, theirErr)
		}
		if ours.Method != theirs.Method || ours.RequestURI != theirs.RequestURI || ours.Host != theirs.Host || ours.ContentLength != theirs.ContentLength ||
			ours.URL.String() != theirs.URL.String() || ours.ProtoMinor != theirs.ProtoMinor {
			t.Fatalf("%+v\nnet/http: %+v", ours, theirs)
		}
		sameHeader(t, "header", ours.Header, theirs.Header)
		if ourErr == nil {
			for _, name := range []string{"Host", "Transfer-Encoding", "Content-Length", "Trailer"} {
				delete(theirs.Trailer, name)
			}
			sameHeader(t, "trailer", ours.Trailer, theirs.Trailer)
		}
	})
}

func sameHeader(t *testing.T, what string, ours, theirs http.Header) {
	t.Helper()
	for name, values := range ours {
		if !slices.Equal(values, theirs[name]) {
			t.Fatalf("%s %s is %q, net/http's %q", what, name, values, theirs[name])
		}
	}
	for name, values := range theirs {
		if !slices.Equal(values, ours[name]) {
			t.Fatalf("%s %s is %q, net/http's %q", what, name, ours[name], values)
		}
	}
}
