package proxy

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"picket/node/authn"
	"picket/node/config"
)

// HTTP/2 carries what would break out of a line of HTTP/1.1, and framing that does not fit its own (RFC 9113, sections 8.2.1 and
// 8.3, and 10.3). What is sent on as HTTP/1.1 has none of it.

// framed sends one request by frames. outcome is its status, or how the door ended it.
func (w *world) framed(fields []string, data string) (outcome string) {
	w.t.Helper()
	conn := w.tls("open.test", "h2")
	defer conn.Close()
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for i := 0; i < len(fields); i += 2 {
		w.must(encoder.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]}))
	}
	w.must(second(io.WriteString(conn, http2.ClientPreface)))
	frames := http2.NewFramer(conn, conn)
	frames.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	w.must(frames.WriteSettings())
	w.must(frames.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: data == ""}))
	if data != "" {
		_ = frames.WriteData(1, true, []byte(data)) // the stream may be gone
	}
	for {
		frame, err := frames.ReadFrame()
		var wrong http2.StreamError
		switch {
		case errors.As(err, &wrong):
			continue
		case err != nil:
			return "closed"
		}
		switch f := frame.(type) {
		case *http2.MetaHeadersFrame:
			return f.PseudoValue("status")
		case *http2.RSTStreamFrame:
			return "reset"
		case *http2.GoAwayFrame:
			return "away"
		}
	}
}

func TestNothingBreaksOutOfHTTP2(t *testing.T) {
	one := certificate(t, "open.test", "wiki.test", "data.test")
	seen, raw := &seenBy{}, newTaker(t)
	w := newWorld(t, seen, func(c *config.Config) {
		c.Listeners[0].Certificates = []config.Certificate{one}
		r := c.Routes[1]
		r.Name, r.From, r.To = "raw", origin("data.test"), []string{"http://" + raw.Addr().String()}
		c.Routes = append(c.Routes, r)
	})
	base := func(host string, more ...string) []string {
		return append([]string{":method", "POST", ":scheme", "https", ":authority", host, ":path", "/seen"}, more...)
	}
	with := func(name, value string) func(string) []string { // in place of what is good
		return func(host string) []string {
			fields := base(host)
			for i := 0; i < len(fields); i += 2 {
				if fields[i] == name {
					fields[i+1] = strings.ReplaceAll(value, "open.test", host)
				}
			}
			return fields
		}
	}
	beside := func(more ...string) func(string) []string {
		return func(host string) []string { return base(host, more...) }
	}
	injected := " HTTP/1.1\r\nHost: open.test\r\n\r\nGET /hidden"
	for name, c := range map[string]struct {
		fields func(host string) []string
		data   string
	}{
		"H2.CL, too short by some":   {beside("content-length", "5"), "hello" + hidden},
		"H2.CL of no number":         {beside("content-length", "+5"), "hello"},
		"H2.CL with zeros":           {beside("content-length", "005"), "hello"},
		"H2.CL twice":                {beside("content-length", "5", "content-length", "0"), "hello"},
		"H2.TE":                      {beside("transfer-encoding", "chunked"), "0\r\n\r\n" + hidden},
		"H2.TE in capitals":          {beside("Transfer-Encoding", "chunked"), "0\r\n\r\n" + hidden},
		"connection":                 {beside("connection", "keep-alive"), "hello"},
		"keep-alive":                 {beside("keep-alive", "5"), "hello"},
		"proxy-connection":           {beside("proxy-connection", "keep-alive"), "hello"},
		"upgrade":                    {beside("upgrade", "h2c"), "hello"},
		"te of a coding":             {beside("te", "chunked"), "hello"},
		"CR LF in a value":           {beside("x-a", "b\r\ntransfer-encoding: chunked"), "0\r\n\r\n" + hidden},
		"LF in a value":              {beside("x-a", "b\ntransfer-encoding: chunked"), "0\r\n\r\n" + hidden},
		"CR in a value":              {beside("x-a", "b\rc"), "hello"},
		"NUL in a value":             {beside("x-a", "b\x00c"), "hello"},
		"CR LF in a name":            {beside("x-a: b\r\ntransfer-encoding", "chunked"), "0\r\n\r\n" + hidden},
		"LF in a name":               {beside("x-a\nb", "c"), "hello"},
		"a colon in a name":          {beside("transfer-encoding: chunked", "x"), "0\r\n\r\n" + hidden},
		"a blank in a name":          {beside("x a", "b"), "hello"},
		"an empty name":              {beside("", "b"), "hello"},
		"capitals in a name":         {beside("X-A", "b"), "hello"},
		"an underscore in a name":    {beside("x_a", "b"), "hello"},
		"CR LF in the path":          {with(":path", "/seen"+injected), "hello"},
		"a blank in the path":        {with(":path", "/seen HTTP/1.1"), "hello"},
		"LF in the path":             {with(":path", "/seen\nHost: wiki.test"), "hello"},
		"a path without a slash":     {with(":path", "seen"), "hello"},
		"an empty path":              {with(":path", ""), "hello"},
		"an address for a path":      {with(":path", "http://wiki.test/seen"), "hello"},
		"CR LF in the method":        {with(":method", "GET /hidden HTTP/1.1\r\nHost: open.test\r\n\r\nPOST"), "hello"},
		"a blank in the method":      {with(":method", "GET /hidden"), "hello"},
		"a method in small letters":  {with(":method", "post"), "hello"},
		"an empty method":            {with(":method", ""), "hello"},
		"CONNECT":                    {with(":method", "CONNECT"), "hello"},
		"CR LF in the authority":     {with(":authority", "open.test\r\nX-A: b"), "hello"},
		"a path in the authority":    {with(":authority", "open.test/hidden"), "hello"},
		"a user in the authority":    {with(":authority", "wiki.test@open.test"), "hello"},
		"two hosts in the authority": {with(":authority", "open.test,wiki.test"), "hello"},
		"CR LF in the scheme":        {with(":scheme", "https\r\nX-A: b"), "hello"},
		"another host beside":        {beside("host", "wiki.test"), "hello"},
		"two paths":                  {beside(":path", "/hidden"), "hello"},
		"two methods":                {beside(":method", "GET"), "hello"},
		"two authorities":            {beside(":authority", "wiki.test"), "hello"},
		"an unknown pseudo field":    {beside(":x", "y"), "hello"},
		"a status":                   {beside(":status", "200"), "hello"},
		"a protocol without CONNECT": {beside(":protocol", "websocket"), "hello"},
		"a pseudo field behind": {func(host string) []string {
			return []string{":method", "POST", ":scheme", "https", ":authority", host, "x-a", "b", ":path", "/seen"}
		}, "hello"},
		"an expectation that is none": {beside("expect", "y 100-continue"), "hello"},
	} {
		for _, host := range []string{"open.test", "data.test"} {
			switch outcome := w.framed(c.fields(host), c.data); outcome {
			case "400", "405", "417", "421", "reset", "away", "closed":
			default:
				t.Errorf("%s: %s", name, outcome)
			}
		}
	}
	if arrived := seen.whole(); len(arrived) > 0 {
		t.Errorf("arrived: %v", arrived)
	}
	for _, host := range []string{"open.test", "data.test"} {
		w.framed(base(host, "content-length", "0"), hidden) // it may be answered before what it has not announced comes
		if outcome := w.framed(base(host, "content-length", strconv.Itoa(len(hidden)+10)), hidden); outcome == "200" {
			t.Error("what is shorter than it says is taken for whole")
		}
	}
	for _, path := range seen.whole() {
		if path != "/seen" {
			t.Errorf("arrived: %v", path)
		}
	}
	for _, text := range raw.all() {
		in := bufio.NewReader(strings.NewReader(text))
		for {
			r, err := http.ReadRequest(in)
			if err != nil {
				break
			}
			body, err := io.ReadAll(r.Body)
			if r.URL.Path != "/seen" || err == nil && len(body) > 0 {
				t.Errorf("arrived: %q", text)
			}
		}
	}
	for _, host := range []string{"open.test", "data.test"} {
		if outcome := w.framed(base(host, "te", "trailers", "host", host, "content-length", "5"), "hello"); outcome != "200" {
			t.Errorf("what is well-formed: %s", outcome)
		}
	}
}

