package http2

import (
	"net"
	"net/http"
	"sync"
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
			p := w.over(c)
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
func (w *world) over(c *stuck) *peer {
	w.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	w.must(err)
	defer func() { _ = l.Close() }()
	client, err := net.Dial("tcp", l.Addr().String())
	w.must(err)
	w.t.Cleanup(func() { _ = client.Close() })
	c.Conn, err = l.Accept()
	w.must(err)
	go w.server.ServeConn(c, nil)
	return w.framed(client).greets()
}
