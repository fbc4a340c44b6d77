package http2

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// waits answers when the client has gone, and ok at once.
func waits(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
func ok(w http.ResponseWriter, r *http.Request)    { _, _ = io.WriteString(w, "ok") }

func TestAClientThatFloodsIsToldToBeCalm(t *testing.T) {
	for name, flood := range map[string]func(p *peer) func(n int) error{
		"streams that are reset at once": func(p *peer) func(int) error {
			return func(n int) error {
				id := uint32(2*n + 1)
				err := p.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: p.asks(), EndHeaders: true, EndStream: true})
				if err != nil {
					return err
				}
				return p.WriteRSTStream(id, http2.ErrCodeCancel)
			}
		},
		"streams that the server is made to reset": func(p *peer) func(int) error {
			return func(n int) error {
				id := uint32(2*n + 1)
				err := p.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: p.asks(), EndHeaders: true, EndStream: true})
				if err != nil {
					return err
				}
				return p.WriteWindowUpdate(id, 1<<31-1) // more than a window may be
			}
		},
		"window updates of nothing": func(p *peer) func(int) error {
			return p.asksAnd(func(id uint32) error { return p.WriteRawFrame(http2.FrameWindowUpdate, 0, id, make([]byte, 4)) })
		},
		"data behind the end": func(p *peer) func(int) error {
			return p.asksAnd(func(id uint32) error { return p.WriteData(id, true, []byte("x")) })
		},
		"headers behind the end": func(p *peer) func(int) error {
			return p.asksAnd(func(id uint32) error {
				return p.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: p.header("a", "b"), EndHeaders: true, EndStream: true})
			})
		},
		"streams that depend on themselves": func(p *peer) func(int) error {
			return p.asksAnd(func(id uint32) error { return p.WritePriority(id, http2.PriorityParam{StreamDep: id}) })
		},
		"bodies that are longer than was said": func(p *peer) func(int) error {
			return func(n int) error {
				id := uint32(2*n + 1)
				block := p.header(":method", "POST", ":scheme", "http", ":authority", "localhost", ":path", "/", "content-length", "1")
				err := p.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block, EndHeaders: true})
				if err != nil {
					return err
				}
				return p.WriteData(id, false, []byte("xx"))
			}
		},
		"resets of what is over": func(p *peer) func(int) error {
			p.w.must(p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: p.asks(), EndHeaders: true, EndStream: true}))
			return func(int) error { return p.WriteRSTStream(1, http2.ErrCodeCancel) }
		},
		"requests that are malformed": func(p *peer) func(int) error {
			return func(n int) error {
				block := p.header(":method", "GET", ":scheme", "http", ":authority", "localhost", ":path", "/", "connection", "close")
				return p.WriteHeaders(http2.HeadersFrameParam{StreamID: uint32(2*n + 1), BlockFragment: block, EndHeaders: true, EndStream: true})
			}
		},
		"pings":    func(p *peer) func(int) error { return func(int) error { return p.WritePing(false, [8]byte{}) } },
		"settings": func(p *peer) func(int) error { return func(int) error { return p.WriteSettings() } },
		"priorities": func(p *peer) func(int) error {
			return func(n int) error { return p.WritePriority(uint32(2*(n%99)+1), http2.PriorityParam{Weight: 1}) }
		},
		"frames of no known type": func(p *peer) func(int) error { return func(int) error { return p.WriteRawFrame(0xbb, 0, 0, nil) } },
		"empty data": func(p *peer) func(int) error {
			p.w.must(p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: p.asks(), EndHeaders: true}))
			return func(int) error { return p.WriteData(1, false, nil) }
		},
		"empty continuations": func(p *peer) func(int) error {
			p.w.must(p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: p.asks()}))
			return func(int) error { return p.WriteContinuation(1, false, nil) }
		},
		"window updates": func(p *peer) func(int) error {
			p.w.must(p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: p.asks(), EndHeaders: true, EndStream: true}))
			return func(int) error { return p.WriteWindowUpdate(1, 1) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, false, waits)
			p := w.peer()
			w.forgivesNothing()
			p.AllowIllegalWrites = true
			p.floods(flood(p))
			p.isCalmed()
			if why := <-w.calmed; !strings.HasPrefix(why, "too many ") {
				t.Errorf("it is told: %s", why)
			}
		})
	}
}

// forgivesNothing has the one connection not be forgiven with time: how fast a test can ask is for its machine to decide.
func (w *world) forgivesNothing() {
	w.t.Helper()
	w.until("the connection is known", func() bool { return w.server.Conns() == 1 })
	w.server.mu.Lock()
	defer w.server.mu.Unlock()
	for c := range w.server.conns {
		c.mu.Lock()
		c.controls.rate, c.resets.rate = 0, 0
		c.mu.Unlock()
	}
}

// asksAnd makes a request each time, and has something follow for which its stream is reset.
func (p *peer) asksAnd(follows func(stream uint32) error) func(n int) error {
	return func(n int) error {
		id := uint32(2*n + 1)
		err := p.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: p.asks(), EndHeaders: true, EndStream: true})
		if err != nil {
			return err
		}
		return follows(id)
	}
}

