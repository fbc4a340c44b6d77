package http2

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/http2"
)

// uploads begins a request whose body follows.
func (p *peer) uploads(stream uint32, path string, fields ...string) {
	p.w.t.Helper()
	block := p.header(append([]string{":method", "POST", ":scheme", "https", ":authority", "a", ":path", path}, fields...)...)
	p.w.must(p.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block, EndHeaders: true}))
}

// sends sends a body of so many bytes as the window of its stream allows it.
func (p *peer) sends(stream uint32, size int, end bool) {
	p.w.t.Helper()
	for own := p.w.first(); size > 0; {
		some := min(size, own, frameBytes)
		if some == 0 {
			f, err := p.hears(func(f http2.Frame) bool {
				_, update := f.(*http2.WindowUpdateFrame)
				return update && f.Header().StreamID == stream
			})
			p.w.must(err)
			own += int(f.(*http2.WindowUpdateFrame).Increment)
			continue
		}
		size, own = size-some, own-some
		p.w.must(p.WriteData(stream, end && size == 0, make([]byte, some)))
	}
}

// first is the window that streams have at first.
func (w *world) first() int { return int(w.server.firstWindow) }

// answersPing waits until all that was sent has been taken.
func (p *peer) answersPing() {
	p.w.t.Helper()
	p.w.must(p.WritePing(false, [8]byte{1}))
	_, err := p.hears(func(f http2.Frame) bool { ping, ok := f.(*http2.PingFrame); return ok && ping.IsAck() })
	p.w.must(err)
}

func TestUploadsThatNobodyReadsHoldNoOtherUp(t *testing.T) {
	release := make(chan struct{})
	w := newWorld(t, false, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/stuck" {
			<-release
			return
		}
		n, err := io.Copy(io.Discard, r.Body)
		_, _ = fmt.Fprint(w, n, err)
	})
	defer close(release)
	p, stream := w.peer(), uint32(1)
	p.answersPing()
	w.server.mu.Lock()
	for c := range w.server.conns { // so that all that it takes has to be given back
		c.mu.Lock()
		c.inflow = inflow{left: initialWindow, most: initialWindow}
		c.mu.Unlock()
	}
	w.server.mu.Unlock()
	for range 100 {
		p.uploads(stream, "/stuck")
		p.sends(stream, w.first(), false)
		stream += 2
	}
	p.uploads(stream, "/")
	p.sends(stream, 4<<20, true)
	if got := p.body(stream); got != "4194304 <nil>" {
		t.Errorf("the other is read as %s", got)
	}
}

// TestABodyThatNobodyReadsIsNotHeldBeyondItsWindow: what is read of some of it makes the windows of few larger, and no more.
func TestABodyThatNobodyReadsIsNotHeldBeyondItsWindow(t *testing.T) {
	const some = 8 << 10
	release := make(chan struct{})
	var all sync.WaitGroup
	w := newWorld(t, false, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.CopyN(io.Discard, r.Body, some)
		all.Done()
		<-release
	})
	defer close(release)
	p := w.peer()
	const streams = 100
	all.Add(streams)
	for n := range uint32(streams) {
		p.uploads(2*n+1, "/")
		p.sends(2*n+1, some, false)
	}
	all.Wait()
	updates := map[uint32]int{}
	w.must(p.WritePing(false, [8]byte{1}))
	_, err := p.hears(func(f http2.Frame) bool {
		if update, ok := f.(*http2.WindowUpdateFrame); ok {
			updates[update.StreamID] += int(update.Increment)
		}
		ping, ok := f.(*http2.PingFrame)
		return ok && ping.IsAck()
	})
	w.must(err)
	inAll := 0
	for n := range uint32(streams) {
		left := w.first() - some + updates[2*n+1]
		for inAll += left; left > 0; left -= frameBytes {
			w.must(p.WriteData(2*n+1, false, make([]byte, min(left, frameBytes))))
		}
	}
	p.answersPing()
	if most := streams*w.first() + sharedBytes; inAll > most || inAll < streams*(w.first()-some)+sharedBytes/2 {
		t.Errorf("%d KiB may be sent that nobody reads, and %d should", inAll>>10, most>>10)
	}
	if room := w.room(); room > inAll+streams*2*pieceBytes {
		t.Errorf("%d KiB are held of %d", room>>10, inAll>>10)
	}
	w.must(p.WriteData(1, false, []byte("x")))
	if got := p.outcome(1); got != "FLOW_CONTROL_ERROR" {
		t.Errorf("beyond the window: %s", got)
	}
}

// room is how much room bodies take that nobody reads, in bytes.
func (w *world) room() (taken int) {
	w.server.mu.Lock()
	defer w.server.mu.Unlock()
	for c := range w.server.conns {
		c.mu.Lock()
		for _, s := range c.streams {
			taken += len(s.body.all) * pieceBytes
		}
		c.mu.Unlock()
	}
	return taken
}

// TestWhatIsSharedIsGivenBack has streams that were given larger windows end in all ways, more of them than may have one at once.
func TestWhatIsSharedIsGivenBack(t *testing.T) {
	w := newWorld(t, false, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.CopyN(io.Discard, r.Body, 500<<10)
		switch strings.TrimPrefix(r.URL.Path, "/") {
		case "panics":
			panic(http.ErrAbortHandler)
		case "waits":
			<-r.Context().Done()
		}
	})
	p, stream := w.peer(), uint32(1)
	for range 5 {
		for _, path := range []string{"/returns", "/panics", "/waits"} {
			p.uploads(stream, path)
			p.sends(stream, 600<<10, false) // which waits without end where the window is not wider
			if path == "/waits" {
				w.must(p.WriteRSTStream(stream, http2.ErrCodeCancel))
			} else {
				p.outcome(stream)
			}
			p.answersPing()
			stream += 2
		}
	}
	w.until("the handlers have returned", func() bool {
		w.server.mu.Lock()
		defer w.server.mu.Unlock()
		for c := range w.server.conns {
			c.mu.Lock()
			defer c.mu.Unlock()
			return c.running == 0 && c.shared == sharedBytes
		}
		return false
	})
}
