package http2

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"picket/node/proxy/http1"
)

// until waits for something to become true.
func (w *world) until(what string, ok func() bool) {
	w.t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatalf("not within %s: %s", patience, what)
		}
	}
}

// goneAway wants the server to end the connection, and tells which stream was the last, and why.
func (p *peer) goneAway() *http2.GoAwayFrame {
	p.w.t.Helper()
	var last *http2.GoAwayFrame
	_, err := p.hears(func(f http2.Frame) bool {
		if away, ok := f.(*http2.GoAwayFrame); ok {
			kept := *away
			last = &kept
		}
		return false
	})
	if !errors.Is(err, io.EOF) || last == nil {
		p.w.t.Fatalf("the connection ended with %v and %v", err, last)
	}
	return last
}

func TestAConnectionThatIsIdleEnds(t *testing.T) {
	for what, begin := range map[string]func(p *peer){
		"that says nothing": func(*peer) {},
		"after a request": func(p *peer) {
			p.ask(1, ":method", "GET", ":scheme", "https", ":authority", "a", ":path", "/")
			p.body(1)
		},
	} {
		t.Run(what, func(t *testing.T) {
			w := newWorld(t, false, ok, func(o *Options) { o.IdleTimeout = 5 * time.Second }) // a request is there by then
			p := w.peer()
			begin(p)
			if away := p.goneAway(); away.ErrCode != http2.ErrCodeNo {
				t.Errorf("GOAWAY says %s", away.ErrCode)
			}
			w.until("it is closed", func() bool { return w.server.Conns() == 0 })
		})
	}
}

func TestAConnectionWithARequestWaitsForNothing(t *testing.T) {
	began, release := make(chan struct{}), make(chan struct{})
	w := newWorld(t, false, func(w http.ResponseWriter, r *http.Request) { close(began); <-release; ok(w, r) })
	p := w.peer()
	p.ask(1, ":method", "GET", ":scheme", "https", ":authority", "a", ":path", "/")
	<-began
	w.server.mu.Lock()
	for c := range w.server.conns {
		c.mu.Lock()
		if c.idleBy != 0 || c.headBy.Load() != 0 {
			t.Errorf("it counts as idle by %d, and its header as late by %d", c.idleBy, c.headBy.Load())
		}
		c.mu.Unlock()
	}
	w.server.mu.Unlock()
	close(release)
	if got := p.outcome(1); got != "200" {
		t.Errorf("%s", got)
	}
}

func TestAClientThatSaysNothingAtFirstIsNotWaitedForForEver(t *testing.T) {
	w := newWorld(t, false, ok, func(o *Options) { o.HeaderTimeout = 50 * time.Millisecond })
	p := w.dials()
	if _, err := p.hears(func(http2.Frame) bool { return false }); err == nil {
		t.Error("it goes on")
	}
}

// endless writes until it fails, and counts.
type endless struct {
	written atomic.Int64
	failed  chan error
}

func (e *endless) serve(r *http1.Request, c http1.Client) {
	c.Begin(http1.Reply{Status: 200, Length: -1})
	for p := make([]byte, 10_000); ; {
		n, err := c.Write(p)
		e.written.Add(int64(n))
		if err != nil {
			e.failed <- err
			return
		}
	}
}

// stands waits until no more is written.
func (e *endless) stands(w *world) int64 {
	last, since := int64(-1), time.Now()
	w.until("the writer waits", func() bool {
		if now := e.written.Load(); now != last {
			last, since = now, time.Now()
		}
		return last > 0 && time.Since(since) > 50*time.Millisecond
	})
	return last
}

func TestWhoWritesWaitsForTheWindow(t *testing.T) {
	e := &endless{failed: make(chan error, 1)}
	w := newWorld(t, false, nil, func(o *Options) { o.Handler = e.serve })
	p := w.peer(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1000})
	p.ask(1, ":method", "GET", ":scheme", "https", ":authority", "a", ":path", "/")
	got := 0
	heard := func(want int) {
		for got < want {
			f, err := p.hears(func(f http2.Frame) bool { _, data := f.(*http2.DataFrame); return data })
			w.must(err)
			got += len(f.(*http2.DataFrame).Data())
		}
		if got != want {
			t.Fatalf("%d bytes came, and %d may", got, want)
		}
	}
	heard(1000)
	w.must(p.WriteWindowUpdate(1, 500))
	heard(1500)
	w.must(p.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 500})) // leaves less than nothing
	w.must(p.WriteWindowUpdate(1, 500))
	w.must(p.WriteWindowUpdate(1, 70_000))
	heard(65535) // of the connection
	w.must(p.WriteWindowUpdate(0, 1))
	heard(65536)
	w.must(p.WriteRSTStream(1, http2.ErrCodeCancel))
	if err := <-e.failed; !errors.Is(err, http1.ErrClientGone) {
		t.Errorf("then writing says %v", err)
	}
}