// TestAHeaderThatUnfoldsIsRefused: a byte each for fields of 4 KiB that HPACK knows by then, 30 MB in all. The next request is read
// as it was sent: the table that both sides keep stays in step.
func TestAHeaderThatUnfoldsIsRefused(t *testing.T) {
	w := newWorld(t, false, ok)
	p := w.peer()
	long := strings.Repeat("x", 3900)
	plain := []string{":method", "GET", ":scheme", "https", ":authority", "a", ":path", "/"}
	p.ask(1, append(plain, "x", long)...)
	if got := p.outcome(1); got != "200" {
		t.Fatalf("one of them: %s", got)
	}
	block := append(p.header(plain...), bytes.Repeat([]byte{0x80 | 62}, 8000)...) // the newest of the table, again and again
	w.must(p.WriteHeaders(http2.HeadersFrameParam{StreamID: 3, BlockFragment: block, EndHeaders: true, EndStream: true}))
	if got := p.outcome(3); got != "431" {
		t.Errorf("8000 of them: %s", got)
	}
	p.ask(5, append(plain, "x", long)...)
	if got := p.outcome(5); got != "200" {
		t.Errorf("the next: %s", got)
	}
}

func TestAClientThatTakesAByteAtATimeIsToldToBeCalm(t *testing.T) {
	w := newWorld(t, false, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 1<<20)) })
	p := w.peer(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1})
	w.forgivesNothing()
	p.ask(1, ":method", "GET", ":scheme", "https", ":authority", "a", ":path", "/")
	calmed := false
	for n := 0; n < 20_000 && !calmed; n++ { // a piece is waited for each time, so that each update is one
		f, err := p.hears(func(f http2.Frame) bool {
			_, data := f.(*http2.DataFrame)
			return data || f.Header().Type == http2.FrameGoAway
		})
		if err != nil {
			t.Fatal(err)
		}
		if calmed = f.Header().Type == http2.FrameGoAway; !calmed {
			_ = p.WriteWindowUpdate(1, 1) // of a connection that has ended, reading tells
		}
	}
	if !calmed {
		t.Error("20,000 bytes were sent in as many frames")
	}
}

func TestAFloodOfHeadersEndsTheConnection(t *testing.T) {
	w := newWorld(t, false, ok)
	p := w.peer()
	p.w.must(p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: p.asks()}))
	more := p.header("x-filler", string(make([]byte, 8<<10)))
	p.floods(func(int) error { return p.WriteContinuation(1, false, more) })
	if _, err := p.hears(func(f http2.Frame) bool { _, away := f.(*http2.GoAwayFrame); return away }); err != nil {
		t.Logf("the connection ended with %v", err)
	}
	until := time.Now().Add(patience)
	for w.server.Conns() > 0 && time.Now().Before(until) {
		time.Sleep(time.Millisecond)
	}
	if w.server.Conns() > 0 {
		t.Error("the connection is still open")
	}
}

func TestHalfAHeaderBlockEndsInTime(t *testing.T) {
	for name, begin := range map[string]func(p *peer){
		"a block that lacks its end": func(p *peer) {
			p.w.must(p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: p.asks()}))
		},
		"half a frame": func(p *peer) {
			_, err := p.conn.Write([]byte{0, 0, 100, byte(http2.FrameHeaders), byte(http2.FlagHeadersEndHeaders), 0, 0, 0, 1, 0x82})
			p.w.must(err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, false, ok, func(o *Options) { o.HeaderTimeout = 3 * time.Second })
			p := w.peer()
			begin(p)
			if _, err := p.hears(func(http2.Frame) bool { return false }); err == nil {
				t.Error("it goes on")
			}
		})
	}
}

// sluggish is a connection that takes its time over each write, once it is asked to: that of two ticks.
type sluggish struct {
	net.Conn
	clock func() *clock
	slow  atomic.Bool
}

func (s *sluggish) Write(p []byte) (int, error) {
	for seen, ticks := int64(0), 0; s.slow.Load() && ticks < 3; time.Sleep(time.Millisecond) { // one may have passed already
		if now := s.clock().now.Load(); now != seen {
			seen, ticks = now, ticks+1
		}
	}
	return s.Conn.Write(p)
}

// SetDeadline gives it the time that this takes.
func (s *sluggish) SetDeadline(time.Time) error { return s.Conn.SetDeadline(time.Now().Add(patience)) }

// TestAClientWhoseHeaderIsLateIsToldSo, however often the server looks meanwhile at what has taken too long.
func TestAClientWhoseHeaderIsLateIsToldSo(t *testing.T) {
	w := newWorld(t, false, ok, func(o *Options) { o.HeaderTimeout = 3 * time.Second })
	s := &sluggish{clock: func() *clock { return &w.server.clock }}
	p := w.over(s, func(conn net.Conn) { s.Conn = conn })
	p.answersPing()
	s.slow.Store(true)
	w.must(p.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: p.asks()})) // half of one
	if _, err := p.hears(func(f http2.Frame) bool { _, away := f.(*http2.GoAwayFrame); return away }); err != nil {
		t.Errorf("the connection ended with %v, and no GOAWAY", err)
	}
}

func TestWhoUsesPingsAndStreamsAsTheyAreMeantIsLetAlone(t *testing.T) {
	var served atomic.Int64
	w := newWorld(t, false, func(w http.ResponseWriter, r *http.Request) { served.Add(1); ok(w, r) })
	p := w.peer()
	const streams = 3000
	for n := range streams {
		id := uint32(2*n + 1)
		w.must(p.WritePing(false, [8]byte{byte(n)}))
		w.must(p.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: p.asks(), EndHeaders: true, EndStream: true}))
		_, err := p.hears(func(f http2.Frame) bool { d, data := f.(*http2.DataFrame); return data && d.StreamEnded() })
		if err != nil {
			t.Fatalf("stream %d: %v", id, err)
		}
		w.must(p.WriteWindowUpdate(0, 2))
	}
	if served.Load() != streams {
		t.Errorf("%d were served", served.Load())
	}
}
