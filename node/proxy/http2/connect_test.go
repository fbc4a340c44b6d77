package http2

import (
	"io"
	"testing"

	"golang.org/x/net/http2"

	"picket/node/proxy/http1"
)

// TestWhatATunnelCarriesHasNoLength: a CONNECT request has no content (RFC 9110, section 9.3.6). Clients that say so by a length of 0
// are let through, and what follows is for the other end.
func TestWhatATunnelCarriesHasNoLength(t *testing.T) {
	w := newWorld(t, false, nil, func(o *Options) {
		o.Handler = func(_ *http1.Request, c http1.Client) {
			s := c.(*Stream)
			c.Begin(http1.Reply{Status: 200, Length: -1})
			s.Carry()
			_ = c.Flush()
			_, _ = io.Copy(s, struct{ io.Reader }{s})
			_ = c.Finish(nil)
		}
	})
	for what, fields := range map[string][]string{
		"a tunnel":    {":method", "CONNECT", ":authority", "a:22"},
		"a WebSocket": {":method", "CONNECT", ":protocol", "websocket", ":scheme", "https", ":authority", "a", ":path", "/"},
		"datagrams":   {":method", "CONNECT", ":protocol", "connect-udp", ":scheme", "https", ":authority", "a", ":path", "/"},
	} {
		p := w.peer()
		begins := func(stream uint32, length string) {
			block := p.header(append(fields[:len(fields):len(fields)], "content-length", length)...)
			w.must(p.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block, EndHeaders: true}))
		}
		begins(1, "0")
		if got := p.outcome(1); got != "200" {
			t.Fatalf("%s: %s", what, got)
		}
		w.must(p.WriteData(1, false, []byte("hel")))
		w.must(p.WriteData(1, true, []byte("lo")))
		if got := p.body(1); got != "hello" {
			t.Errorf("%s carries %q", what, got)
		}
		begins(3, "5")
		if got := p.outcome(3); got != "PROTOCOL_ERROR" {
			t.Errorf("%s with content: %s", what, got)
		}
	}
}
