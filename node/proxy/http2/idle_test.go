package http2

import (
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/http2"
)

// TestAFrameOfAnIdleStreamEndsTheConnection: of a stream that was not opened only HEADERS may come, and PRIORITY, which means nothing
// (RFC 9113, sections 5.1 and 6.9). It is the whole connection that is wrong, and no stream to be reset.
func TestAFrameOfAnIdleStreamEndsTheConnection(t *testing.T) {
	w := newWorld(t, false, ok)
	for what, send := range map[string]func(p *peer) error{
		"a window update":                func(p *peer) error { return p.WriteWindowUpdate(5, 1) },
		"a window update of nothing":     func(p *peer) error { return p.WriteRawFrame(http2.FrameWindowUpdate, 0, 5, make([]byte, 4)) },
		"a window update of an even one": func(p *peer) error { return p.WriteRawFrame(http2.FrameWindowUpdate, 0, 2, make([]byte, 4)) },
		"data":                           func(p *peer) error { return p.WriteData(5, true, []byte("x")) },
		"a reset":                        func(p *peer) error { return p.WriteRSTStream(5, http2.ErrCodeCancel) },
		"a reset of an even one":         func(p *peer) error { return p.WriteRSTStream(2, http2.ErrCodeCancel) },
		"a dependency on itself":         func(p *peer) error { return p.WritePriority(5, http2.PriorityParam{StreamDep: 5}) },
	} {
		p := w.peer()
		p.AllowIllegalWrites = true
		p.ask(3, ":method", "GET", ":scheme", "https", ":authority", "a", ":path", "/")
		p.body(3)
		w.must(send(p))
		if got := p.outcome(5); got != "GOAWAY PROTOCOL_ERROR" {
			t.Errorf("%s: %s", what, got)
		}
	}
	p := w.peer()
	p.AllowIllegalWrites = true
	w.must(p.WritePriority(1, http2.PriorityParam{Weight: 1}))
	w.must(p.WriteRawFrame(0xbb, 0, 1, nil))
	p.ask(1, ":method", "GET", ":scheme", "https", ":authority", "a", ":path", "/")
	if got := p.outcome(1); got != "200" {
		t.Errorf("after what means nothing: %s", got)
	}
}

// TestWhatComesLateOfAStreamThatWasResetIsPassedOver, however many were reset since.
func TestWhatComesLateOfAStreamThatWasResetIsPassedOver(t *testing.T) {
	w := newWorld(t, false, func(http.ResponseWriter, *http.Request) {}) // which reads no body
	p := w.peer()
	const streams = 200
	for n := range uint32(streams) {
		p.uploads(2*n+1, "/", "x-of", strings.Repeat("x", int(n%10)))
		if got := p.outcome(2*n + 1); got != "200" {
			t.Fatalf("stream %d: %s", 2*n+1, got)
		}
	}
	for n := range uint32(streams) {
		stream := 2*n + 1
		if n%2 == 1 {
			w.must(p.WriteData(stream, false, []byte("late")))
		}
		w.must(p.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: p.header("x-late", "1"), EndHeaders: true, EndStream: true}))
	}
	p.ask(2*streams+1, ":method", "GET", ":scheme", "https", ":authority", "a", ":path", "/")
	if got := p.outcome(2*streams + 1); got != "200" {
		t.Errorf("afterwards: %s", got)
	}
	p.ask(2*streams+1, ":method", "GET", ":scheme", "https", ":authority", "a", ":path", "/") // which has come to its end
	if got := p.outcome(2*streams + 3); !strings.HasPrefix(got, "GOAWAY") {
		t.Errorf("a stream that is opened twice: %s", got)
	}
}

func TestWhichWereResetIsRememberedForAsLongAsItMatters(t *testing.T) {
	var r resetStreams
	for id := uint32(1); id < 2*mostReset; id += 2 {
		r.add(id)
	}
	r.remove(5)
	if !r.has(1) || !r.has(7) || r.has(5) || r.has(2*mostReset+1) {
		t.Errorf("%+v", r)
	}
	r.add(2*mostReset + 1)
	r.add(2*mostReset + 3) // for which 1 is forgotten
	if !r.has(1) || !r.has(3) || r.has(5) || !r.has(2*mostReset+3) || len(r.ids) != mostReset {
		t.Errorf("%+v", r)
	}
}
