package http2

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/http2"

	"picket/node/proxy/http1"
)

// outcome is what became of one request: its status, or the code that its stream was reset with.
func (p *peer) outcome(stream uint32) string {
	p.w.t.Helper()
	f, err := p.hears(func(f http2.Frame) bool {
		if f.Header().StreamID != stream && f.Header().Type != http2.FrameGoAway {
			return false
		}
		switch f.(type) {
		case *http2.MetaHeadersFrame, *http2.RSTStreamFrame, *http2.GoAwayFrame:
			return true
		}
		return false
	})
	if err != nil {
		p.w.t.Fatal(err)
	}
	switch f := f.(type) {
	case *http2.MetaHeadersFrame:
		return f.PseudoValue("status")
	case *http2.RSTStreamFrame:
		return f.ErrCode.String()
	}
	return "GOAWAY " + f.(*http2.GoAwayFrame).ErrCode.String()
}

// ask sends a request without a body.
func (p *peer) ask(stream uint32, fields ...string) {
	p.w.must(p.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: p.header(fields...), EndHeaders: true, EndStream: true}))
}

func TestWhatIsMalformedIsNotServed(t *testing.T) {
	served := make(chan *http1.Request, 1)
	w := newWorld(t, false, nil, func(o *Options) {
		o.Handler = func(r *http1.Request, c http1.Client) {
			r.Life.Keep() // for the test
			served <- r
			c.Begin(http1.Reply{Status: 200})
			_ = c.Finish(nil)
		}
	})
	plain := []string{":method", "GET", ":scheme", "https", ":authority", "a", ":path", "/"}
	with := func(more ...string) []string { return append(plain[:len(plain):len(plain)], more...) }
	p, stream := w.peer(), uint32(1)
	for what, fields := range map[string][]string{
		"no method":                      {":scheme", "https", ":authority", "a", ":path", "/"},
		"no scheme":                      {":method", "GET", ":authority", "a", ":path", "/"},
		"another scheme":                 {":method", "GET", ":scheme", "ftp", ":authority", "a", ":path", "/"},
		"no path":                        {":method", "GET", ":scheme", "https", ":authority", "a"},
		"an empty path":                  {":method", "GET", ":scheme", "https", ":authority", "a", ":path", ""},
		"a path that is a whole address": {":method", "GET", ":scheme", "https", ":authority", "a", ":path", "https://b/"},
		"a path that is no path":         {":method", "GET", ":scheme", "https", ":authority", "a", ":path", "a"},
		"a path with a blank":            {":method", "GET", ":scheme", "https", ":authority", "a", ":path", "/ HTTP/1.1"},
		"a path with a line":             {":method", "GET", ":scheme", "https", ":authority", "a", ":path", "/\r\nx: y"},
		"a star that is no OPTIONS":      {":method", "GET", ":scheme", "https", ":authority", "a", ":path", "*"},
		"a method of three words":        {":method", "GET / HTTP/1.1", ":scheme", "https", ":authority", "a", ":path", "/"},
		"an odd method":                  {":method", "A_B", ":scheme", "https", ":authority", "a", ":path", "/"},
		"an empty method":                {":method", "", ":scheme", "https", ":authority", "a", ":path", "/"},
		"an empty host":                  {":method", "GET", ":scheme", "https", ":authority", "", ":path", "/"},
		"a host with a line":             {":method", "GET", ":scheme", "https", ":authority", "a\r\nb", ":path", "/"},
		"a pseudo field twice":           with(":path", "/b"),
		"a pseudo field of a response":   with(":status", "200"),
		"an unknown pseudo field":        with(":version", "1"),
		"a pseudo field that comes late": {":method", "GET", ":scheme", "https", "x", "y", ":authority", "a", ":path", "/"},
		"a protocol without CONNECT":     with(":protocol", "websocket"),
		"a CONNECT with a path":          {":method", "CONNECT", ":authority", "a:1", ":path", "/"},
		"a CONNECT with a scheme":        {":method", "CONNECT", ":authority", "a:1", ":scheme", "https"},
		"a CONNECT to nowhere":           {":method", "CONNECT"},
		"an extended CONNECT, half":      {":method", "CONNECT", ":protocol", "websocket", ":authority", "a"},
		"an extended CONNECT, nameless":  {":method", "CONNECT", ":protocol", "", ":scheme", "https", ":authority", "a", ":path", "/"},
		"a host with a blank":            {":method", "GET", ":scheme", "https", ":path", "/", "host", "a b"},
		"a host that is empty":           {":method", "GET", ":scheme", "https", ":path", "/", "host", ""},
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
		"a length without a body":        with("content-length", "1"),
	} {
		p.ask(stream, fields...)
		if got := p.outcome(stream); got != "PROTOCOL_ERROR" {
			t.Errorf("%s: %s", what, got)
		}
		stream += 2
	}
	select {
	case r := <-served:
		t.Errorf("%+v was served", r.Head)
	default:
	}
	p.ask(stream, with("te", "trailers", "host", "a", "x_y", "", "cookie", "a=1", "x", "é", "cookie", "b=2")...)
	if got := p.outcome(stream); got != "200" {
		t.Errorf("what is well formed: %s", got)
	}
	want := "[{te trailers} {x_y } {cookie a=1; b=2} {x é}]"
	if r := <-served; bare(r.Fields) != want || r.Host != "a" || r.Target != "/" {
		t.Errorf("%s %s %s", bare(r.Fields), r.Host, r.Target)
	}
}

