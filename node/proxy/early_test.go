package proxy

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"strings"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"picket/node/proxy/http1"
)

func TestNothingIsSaidEarlyOnceTheTransportHasGivenUp(t *testing.T) {
	told := 0
	e := &early{to: func(int, http1.Fields) error { told++; return nil }}
	_ = e.inform(http.StatusEarlyHints, textproto.MIMEHeader{"Link": {"</a>"}})
	e.end()
	_ = e.inform(http.StatusEarlyHints, textproto.MIMEHeader{"Link": {"</a>"}})
	e.to = nil // would panic
	_ = e.inform(http.StatusEarlyHints, nil)
	if told != 1 {
		t.Errorf("it was told %d times", told)
	}
}

func TestHintsGoOnWithoutWhatIsOfOneConnection(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</a>")
		w.Header().Set("Keep-Alive", "timeout=1")
		w.Header().Set("Connection", "X-A")
		w.Header().Set("X-A", "1")
		w.Header().Set("Set-Cookie", "picket=1")
		w.WriteHeader(http.StatusEarlyHints)
	}))
	conn := w.dial()
	_, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: open.test\r\n\r\n")
	w.must(err)
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	w.must(err)
	if res.StatusCode != http.StatusEarlyHints || len(res.Header) != 1 || res.Header.Get("Link") == "" {
		t.Errorf("%s %v", res.Status, res.Header)
	}
}

func TestABodyThatCannotBeReadIsTheClientsFault(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	for name, body := range map[string]string{"no chunk": "Z\r\n", "a second that is none": "1\r\na\r\n0x3\r\n", "a bad trailer": "0\r\na b: c\r\n\r\n"} {
		res := w.raw("POST / HTTP/1.1\r\nHost: open.test\r\nTransfer-Encoding: chunked\r\n\r\n" + body)
		if res.StatusCode != http.StatusBadRequest || !res.Close {
			t.Errorf("%s: %s, closes %v", name, res.Status, res.Close)
		}
	}
}

func TestAClientThatLeavesInItsBodyIsNotTheApplicationsFault(t *testing.T) {
	begun := make(chan struct{})
	w := newWorld(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(begun)
		_, _ = io.Copy(io.Discard, r.Body)
	}))
	conn := w.dial()
	_, err := io.WriteString(conn, "POST /left HTTP/1.1\r\nHost: open.test\r\nContent-Length: 5\r\n\r\nx")
	w.must(err)
	<-begun
	w.must(conn.Close())
	w.until("it is logged", func() bool {
		for _, line := range w.log.access(t) {
			if line["path"] == "/left" {
				if line["status"] != float64(statusClientGone) {
					t.Errorf("%v", line)
				}
				return true
			}
		}
		return false
	})
}

func TestPlainHTTPToATLSAddressIsTold(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), secure(t))
	conn, err := net.Dial("tcp", w.address)
	w.must(err)
	defer conn.Close()
	_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: open.test\r\n\r\n")
	w.must(err)
	all, _ := io.ReadAll(conn)
	if !strings.HasPrefix(string(all), "HTTP/1.0 400 ") {
		t.Errorf("%q", all)
	}
}

func TestWhatHTTP1WouldNotLetThroughHTTP2DoesNot(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(mirror), secure(t))
	for name, extra := range map[string][]hpack.HeaderField{
		"a method of three words":    {{Name: ":method", Value: "GET /admin HTTP/1.1"}},
		"an odd method":              {{Name: ":method", Value: "A_B"}},
		"a protocol without CONNECT": {{Name: ":method", Value: "POST"}, {Name: ":protocol", Value: "websocket"}},
		"two lengths":                {{Name: ":method", Value: "POST"}, {Name: "content-length", Value: "5"}, {Name: "content-length", Value: "7"}},
	} {
		var block bytes.Buffer
		encoder := hpack.NewEncoder(&block)
		pseudo := []hpack.HeaderField{extra[0], {Name: ":scheme", Value: "https"}, {Name: ":authority", Value: "open.test"}, {Name: ":path", Value: "/"}}
		for _, field := range append(pseudo, extra[1:]...) {
			w.must(encoder.WriteField(field))
		}
		conn := w.tls("open.test", "h2")
		_, err := io.WriteString(conn, http2.ClientPreface)
		w.must(err)
		frames := http2.NewFramer(conn, conn)
		frames.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
		w.must(frames.WriteSettings())
		w.must(frames.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true}))
		w.must(frames.WriteData(1, true, []byte("hello")))
		for {
			frame, err := frames.ReadFrame()
			w.must(err)
			if answer, ok := frame.(*http2.MetaHeadersFrame); ok {
				t.Errorf("%s: %s", name, answer.PseudoValue("status"))
				break
			}
			if reset, ok := frame.(*http2.RSTStreamFrame); ok {
				if reset.ErrCode != http2.ErrCodeProtocol {
					t.Errorf("%s: %s", name, reset.ErrCode)
				}
				break
			}
		}
	}
}
