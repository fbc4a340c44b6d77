package http1

import (
	"bufio"
	"bytes"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// harmlessly is what becomes of a value that does not fit into its line.
func harmlessly(value string) string {
	b := []byte(value)
	for i, c := range b {
		if c < ' ' && c != '\t' || c == 0x7f {
			b[i] = ' '
		}
	}
	return strings.Trim(string(b), " \t")
}

// FuzzWhatIsAskedIsReadAsItWasMeant holds that a question is refused, or read by net/http as what it says: one request, its
// method, target and host, and of fields those that it has.
func FuzzWhatIsAskedIsReadAsItWasMeant(f *testing.F) {
	f.Add("GET", "/a", "b=c", "a.test", "X-A", "1", "X-B", "2")
	f.Add("POST", "/ HTTP/1.1\r\nX: y", "", "a\r\nX: y", "X-A", "1\r\nX-Forged: 1", "X: y\r\nX", "2")
	f.Add("GET /x HTTP/1.1\r\n\r\nGET", "/%zz", "a#b", "[::1]:80", "Host", "b", "content-Length", "5")
	f.Add("DELETE", "/a b", "\x00", "", "transfer-encoding", "chunked", "Trailer", "Host")
	f.Add("GET", "/a", "", "a.test", "X-A", "1\r\nX-Forged: 1", "X-B", "\r\n\r\nGET /2 HTTP/1.1\r\nHost: a")
	f.Add("GET", "/a", "", "a.test", "X-A: 1\r\nX-Forged", "1", "X-B", "2\nX-Forged: 1")
	f.Add("PUT", "//a", "?", "a", "", "x", " X", "\n\n")
	f.Fuzz(func(t *testing.T, method, path, query, host, name, value, given, told string) {
		q := &Question{Method: method, Path: path, Query: query, Host: host, Fields: Fields{{Name: name, Value: value}}, Given: Fields{NewField(given, told)}}
		raw, err := q.appendHead(nil)
		if err != nil {
			return
		}
		if path[0] != '/' { // the door asks for nothing else
			return
		}
		if bytes.Count(raw, []byte("\n")) != bytes.Count(raw, []byte("\r\n")) || bytes.Count(raw, []byte("\r\n\r\n")) != 1 || !bytes.HasSuffix(raw, []byte("\r\n\r\n")) {
			t.Fatalf("%q", raw)
		}
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
		if err != nil {
			return // an application refuses it: it is not read as something else
		}
		target := path
		if query != "" {
			target += "?" + query
		}
		if r.Method != method || r.RequestURI != target || r.Host != host {
			t.Fatalf("%q is read as %s %s of %s", raw, r.Method, r.RequestURI, r.Host)
		}
		if r.ContentLength != 0 || len(r.TransferEncoding) > 0 {
			t.Fatalf("%q has a body", raw)
		}
		onlyThese(t, r.Header, Fields{{Name: name, Value: value}, {Name: given, Value: told}, {Name: "Content-Length", Value: "0"}})
	})
}

// FuzzAResponseIsReadAsItWasMeant holds the same of what goes to a client.
func FuzzAResponseIsReadAsItWasMeant(f *testing.F) {
	f.Add(200, int64(3), "X-A", "1", "Set-Cookie", "a=b")
	f.Add(404, int64(-1), "X: y\r\nX", "1\r\n\r\nHTTP/1.1 200 OK", "Connection", "close")
	f.Add(200, int64(0), "X-A", "1\r\nX-Forged: 1", "X-B", "\r\n\r\nHTTP/1.1 200 OK")
	f.Add(200, int64(0), "X-A", "1\nX-Forged: 1", "X-B: 1\r\nX-Forged", "1")
	f.Add(204, int64(5), "Transfer-Encoding", "gzip", "content-length", "7")
	f.Fuzz(func(t *testing.T, status int, length int64, name, value, other, more string) {
		if status < 200 || status > 999 || length < -1 {
			return
		}
		c := &conn{server: &Server{}}
		c.out = output{buffers: &c.server.buffers}
		w := &response{conn: c, life: &Life{}, minor: 1, asked: "GET"}
		w.Begin(Reply{Status: status, Length: length, Fields: Fields{{Name: name, Value: value}, {Name: other, Value: more}}})
		raw := c.out.buf
		if bytes.Count(raw, []byte("\n")) != bytes.Count(raw, []byte("\r\n")) || bytes.Count(raw, []byte("\r\n\r\n")) != 1 || !bytes.HasSuffix(raw, []byte("\r\n\r\n")) {
			t.Fatalf("%q", raw)
		}
		res, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(raw)), nil)
		if err != nil {
			return // a client refuses it: it is not read as something else
		}
		chunked := len(res.TransferEncoding) > 0
		if res.StatusCode != status || chunked != (w.chunked && !w.noBody) || !chunked && !w.noBody && res.ContentLength != length {
			t.Fatalf("%q is read as %d, of %d bytes, chunked %v", raw, res.StatusCode, res.ContentLength, chunked)
		}
		onlyThese(t, res.Header, Fields{{Name: name, Value: value}, {Name: other, Value: more}, {Name: "Date", Value: res.Header.Get("Date")}, {Name: "Content-Length", Value: res.Header.Get("Content-Length")}})
	})
}

// onlyThese fails when a header has a value that is of none of these fields.
func onlyThese(t *testing.T, h http.Header, fields Fields) {
	t.Helper()
	for name, values := range h {
		for _, value := range values {
			if !slices.ContainsFunc(fields, func(f Field) bool {
				return http.CanonicalHeaderKey(f.Name) == name && harmlessly(f.Value) == value
			}) {
				t.Fatalf("%s: %q comes from nowhere", name, value)
			}
		}
	}
}