// bare are fields as a test sees them.
func bare(fields http1.Fields) string {
	var all []string
	for _, f := range fields {
		all = append(all, "{"+f.Name+" "+f.Value+"}")
	}
	return "[" + strings.Join(all, " ") + "]"
}

func TestABodyIsAsLongAsWasSaid(t *testing.T) {
	w := newWorld(t, false, func(w http.ResponseWriter, r *http.Request) {
		if n, err := io.Copy(io.Discard, r.Body); err == nil {
			t.Errorf("a body of %d bytes is whole", n)
		}
	})
	for what, send := range map[string]func(p *peer){
		"longer":             func(p *peer) { p.w.must(p.WriteData(1, false, []byte("123456"))) },
		"shorter":            func(p *peer) { p.w.must(p.WriteData(1, true, []byte("1234"))) },
		"shorter, in pieces": func(p *peer) { p.w.must(p.WriteData(1, false, []byte("1"))); p.w.must(p.WriteData(1, true, nil)) },
		"shorter, with trailers": func(p *peer) {
			p.w.must(p.WriteData(1, false, []byte("1")))
			p.w.must(p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: p.header("a", "b"), EndHeaders: true, EndStream: true}))
		},
		"a trailer with a pseudo field": func(p *peer) {
			p.w.must(p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: p.header(":path", "/b"), EndHeaders: true, EndStream: true}))
		},
		"a trailer that is no end": func(p *peer) {
			p.w.must(p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: p.header("a", "b"), EndHeaders: true}))
		},
	} {
		p := w.peer()
		block := p.header(":method", "POST", ":scheme", "https", ":authority", "a", ":path", "/", "content-length", "5")
		w.must(p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block, EndHeaders: true}))
		send(p)
		if got := p.outcome(1); got != "PROTOCOL_ERROR" {
			t.Errorf("%s: %s", what, got)
		}
	}
}

// TestTheLastByteIsReadWhenNothingFollows: before, who passes the body on would pass on a request that may turn out to be none.
func TestTheLastByteIsReadWhenNothingFollows(t *testing.T) {
	read := make(chan string, 1)
	w := newWorld(t, false, nil, func(o *Options) {
		o.Handler = func(r *http1.Request, _ http1.Client) {
			all, err := io.ReadAll(r.Body)
			var m *http1.Malformed
			read <- fmt.Sprintf("%s %v %t", all, err, errors.As(err, &m) && m.Status == 400)
		}
	})
	end := func(p *peer) { p.w.must(p.WriteData(1, true, nil)) }
	for what, c := range map[string]struct {
		then func(p *peer)
		want string
	}{
		"nothing follows": {end, "12345 <nil> false"},
		"trailers follow": {func(p *peer) {
			p.w.must(p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: p.header("a", "b"), EndHeaders: true, EndStream: true}))
		}, "12345 <nil> false"},
		"more follows": {func(p *peer) { p.w.must(p.WriteData(1, true, []byte("6"))) }, "1234 the body is not as long as was said true"},
		"a trailer that is malformed follows": {func(p *peer) {
			p.w.must(p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: p.header("A", "b"), EndHeaders: true, EndStream: true}))
		}, "1234 the trailer is malformed true"},
	} {
		p := w.peer()
		p.uploads(1, "/", "content-length", "5")
		w.must(p.WriteData(1, false, []byte("12345")))
		w.until("all but the last is read", func() bool { return w.unread() == 1 })
		c.then(p)
		if got := <-read; got != c.want {
			t.Errorf("%s: %s", what, got)
		}
		_ = p.conn.Close()
		w.until("the connection is closed", func() bool { return w.server.Conns() == 0 })
	}
}

