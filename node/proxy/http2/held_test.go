package http2

import (
	"io"
	"net"
	"net/http"
	"testing"

	"golang.org/x/net/http2"

	"picket/node/proxy/http1"
)

// mostHeld is how much of what nobody has read a connection holds, in bytes; the README says so.
const mostHeld = 5 << 20

// held is how much the connections of the server hold.
func (w *world) held() (bytes int) {
	w.server.mu.Lock()
	defer w.server.mu.Unlock()
	for c := range w.server.conns {
		c.mu.Lock()
		for _, s := range c.streams {
			bytes += s.body.held
		}
		c.mu.Unlock()
	}
	return bytes
}

func TestAConnectionHoldsNoMoreThanWasSaid(t *testing.T) {
	release := make(chan struct{})
	w := newWorld(t, false, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.CopyN(io.Discard, r.Body, 8<<10)
		<-release
	})
	defer close(release)
	p := w.peer()
	streams := uint32(w.server.Streams)
	own := map[uint32]int{}
	for n := range streams {
		p.uploads(2*n+1, "/")
		own[2*n+1] = w.first()
	}
	for sent := 1; sent > 0; { // whatever it may
		sent = 0
		for stream, left := range own {
			for ; left > 0; left -= frameBytes {
				w.must(p.WriteData(stream, false, make([]byte, min(left, frameBytes))))
				sent += min(left, frameBytes)
			}
			own[stream] = 0
		}
		w.until("all that may be read is", func() bool { return w.held() >= int(streams)*(w.first()-8<<10) })
		w.must(p.WritePing(false, [8]byte{1}))
		_, err := p.hears(func(f http2.Frame) bool {
			if update, ok := f.(*http2.WindowUpdateFrame); ok && update.StreamID > 0 {
				own[update.StreamID] += int(update.Increment)
				sent += int(update.Increment)
			}
			ping, ok := f.(*http2.PingFrame)
			return ok && ping.IsAck()
		})
		w.must(err)
		if held := w.held(); held > mostHeld {
			t.Fatalf("%d KiB are held", held>>10)
		}
	}
}

// TestAClientThatHasNotHeardHowSmallWindowsAreFillsNoMore than the window that a connection has at first, by streams of their own first
// window (RFC 9113, section 6.9.2). Who does so and hears it afterwards has done no wrong.
func TestAClientThatHasNotHeardHowSmallWindowsAreFillsNoMore(t *testing.T) {
	release := make(chan struct{})
	w := newWorld(t, false, func(w http.ResponseWriter, r *http.Request) {
		<-release
		n, err := io.Copy(io.Discard, r.Body)
		if r.URL.Path == "/hears" && (n != initialWindow+1 || err != nil) {
			t.Errorf("%d bytes were read: %v", n, err)
		}
	})
	begins := func(path string) *peer {
		p := w.dials()
		_, err := io.WriteString(p.conn, http2.ClientPreface)
		w.must(err)
		w.must(p.WriteSettings())
		p.uploads(1, path)
		for left := initialWindow; left > 0; left -= frameBytes {
			w.must(p.WriteData(1, false, make([]byte, min(left, frameBytes))))
		}
		return p
	}
	hears, fills := begins("/hears"), begins("/fills")
	fills.uploads(3, "/")
	w.must(fills.WriteData(3, false, []byte("x")))
	if got := fills.outcome(3); got != "GOAWAY FLOW_CONTROL_ERROR" {
		t.Errorf("more than the window: %s", got)
	}
	w.must(hears.WriteSettingsAck())
	_, err := hears.hears(func(f http2.Frame) bool { u, ok := f.(*http2.WindowUpdateFrame); return ok && u.StreamID == 0 })
	w.must(err)
	close(release)
	for own := w.first() - initialWindow; own <= 0; {
		f, err := hears.hears(func(f http2.Frame) bool { u, ok := f.(*http2.WindowUpdateFrame); return ok && u.StreamID == 1 })
		w.must(err)
		own += int(f.(*http2.WindowUpdateFrame).Increment)
	}
	w.must(hears.WriteData(1, true, []byte("x")))
	if got := hears.outcome(1); got != "200" {
		t.Errorf("who has heard: %s", got)
	}
}

// TestABodyMayEndWhereNoRoomIsLeft: an empty frame needs none (RFC 9113, section 6.9), also once a smaller window is made of one that
// was filled, and less than nothing is left.
func TestABodyMayEndWhereNoRoomIsLeft(t *testing.T) {
	release := make(chan struct{})
	w := newWorld(t, false, func(_ http.ResponseWriter, r *http.Request) {
		<-release
		if n, err := io.Copy(io.Discard, r.Body); n != initialWindow || err != nil {
			t.Errorf("%d bytes were read: %v", n, err)
		}
	})
	p := w.dials()
	_, err := io.WriteString(p.conn, http2.ClientPreface)
	w.must(err)
	w.must(p.WriteSettings())
	p.uploads(1, "/")
	for left := initialWindow; left > 0; left -= frameBytes {
		w.must(p.WriteData(1, false, make([]byte, min(left, frameBytes))))
	}
	w.must(p.WriteSettingsAck())
	w.must(p.WriteData(1, true, nil))
	p.answersPing()
	close(release)
	if got := p.outcome(1); got != "200" {
		t.Error(got)
	}
}

