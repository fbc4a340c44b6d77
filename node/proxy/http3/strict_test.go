package http3

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/quic-go/http3/qlog"

	"picket/node/proxy/http1"
)

// outcome is what became of a request that was sent by frames: how the stream was reset, or what was answered.
func (w *world) outcome(s *quic.Stream) string {
	w.t.Helper()
	w.must(s.SetReadDeadline(time.Now().Add(time.Minute)))
	all, err := io.ReadAll(s)
	if reset := new(quic.StreamError); errors.As(err, &reset) {
		return http3.ErrCode(reset.ErrorCode).String()
	}
	w.must(err)
	for status, sent := range map[string][]byte{"418": status418, "421": status421} {
		if bytes.Contains(all, sent) {
			return status
		}
	}
	return string(all)
}

// heard are the requests that a handler was given.
type heard struct {
	mu  sync.Mutex
	all []*http.Request // guarded by mu
}

func (h *heard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	h.all = append(h.all, r)
	h.mu.Unlock()
	w.WriteHeader(http.StatusTeapot)
}

// take gives them, and forgets them.
func (h *heard) take() []*http.Request {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := h.all
	h.all = nil
	return all
}

func TestWhatIsMalformedIsNotServed(t *testing.T) {
	served := &heard{}
	w := newWorld(t, Options{Handler: served})
	by, conn := w.client()
	plain := []string{":method", "GET", ":scheme", "https", ":authority", "a", ":path", "/"}
	with := func(more ...string) []string { return append(plain[:len(plain):len(plain)], more...) }
	for what, fields := range map[string][]string{
		"no method":                      {":scheme", "https", ":authority", "a", ":path", "/"},
		"no scheme":                      {":method", "GET", ":authority", "a", ":path", "/"},
		"an empty scheme":                {":method", "GET", ":scheme", "", ":authority", "a", ":path", "/"},
		"another scheme":                 {":method", "GET", ":scheme", "ftp", ":authority", "a", ":path", "/"},
		"a scheme in capitals":           {":method", "GET", ":scheme", "HTTPS", ":authority", "a", ":path", "/"},
		"a scheme and more":              {":method", "GET", ":scheme", "https://b/?", ":authority", "a", ":path", "/"},
		"no path":                        {":method", "GET", ":scheme", "https", ":authority", "a"},
		"an empty path":                  {":method", "GET", ":scheme", "https", ":authority", "a", ":path", ""},
		"a path that is a whole address": {":method", "GET", ":scheme", "https", ":authority", "a", ":path", "https://b/"},
		"a path that is no path":         {":method", "GET", ":scheme", "https", ":authority", "a", ":path", "a"},
		"a path with a blank":            {":method", "GET", ":scheme", "https", ":authority", "a", ":path", "/ HTTP/1.1"},
		"a path with a line":             {":method", "GET", ":scheme", "https", ":authority", "a", ":path", "/\r\nx: y"},
		"a path with a letter beyond":    {":method", "GET", ":scheme", "https", ":authority", "a", ":path", "/é"},
		"a star that is no OPTIONS":      {":method", "GET", ":scheme", "https", ":authority", "a", ":path", "*"},
		"a method of three words":        {":method", "GET / HTTP/1.1", ":scheme", "https", ":authority", "a", ":path", "/"},
		"an odd method":                  {":method", "A_B", ":scheme", "https", ":authority", "a", ":path", "/"},
		"an empty method":                {":method", "", ":scheme", "https", ":authority", "a", ":path", "/"},
		"an empty host":                  {":method", "GET", ":scheme", "https", ":authority", "", ":path", "/"},
		"an empty host, and one beside":  {":method", "GET", ":scheme", "https", ":authority", "", ":path", "/", "host", "a"},
		"a host with a line":             {":method", "GET", ":scheme", "https", ":authority", "a\r\nb", ":path", "/"},
		"a host with a blank":            {":method", "GET", ":scheme", "https", ":authority", "a b", ":path", "/"},
		"a user in the host":             {":method", "GET", ":scheme", "https", ":authority", "b@a", ":path", "/"},
		"a blank host beside":            {":method", "GET", ":scheme", "https", ":path", "/", "host", "a b"},
		"a host that is empty":           {":method", "GET", ":scheme", "https", ":path", "/", "host", ""},
		"no host":                        {":method", "GET", ":scheme", "https", ":path", "/"},
		"a pseudo field twice":           with(":path", "/b"),
		"the same method twice":          with(":method", "GET"),
		"the same scheme twice":          with(":scheme", "https"),
		"a pseudo field of a response":   with(":status", "200"),
		"an unknown pseudo field":        with(":version", "1"),
		"a pseudo field that comes late": {":method", "GET", ":scheme", "https", "x", "y", ":authority", "a", ":path", "/"},
		"a protocol without CONNECT":     with(":protocol", "websocket"),
		"an empty one without CONNECT":   with(":protocol", ""),
		"a CONNECT with a path":          {":method", "CONNECT", ":authority", "a:1", ":path", "/"},
		"a CONNECT with a scheme":        {":method", "CONNECT", ":authority", "a:1", ":scheme", "https"},
		"a CONNECT to nowhere":           {":method", "CONNECT"},
		"a CONNECT with a host alone":    {":method", "CONNECT", "host", "a:1"},
		"a CONNECT with a length":        {":method", "CONNECT", ":authority", "a:1", "content-length", "1"},
		"an extended CONNECT, half":      {":method", "CONNECT", ":protocol", "websocket", ":authority", "a"},
		"an extended CONNECT, nameless":  {":method", "CONNECT", ":protocol", "", ":scheme", "https", ":authority", "a", ":path", "/"},
		"an extended CONNECT, nowhere":   {":method", "CONNECT", ":protocol", "websocket", ":scheme", "https", ":path", "/", "host", "a"},
		"an extended CONNECT elsewhere":  {":method", "CONNECT", ":protocol", "websocket", ":scheme", "wss", ":authority", "a", ":path", "/"},
		"another host":                   with("host", "b"),
		"a host in another spelling":     with("host", "A"),
		"two hosts":                      with("host", "a", "host", "a"),
		"upper case":                     with("X-A", "b"),
		"a name with a blank":            with("x a", "b"),
		"a name with a colon":            with("x:a", "b"),
		"no name":                        with("", "b"),
		"a value with a line":            with("x", "a\r\nb: c"),
		"a value with a lone CR":         with("x", "a\rb"),
		"a value with NUL":               with("x", "a\x00b"),
		"a value with DEL":               with("x", "a\x7fb"),
		"a value that begins blank":      with("x", " a"),
		"a value that ends blank":        with("x", "a\t"),
		"connection":                     with("connection", "close"),
		"keep-alive":                     with("keep-alive", "1"),
		"proxy-connection":               with("proxy-connection", "close"),
		"transfer-encoding":              with("transfer-encoding", "chunked"),
		"upgrade":                        with("upgrade", "websocket"),
		"te that is not trailers":        with("te", "gzip"),
		"two lengths":                    with("content-length", "0", "content-length", "0"),
		"a length that is none":          with("content-length", "+1"),
		"an empty length":                with("content-length", ""),
		"an empty length and one":        with("content-length", "", "content-length", "5"),
		"a length that is a list":        with("content-length", "5, 5"),
		"a length below zero":            with("content-length", "-0"),
		"a length beyond all":            with("content-length", "18446744073709551616"),
		"a length in a fraction":         with("content-length", "0x5"),
	} {
		s := w.stream(conn, frame(headers, section(fields...)))
		_ = s.Close() // it may be told to stop
		if got := w.outcome(s); got != http3.ErrCodeMessageError.String() {
			t.Errorf("%s: %s", what, got)
		}
		for _, r := range served.take() {
			t.Errorf("%s: %s %s %s %v was served", what, r.Method, r.Host, r.RequestURI, r.Header)
		}
	}
	if w.get(by) != http.StatusTeapot {
		t.Error("the client was cut off")
	}
	served.take()
	s := w.stream(conn, frame(headers, section(with("te", "trailers", "host", "a", "x_y", "", "cookie", "a=1", "x", "é", "cookie", "b=2", "content-length", "0")...)))
	_ = s.Close() // it may be told to stop
	if got := w.outcome(s); got != "418" {
		t.Errorf("what is well formed: %s", got)
	}
	for _, r := range served.take() {
		if got := strings.Join(r.Header["Cookie"], "|"); got != "a=1; b=2" || r.Host != "a" || r.RequestURI != "/" {
			t.Errorf("%s %s %s", got, r.Host, r.RequestURI)
		}
	}
}