func TestAClientThatDoesNotReadHoldsNobodyUp(t *testing.T) {
	for what, end := range map[string]func(r *http1.Request, c *Stream){
		"when its request ends":  func(r *http1.Request, _ *Stream) { r.Life.End(errors.New("revoked")) },
		"when a deadline passes": func(_ *http1.Request, c *Stream) { _ = c.SetWriteDeadline(time.Now()) },
	} {
		t.Run(what, func(t *testing.T) {
			e := &endless{failed: make(chan error, 1)}
			began := make(chan func(), 1)
			w := newWorld(t, false, nil, func(o *Options) {
				o.WriteTimeout = 0
				o.Handler = func(r *http1.Request, c http1.Client) {
					began <- func() { end(r, c.(*Stream)) }
					e.serve(r, c)
				}
			})
			p := w.peer(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1<<31 - 1})
			w.must(p.WriteWindowUpdate(0, 1<<30))
			p.ask(1, ":method", "GET", ":scheme", "https", ":authority", "a", ":path", "/")
			e.stands(w)
			(<-began)()
			<-e.failed
		})
	}
}

func TestAClientThatMakesNoRoomIsGivenUp(t *testing.T) {
	for what, window := range map[string]uint32{"in its window": 1000, "on the line": 1<<31 - 1} {
		t.Run(what, func(t *testing.T) {
			e := &endless{failed: make(chan error, 1)}
			w := newWorld(t, false, nil, func(o *Options) { o.Handler, o.WriteTimeout = e.serve, 100*time.Millisecond })
			p := w.peer(http2.Setting{ID: http2.SettingInitialWindowSize, Val: window})
			w.must(p.WriteWindowUpdate(0, 1<<30))
			p.ask(1, ":method", "GET", ":scheme", "https", ":authority", "a", ":path", "/")
			<-e.failed
		})
	}
}

func TestHalfAnAnswerThatAClientMadeNoRoomForDoesNotLookWhole(t *testing.T) {
	finished := make(chan error, 1)
	w := newWorld(t, false, nil, func(o *Options) {
		o.WriteTimeout = 100 * time.Millisecond
		o.Handler = func(_ *http1.Request, c http1.Client) {
			c.Begin(http1.Reply{Status: 200, Length: -1})
			_, _ = c.Write(make([]byte, 2000)) // as a handler does that looks at no error
			finished <- c.Finish(nil)
		}
	})
	p := w.peer(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1000})
	p.ask(1, ":method", "GET", ":scheme", "https", ":authority", "a", ":path", "/")
	if err := <-finished; err == nil {
		t.Error("half of it was finished")
	}
	end, err := p.hears(func(f http2.Frame) bool {
		data, ok := f.(*http2.DataFrame)
		return f.Header().Type == http2.FrameRSTStream || ok && data.StreamEnded()
	})
	w.must(err)
	if end.Header().Type != http2.FrameRSTStream {
		t.Errorf("half of it ends with %v", end)
	}
}

func TestOneByteAtATimeTakesNoMoreRoomThanAllAtOnce(t *testing.T) {
	b := pieces{rooms: &rooms{}}
	for range 100_000 {
		b.add([]byte{1})
	}
	if most := 100_000/pieceBytes + 1; len(b.all) > most {
		t.Errorf("%d pieces, and %d would do", len(b.all), most)
	}
	if n, _ := io.Copy(io.Discard, readerOf(&b)); n != 100_000 || b.held != 0 || len(b.all) != 0 {
		t.Errorf("%d were read, %d are held in %d", n, b.held, len(b.all))
	}
}

type reads func(p []byte) (int, error)

func (r reads) Read(p []byte) (int, error) { return r(p) }

func readerOf(b *pieces) io.Reader {
	return reads(func(p []byte) (int, error) {
		n := b.read(p[:min(len(p), 1000)])
		if n == 0 {
			return 0, io.EOF
		}
		return n, nil
	})
}