// unread is how much of a body is held on stream 1 of the only connection; -1: there is none.
func (w *world) unread() int {
	w.server.mu.Lock()
	defer w.server.mu.Unlock()
	for c := range w.server.conns {
		c.mu.Lock()
		defer c.mu.Unlock()
		if s := c.streams[1]; s != nil && s.received > 0 {
			return s.body.held
		}
	}
	return -1
}

func TestAHeaderThatIsTooLongIsRefusedAndTheNextIsServed(t *testing.T) {
	w := newWorld(t, false, ok)
	p := w.peer()
	long := strings.Repeat("x", 1000)
	var fields []string
	for i := range 70 {
		fields = append(fields, fmt.Sprint("x-", i), long)
	}
	block := p.header(append([]string{":method", "GET", ":scheme", "https", ":authority", "a", ":path", "/"}, fields...)...)
	w.must(p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block[:10000], EndStream: true}))
	for block = block[10000:]; len(block) > 10000; block = block[10000:] {
		w.must(p.WriteContinuation(1, false, block[:10000]))
	}
	w.must(p.WriteContinuation(1, true, block))
	if got := p.outcome(1); got != "431" {
		t.Errorf("the long one: %s", got)
	}
	p.ask(3, ":method", "GET", ":scheme", "https", ":authority", "a", ":path", "/", "x-69", long) // what HPACK knows by now
	if got := p.outcome(3); got != "200" {
		t.Errorf("the next: %s", got)
	}
}

func TestMoreStreamsThanMayBeAreRefused(t *testing.T) {
	w := newWorld(t, false, waits, func(o *Options) { o.Streams = 3 })
	p := w.peer()
	for stream := uint32(1); stream <= 7; stream += 2 {
		p.ask(stream, ":method", "GET", ":scheme", "https", ":authority", "a", ":path", "/")
	}
	if got := p.outcome(7); got != "REFUSED_STREAM" {
		t.Errorf("the fourth: %s", got)
	}
}

func TestHandlersOfStreamsThatAreResetCount(t *testing.T) {
	release := make(chan struct{})
	w := newWorld(t, false, func(http.ResponseWriter, *http.Request) { <-release }, func(o *Options) { o.Streams = 3 })
	defer close(release)
	p := w.peer()
	for stream := uint32(1); stream <= 13; stream += 2 {
		p.ask(stream, ":method", "GET", ":scheme", "https", ":authority", "a", ":path", "/")
		if stream < 13 {
			w.must(p.WriteRSTStream(stream, http2.ErrCodeCancel))
		}
	}
	if got := p.outcome(13); got != "REFUSED_STREAM" {
		t.Errorf("the seventh: %s", got)
	}
}

func TestFramesThatHaveNoPlaceEndTheConnection(t *testing.T) {
	for what, c := range map[string]struct {
		send func(p *peer) error
		want string
	}{
		"a stream of ours": {func(p *peer) error {
			return p.WriteHeaders(http2.HeadersFrameParam{StreamID: 2, BlockFragment: p.asks(), EndHeaders: true})
		}, "PROTOCOL_ERROR"},
		"data of no stream":     {func(p *peer) error { return p.WriteData(9, true, []byte("x")) }, "PROTOCOL_ERROR"},
		"a reset of no stream":  {func(p *peer) error { return p.WriteRSTStream(9, http2.ErrCodeCancel) }, "PROTOCOL_ERROR"},
		"a window of no stream": {func(p *peer) error { return p.WriteWindowUpdate(9, 1) }, "PROTOCOL_ERROR"},
		"a promise": {func(p *peer) error {
			return p.WriteRawFrame(http2.FramePushPromise, http2.FlagPushPromiseEndHeaders, 1, []byte{0, 0, 0, 2})
		}, "PROTOCOL_ERROR"},
		"a window that is too wide": {func(p *peer) error { return p.WriteWindowUpdate(0, 1<<31-1) }, "FLOW_CONTROL_ERROR"},
		"a setting that cannot be": {func(p *peer) error {
			return p.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 31})
		}, "FLOW_CONTROL_ERROR"},
		"a frame that is too long": {func(p *peer) error { return p.WriteRawFrame(http2.FrameData, 0, 1, make([]byte, frameBytes+1)) }, "FRAME_SIZE_ERROR"},
		"what HPACK does not know": {func(p *peer) error {
			return p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0xff, 0xff}, EndHeaders: true})
		}, "COMPRESSION_ERROR"},
		"padding that hides a header": {func(p *peer) error {
			return p.WriteRawFrame(http2.FrameHeaders, http2.FlagHeadersPadded|http2.FlagHeadersEndHeaders, 1, []byte{9, 0x82})
		}, "PROTOCOL_ERROR"},
	} {
		t.Run(what, func(t *testing.T) {
			w := newWorld(t, false, ok)
			p := w.peer()
			p.AllowIllegalWrites = true
			w.must(c.send(p))
			f, err := p.hears(func(f http2.Frame) bool { _, away := f.(*http2.GoAwayFrame); return away })
			w.must(err)
			if got := f.(*http2.GoAwayFrame).ErrCode.String(); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
			if _, err := p.ReadFrame(); err != io.EOF {
				t.Errorf("after GOAWAY: %v", err)
			}
		})
	}
}