func TestWhatIsForHTTPIsMisdirected(t *testing.T) {
	served, refused := &heard{}, make(chan *http1.Malformed, 1)
	w := newWorld(t, Options{Handler: served, Refused: func(_ string, m *http1.Malformed) { refused <- m }})
	_, conn := w.client()
	s := w.stream(conn, frame(headers, section(":method", "GET", ":scheme", "http", ":authority", "a", ":path", "/")))
	_ = s.Close() // it may be told to stop
	if got := w.outcome(s); got != "421" {
		t.Error(got)
	}
	if m := <-refused; m.Status != http.StatusMisdirectedRequest || len(served.take()) > 0 {
		t.Errorf("refused: %v", m)
	}
}

func TestAClientWhoseRequestsAreMalformedIsCutOff(t *testing.T) {
	for what, fields := range map[string][]string{
		"for us":              {":method", "GET", ":scheme", "ftp", ":authority", "a", ":path", "/"},
		"for quic-go as well": {":method", "GET", ":scheme", "ftp", ":authority", "", ":path", "/"},
	} {
		t.Run(what, func(t *testing.T) {
			w := newWorld(t, Options{})
			_, conn := w.client()
			w.forgivesNothing()
			for conn.Context().Err() == nil {
				s, err := conn.OpenStreamSync(w.ctx)
				if err != nil {
					break
				}
				_, _ = s.Write(frame(headers, section(fields...)))
				_ = s.Close()
				if _, err := io.ReadAll(s); err == nil {
					t.Fatal("it is answered")
				}
			}
			if got := w.ends(conn); got != http3.ErrCodeExcessiveLoad {
				t.Errorf("the connection ended with %s", got)
			}
		})
	}
}

func TestWhatStandsBehindABodyIsNoRequest(t *testing.T) {
	var f fields
	f.RecordEvent(qlog.FrameParsed{StreamID: 4, Frame: qlog.Frame{Frame: qlog.HeadersFrame{HeaderFields: []qlog.HeaderField{{Name: "x-sum", Value: "1 "}}}}})
	if m := f.of(4); m != nil {
		t.Errorf("it is refused: %s", m.Reason)
	}
}