func TestWhatIsUnderWayComesToItsEndWhenTheServerShutsDown(t *testing.T) {
	release := make(chan struct{})
	w := newWorld(t, false, func(w http.ResponseWriter, r *http.Request) { <-release; ok(w, r) })
	w.server.leaveTime = patience // what was on its way may take its time
	p := w.peer()
	p.ask(1, ":method", "GET", ":scheme", "https", ":authority", "a", ":path", "/")
	w.must(p.WritePing(false, [8]byte{1}))
	_, err := p.hears(func(f http2.Frame) bool { ping, ok := f.(*http2.PingFrame); return ok && ping.IsAck() })
	w.must(err)
	done := make(chan error, 1)
	go func() { done <- w.server.Shutdown(context.Background()) }()
	f, err := p.hears(func(f http2.Frame) bool { _, away := f.(*http2.GoAwayFrame); return away })
	w.must(err)
	if away := f.(*http2.GoAwayFrame); away.LastStreamID != 1<<31-1 || away.ErrCode != http2.ErrCodeNo {
		t.Errorf("first it says %v", away)
	}
	p.ask(3, ":method", "GET", ":scheme", "https", ":authority", "a", ":path", "/") // was on its way
	w.must(p.WritePing(true, leavePing))
	f, err = p.hears(func(f http2.Frame) bool { _, away := f.(*http2.GoAwayFrame); return away })
	w.must(err)
	if away := f.(*http2.GoAwayFrame); away.LastStreamID != 3 {
		t.Errorf("then it says %v", away)
	}
	p.ask(5, ":method", "GET", ":scheme", "https", ":authority", "a", ":path", "/") // too late
	w.must(p.WriteWindowUpdate(5, 1))
	w.must(p.WriteHeaders(http2.HeadersFrameParam{StreamID: 7, BlockFragment: p.asks(), EndHeaders: true})) // this one, too
	w.must(p.WriteData(7, false, []byte("x")))
	w.must(p.WriteHeaders(http2.HeadersFrameParam{StreamID: 7, BlockFragment: p.header("a", "b"), EndHeaders: true, EndStream: true}))
	w.must(p.WriteRSTStream(5, http2.ErrCodeCancel))
	w.must(p.WritePing(false, [8]byte{2}))
	_, err = p.hears(func(f http2.Frame) bool { ping, ok := f.(*http2.PingFrame); return ok && ping.IsAck() })
	w.must(err)
	close(release)
	served := map[uint32]bool{}
	_, err = p.hears(func(f http2.Frame) bool {
		if d, ok := f.(*http2.DataFrame); ok && d.StreamEnded() {
			served[d.StreamID] = true
		}
		return false
	})
	if !errors.Is(err, io.EOF) || len(served) != 2 || !served[1] || !served[3] {
		t.Errorf("served were %v; the connection ended with %v", served, err)
	}
	_ = p.conn.Close()
	w.must(<-done)
	late := w.dials()
	if _, err := late.ReadFrame(); err == nil {
		t.Error("one that comes later is served")
	}
}

func TestAClientThatDoesNotSayThatItHeardDoesNotHoldUpTheEnd(t *testing.T) {
	w := newWorld(t, false, ok)
	p := w.peer()
	p.answersPing() // it is served
	done := make(chan error, 1)
	go func() { done <- w.server.Shutdown(context.Background()) }()
	if away := p.goneAway(); away.LastStreamID != 0 {
		t.Errorf("it says %v", away)
	}
	_ = p.conn.Close()
	w.must(<-done)
}

func TestWhatWasBrokenOffIsNotFinishedWell(t *testing.T) {
	for what, c := range map[string]struct {
		end  func(s *Stream)
		want string
	}{
		"a deadline that has passed":             {func(s *Stream) { _ = s.SetWriteDeadline(time.Now()) }, "INTERNAL_ERROR"},
		"a deadline by which all had been said":  {func(s *Stream) { _, _ = s.Write([]byte("x")); s.passes(0) }, ""},
		"a deadline by which not all could be":   {func(s *Stream) { s.passes(1 << 20) }, "INTERNAL_ERROR"},
		"a request that was ended from our side": {func(s *Stream) { s.request.Life.End(errors.New("revoked")) }, ""},
	} {
		t.Run(what, func(t *testing.T) {
			w := newWorld(t, false, nil, func(o *Options) {
				o.Handler = func(_ *http1.Request, client http1.Client) {
					client.Begin(http1.Reply{Status: 200, Length: -1})
					c.end(client.(*Stream))
					_ = client.Finish(http1.Fields{{Name: "Grpc-Status", Value: "7"}})
				}
			})
			p := w.peer()
			p.ask(1, ":method", "GET", ":scheme", "https", ":authority", "a", ":path", "/")
			f, err := p.hears(func(f http2.Frame) bool {
				_, reset := f.(*http2.RSTStreamFrame)
				return reset || f.Header().StreamID == 1 && f.Header().Flags.Has(http2.FlagHeadersEndStream)
			})
			w.must(err)
			got := ""
			if reset, ok := f.(*http2.RSTStreamFrame); ok {
				got = reset.ErrCode.String()
			}
			if got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// passes sets a deadline, writes so many bytes, if any, and waits until it has passed.
func (s *Stream) passes(n int) {
	_ = s.SetWriteDeadline(time.Now().Add(2 * time.Second)) // one that has passed when it is set is another case
	if n > 0 {
		_, _ = s.Write(make([]byte, n))
	}
	for passed := false; !passed; time.Sleep(time.Millisecond) {
		s.conn.mu.Lock()
		passed = s.writing.passed
		s.conn.mu.Unlock()
	}
}
