package http1

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"testing"
	"time"
)

// FuzzAnAnswerIsReadAsNetHTTPReadsIt holds that an answer that we accept net/http accepts, and reads the same way.
func FuzzAnAnswerIsReadAsNetHTTPReadsIt(f *testing.F) {
	for _, seed := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-A\r\n\r\n3\r\nabc\r\n0\r\nX-A: b\r\n\r\n",
		"HTTP/1.0 200\nX-A: b\nx-a:  c \n\nabc",
		"HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\nConnection: close\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
		"HTTP/1.1 204\nTrAnsfer-EnCoding:\n\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n 0\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		asked := &http.Request{Method: "GET"}
		u := &upstream{transport: &Transport{HeaderBytes: 64 << 10}}
		u.input = newInput(&canned{Reader: bytes.NewReader(raw)}, &u.transport.buffers)
		u.bounds = u.transport.clock.add(u.input.conn, u.input.writer(), time.Second)
		defer u.bounds.drop()
		answer, framed, err := u.readHead(&Question{Method: "GET"})
		if err != nil || answer.Status < 200 {
			return
		}
		readRightly(t, answer.Fields)
		minor := int(raw[7] - '0')
		ours := u.open(answer, framed).http(asked)
		theirs, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(raw)), asked)
		if err != nil {
			t.Fatalf("net/http does not accept %q: %v", raw, err)
		}
		ourBody, ourErr := io.ReadAll(ours.Body)
		theirBody, theirErr := io.ReadAll(theirs.Body)
		if ourErr == nil && (theirErr != nil || !bytes.Equal(ourBody, theirBody)) {
			t.Fatalf("body %q, net/http's %q, %v", ourBody, theirBody, theirErr)
		}
		if ours.StatusCode != theirs.StatusCode || ours.ContentLength != theirs.ContentLength || minor != theirs.ProtoMinor {
			t.Fatalf("%+v\nnet/http: %+v", ours, theirs)
		}
		for _, name := range []string{"Content-Length", "Connection"} { // read already, and not for others
			delete(theirs.Header, name)
			delete(ours.Header, name)
		}
		sameHeader(t, "header", ours.Header, theirs.Header)
	})
}