// TestABodyThatIsStillToBeReadCountsAlthoughItIsAnswered, for as long as its handler may read it.
func TestABodyThatIsStillToBeReadCountsAlthoughItIsAnswered(t *testing.T) {
	release := make(chan struct{})
	w := newWorld(t, false, nil, func(o *Options) {
		o.Streams = 3
		o.Handler = func(_ *http1.Request, c http1.Client) {
			c.Begin(http1.Reply{Status: 200, Length: 0})
			_ = c.Finish(nil)
			_ = c.(*Stream).Flush()
			<-release
		}
	})
	defer close(release)
	p := w.peer()
	for n := range uint32(3) {
		p.uploads(2*n+1, "/")
		w.must(p.WriteData(2*n+1, true, []byte("x")))
		if got := p.outcome(2*n + 1); got != "200" {
			t.Fatal(got)
		}
	}
	p.uploads(7, "/")
	if got := p.outcome(7); got != "REFUSED_STREAM" {
		t.Errorf("one more: %s", got)
	}
}

// sharing is a connection whose streams share, at a time that stands still.
func sharing(t *testing.T, streams int) (*conn, []*Stream) {
	near, far := net.Pipe()
	go func() { _, _ = io.Copy(io.Discard, near) }()
	t.Cleanup(func() { _, _ = near.Close(), far.Close() })
	c := newConn(NewServer(Options{}), far, nil)
	c.acknowledged = true
	all := make([]*Stream, streams)
	for i := range all {
		s := &Stream{conn: c, id: uint32(2*i + 1), declared: -1}
		s.changed.L, s.body.rooms = &c.mu, &c.server.rooms
		s.uploads()
		all[i], c.streams[s.id] = s, s
	}
	return c, all
}

// uploaded has a stream send a body, and what came be read at once, as often as its window has been filled.
func (s *Stream) uploaded(windows int) {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	for range windows {
		n := int(s.inflow.left)
		s.inflow.take(int64(n))
		s.giveBack(n)
	}
}

func TestBodiesThatAreReadShareWhatThereIs(t *testing.T) {
	for streams, want := range map[int]int64{1: laterWindow, 5: 180 << 10, 50: 34 << 10, 250: 18 << 10} {
		c, all := sharing(t, streams)
		for range 100 {
			for _, s := range all {
				s.uploaded(1)
			}
		}
		inAll := c.shared
		for _, s := range all {
			if inAll += s.share; s.inflow.most < want {
				t.Fatalf("of %d, one has a window of %d", streams, s.inflow.most)
			}
		}
		if inAll != sharedBytes || c.shared < 0 {
			t.Errorf("of %d: %d bytes are left, and %d are shared", streams, c.shared, inAll)
		}
	}
}

func TestWhoComesLateHasAShare(t *testing.T) {
	c, all := sharing(t, 20)
	c.uploads = 8 // the others come later
	for _, s := range all[:8] {
		s.uploaded(10)
	}
	c.uploads = 20
	for _, s := range all[8:] { // the first are idle by now, and keep what they were told
		s.uploaded(1)
		if s.share == 0 {
			t.Fatalf("nothing is left but %d bytes", c.shared)
		}
	}
	for _, s := range all[:8] { // they go on
		s.uploaded(1)
	}
	for _, s := range all[8:] {
		if s.uploaded(20); s.inflow.most < 60<<10 {
			t.Errorf("one has a window of %d", s.inflow.most)
		}
	}
}

func TestAStreamGivesItsShareBack(t *testing.T) {
	for what, end := range map[string]func(s *Stream){
		"when all of its body has come": func(s *Stream) { _ = s.add(nil, true) },
		"when nobody reads it":          func(s *Stream) { s.discard() },
		"when it has failed":            func(s *Stream) { s.fail(errOver) },
		"when it is slow": func(s *Stream) {
			clock := &s.conn.server.clock
			clock.now.Store(clock.now.Load() + pause)
			n := int64(s.inflow.most)
			s.inflow.take(n)
			s.giveBack(int(n))
		},
	} {
		c, all := sharing(t, 1)
		all[0].uploaded(10)
		c.mu.Lock()
		if c.shared == sharedBytes {
			t.Errorf("%s: it has none", what)
		}
		end(all[0])
		if c.shared != sharedBytes {
			t.Errorf("%s: it keeps %d bytes", what, all[0].share)
		}
		c.mu.Unlock()
	}
}

func TestABodyThatWaitsToBeReadKeepsItsShareUntilItIs(t *testing.T) {
	c, all := sharing(t, 1)
	s := all[0]
	s.uploaded(10)
	c.mu.Lock()
	err := s.add(make([]byte, laterWindow), true)
	kept := c.shared < sharedBytes
	c.mu.Unlock()
	if err != nil || !kept {
		t.Fatalf("it gives back what is held: %v", err)
	}
	n, err := io.Copy(io.Discard, struct{ io.Reader }{s})
	if c.shared != sharedBytes || n != laterWindow || err != nil {
		t.Errorf("%d bytes are read, %d kept: %v", n, s.share, err)
	}
}