// TestABodyOfAnotherLengthIsTheClientsFault, and the application never has a whole request: not even one that had all its bytes before
// more of them came (RFC 9113, section 8.1.1).
func TestABodyOfAnotherLengthIsTheClientsFault(t *testing.T) {
	one := certificate(t, "open.test")
	seen := &seenBy{}
	w := newWorld(t, seen, func(c *config.Config) { c.Listeners[0].Certificates = []config.Certificate{one} })
	pieces := map[string][]string{"longer": {"hello", "!"}, "shorter": {"hell", ""}, "longer at once": {"hello!"}, "shorter at once": {"hell"}}
	for what, send := range pieces {
		conn := w.tls("open.test", "h2")
		w.must(second(io.WriteString(conn, http2.ClientPreface)))
		frames := http2.NewFramer(conn, conn)
		frames.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
		w.must(frames.WriteSettings())
		var block bytes.Buffer
		encoder := hpack.NewEncoder(&block)
		for _, f := range [][2]string{{":method", "POST"}, {":scheme", "https"}, {":authority", "open.test"}, {":path", "/seen"}, {"content-length", "5"}} {
			w.must(encoder.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}))
		}
		w.must(frames.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true}))
		for i, piece := range send {
			if i > 0 {
				w.until("it is under way", func() bool { return len(w.door.streams.pick(authn.Change{})) == 1 })
			}
			w.must(frames.WriteData(1, i == len(send)-1, []byte(piece)))
		}
		for {
			f, err := frames.ReadFrame()
			w.must(err)
			if head, ok := f.(*http2.MetaHeadersFrame); ok {
				t.Errorf("%s: the client is told %s", what, head.PseudoValue("status"))
				break
			}
			if reset, ok := f.(*http2.RSTStreamFrame); ok {
				if reset.ErrCode != http2.ErrCodeProtocol {
					t.Errorf("%s: %s", what, reset.ErrCode)
				}
				break
			}
		}
		w.must(conn.Close())
	}
	w.until("they are logged", func() bool { return len(w.log.access(t)) == len(pieces) })
	for _, line := range w.log.access(t) {
		if line["status"] != 400.0 {
			t.Errorf("it is logged as %v", line)
		}
	}
	w.until("nothing is under way", func() bool { return len(w.door.streams.pick(authn.Change{})) == 0 })
	if whole := seen.whole(); len(whole) > 0 {
		t.Errorf("%d whole requests arrived", len(whole))
	}
}
