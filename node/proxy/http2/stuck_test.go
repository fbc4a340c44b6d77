package http2

import (
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"picket/node/proxy/http1"
)

// stuck is a connection that takes long to be closed, as one of TLS does whose client does not read: its last alert has to wait.
type stuck struct {
	net.Conn
	closing chan struct{} // is closed when somebody begins to close it
	release chan struct{}
	once    sync.Once
}

func (s *stuck) wait()             { s.once.Do(func() { close(s.closing) }); <-s.release }
func (s *stuck) Close() error      { s.wait(); return s.Conn.Close() }
func (s *stuck) CloseWrite() error { s.wait(); return nil }

func TestAConnectionThatTakesLongToCloseHoldsNoOtherUp(t *testing.T) {
	for what, end := range map[string]func(w *world, p *peer){
		"it takes nothing": func(*world, *peer) {},
		"it is to end": func(w *world, _ *peer) {
			w.server.close(func(c *conn) { c.goAway() })
		},
		"all are closed": func(w *world, _ *peer) { w.server.Close() },
	} {
		t.Run(what, func(t *testing.T) {
			w := newWorld(t, false, nil, func(o *Options) {
				o.HeaderTimeout, o.WriteTimeout = 40*time.Millisecond, 40*time.Millisecond
				o.Handler = func(r *http1.Request, c http1.Client) {
					c.Begin(http1.Reply{Status: http.StatusOK, Length: -1})
					if r.Target == "/all" {
						_, _ = c.Write(make([]byte, 8<<20))
					}
				}
			})
			c := &stuck{closing: make(chan struct{}), release: make(chan struct{})}
			p := w.over(c, func(conn net.Conn) { c.Conn = conn })
			defer close(c.release)
			_, err := p.ReadFrame()
			w.must(err)
			if what == "it takes nothing" {
				w.must(p.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: mostWindow}))
				w.must(p.WriteWindowUpdate(0, 1<<30))
				p.ask(1, ":method", "GET", ":scheme", "https", ":authority", "a", ":path", "/all")
			}
			end(w, p)
			<-c.closing
			for seen, ticks, until := int64(0), 0, time.Now().Add(patience); ticks < 3; time.Sleep(time.Millisecond) {
				if now := w.server.clock.now.Load(); now != seen {
					seen, ticks = now, ticks+1
				}
				if time.Now().After(until) {
					t.Fatal("the clock of all connections stands still")
				}
			}
		})
	}
}

// over has the server serve a connection that is wrapped, and gives its client.
func (w *world) over(c net.Conn, upon func(net.Conn)) *peer {
	w.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	w.must(err)
	defer func() { _ = l.Close() }()
	client, err := net.Dial("tcp", l.Addr().String())
	w.must(err)
	w.t.Cleanup(func() { _ = client.Close() })
	conn, err := l.Accept()
	w.must(err)
	upon(conn)
	go w.server.ServeConn(c, nil)
	return w.framed(client).greets()
}

// full is a connection that takes nothing of what is written, for a while.
type full struct {
	net.Conn
	release chan struct{}
}

func (f full) Write(p []byte) (int, error) { <-f.release; return f.Conn.Write(p) }

// TestAnswersThatNobodyReadsDoNotPileUp has a client ask and read nothing until the server has noticed, and then all.
func TestAnswersThatNobodyReadsDoNotPileUp(t *testing.T) {
	const asked = 10_000
	for what, c := range map[string]struct {
		fields []string
		want   string
	}{
		"answers of a handler": {nil, "302"},
		"refusals":             {slices.Repeat([]string{"x", strings.Repeat("x", 3000)}, 30), "431"},
	} {
		t.Run(what, func(t *testing.T) {
			var handled atomic.Int64
			w := newWorld(t, false, nil, func(o *Options) {
				o.WriteTimeout, o.Streams = 0, asked
				o.Refused = func(string, *http1.Malformed) { handled.Add(1) }
				o.Handler = func(_ *http1.Request, c http1.Client) {
					c.Begin(http1.Reply{Status: http.StatusFound, Fields: http1.Fields{{Name: "Location", Value: strings.Repeat("x", 2000)}}})
					_ = c.Finish(nil)
					handled.Add(1)
				}
			})
			f := &full{release: make(chan struct{})}
			p := w.over(f, func(conn net.Conn) { f.Conn = conn })
			go func() {
				for n := range asked {
					p.ask(uint32(2*n+1), append([]string{":method", "GET", ":scheme", "https", ":authority", "a", ":path", "/"}, c.fields...)...)
				}
			}()
			for until := time.Now().Add(patience); !w.awaits(); time.Sleep(time.Millisecond) {
				if handled.Load() == asked || time.Now().After(until) {
					t.Fatalf("%d answers wait for a client that reads nothing", handled.Load())
				}
			}
			close(f.release)
			answers := 0
			_, err := p.hears(func(f http2.Frame) bool {
				if head, ok := f.(*http2.MetaHeadersFrame); ok && head.PseudoValue("status") == c.want {
					answers++
				}
				return answers == asked
			})
			if err != nil {
				t.Fatalf("%d of %d are answered: %v", answers, asked, err)
			}
		})
	}
}

// awaits tells whether the server waits for the client of its one connection to read.
func (w *world) awaits() bool {
	w.server.mu.Lock()
	defer w.server.mu.Unlock()
	for c := range w.server.conns {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.out.awaited
	}
	return false
}

// TestAnAnswerOnABrokenConnectionIsGivenUpQuietly: what waited to be written is dropped, and with it the frame that would have said
// that nothing follows.
func TestAnAnswerOnABrokenConnectionIsGivenUpQuietly(t *testing.T) {
	w := newWorld(t, false, nil)
	c := &conn{server: w.server, streams: map[uint32]*Stream{}, window: initialWindow}
	c.quiet.L, c.out.rooms, c.out.broken = &c.mu, &w.server.rooms, true
	s := &Stream{conn: c, id: 1, status: http.StatusOK, length: -1, window: initialWindow}
	s.changed.L = &c.mu
	_, err := s.Write([]byte("x"))
	w.must(err)
	c.write()
	_ = s.Finish(nil)
}