// TestATableThatTheClientMadeSmallerIsGivenUp: a client that says so must not take a block for whole that does not (RFC 9113, section
// 4.3.1). One that says nothing hears nothing of it.
func TestATableThatTheClientMadeSmallerIsGivenUp(t *testing.T) {
	const update = 0x20 // of the size, to none
	w := newWorld(t, false, ok)
	begins := func(p *peer, stream uint32) byte {
		p.ReadMetaHeaders = nil
		p.ask(stream, ":method", "GET", ":scheme", "https", ":authority", "a", ":path", "/")
		f, err := p.hears(func(f http2.Frame) bool { _, head := f.(*http2.HeadersFrame); return head })
		w.must(err)
		return f.(*http2.HeadersFrame).HeaderBlockFragment()[0]
	}
	p := w.peer()
	if got := begins(p, 1); got == update {
		t.Error("nobody had asked for it")
	}
	w.must(p.WriteSettings(http2.Setting{ID: http2.SettingHeaderTableSize, Val: 0}))
	if got := begins(p, 3); got != update {
		t.Errorf("the next begins with %#x", got)
	}
	if got := begins(p, 5); got == update {
		t.Error("it is said twice")
	}
	if got := begins(w.peer(http2.Setting{ID: http2.SettingHeaderTableSize, Val: 100}), 1); got != update {
		t.Errorf("the first of another begins with %#x", got)
	}
}

func TestAHeaderOfTooManyFieldsIsRefused(t *testing.T) {
	w := newWorld(t, false, ok, func(o *Options) { o.Fields = 3 })
	p := w.peer()
	plain := []string{":method", "GET", ":scheme", "https", ":authority", "a", ":path", "/", "a", "b", "a", "b", "a", "b", "cookie", "a=1", "cookie", "b=2"}
	p.ask(1, plain...)
	if got := p.outcome(1); got != "200" {
		t.Errorf("three: %s", got)
	}
	p.ask(3, append(plain, "a", "b")...)
	if got := p.outcome(3); got != "431" {
		t.Errorf("four: %s", got)
	}
}

// TestWhatIsForHTTPIsMisdirectedOverTLS (RFC 9110, section 7.4), where nobody stands between who could have changed one into the other.
// Without TLS somebody may, and both are taken.
func TestWhatIsForHTTPIsMisdirectedOverTLS(t *testing.T) {
	refused := make(chan int, 2)
	w := newWorld(t, true, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }, func(o *Options) {
		o.Refused = func(_ string, m *http1.Malformed) { refused <- m.Status }
	})
	conn, err := tls.Dial("tcp", w.address, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	w.must(err)
	defer conn.Close()
	p := w.framed(conn).greets()
	p.ask(1, ":method", "GET", ":scheme", "http", ":authority", "a", ":path", "/")
	if got := p.outcome(1); got != "421" || <-refused != 421 {
		t.Errorf("for http: %s", got)
	}
	p.ask(3, ":method", "GET", ":scheme", "https", ":authority", "a", ":path", "/")
	if got := p.outcome(3); got != "418" {
		t.Errorf("for https: %s", got)
	}
	p.ask(5, ":method", "CONNECT", ":protocol", "websocket", ":scheme", "http", ":authority", "a", ":path", "/")
	if got := p.outcome(5); got != "421" {
		t.Errorf("a WebSocket for http: %s", got)
	}
	p.ask(7, ":method", "CONNECT", ":authority", "a:1")
	if got := p.outcome(7); got != "418" {
		t.Errorf("a tunnel, which has no scheme: %s", got)
	}
}

func TestWithoutTLSASchemeSaysNothing(t *testing.T) {
	w := newWorld(t, false, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	p := w.peer()
	for i, scheme := range []string{"http", "https"} {
		stream := uint32(2*i + 1)
		p.ask(stream, ":method", "GET", ":scheme", scheme, ":authority", "a", ":path", "/")
		if got := p.outcome(stream); got != "418" {
			t.Errorf("for %s: %s", scheme, got)
		}
	}
}
