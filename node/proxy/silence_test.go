package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"picket/node/authn"
	"picket/node/config"
	"picket/node/proxy/http1"
)

// underWay is the only request under way, once nothing more of it moves.
func (w *world) underWay() *stream {
	w.t.Helper()
	var s *stream
	w.until("a request is under way, and nobody takes more of it", func() bool {
		all := w.door.streams.pick(authn.Change{})
		if len(all) != 1 {
			return false
		}
		before := all[0].acked()
		<-time.After(200 * time.Millisecond)
		s = all[0]
		return before > 0 && s.acked() == before
	})
	return s
}

// TestWhatIsTakenSlowlyIsNotIdle has one side take little of what the kernel holds for it, which has room for nothing more.
func TestWhatIsTakenSlowlyIsNotIdle(t *testing.T) {
	const size = 64 << 20
	arrived := make(chan net.Conn, 1)
	for name, begin := range map[string]func(w *world) io.Reader{
		"an answer by its client": func(w *world) io.Reader {
			conn := w.dial()
			w.must(second(fmt.Fprintf(conn, "GET /?%d HTTP/1.1\r\nHost: open.test\r\n\r\n", size)))
			return conn
		},
		"a body by its application": func(w *world) io.Reader {
			conn := w.dial()
			go func() {
				_, _ = fmt.Fprintf(conn, "POST /keep HTTP/1.1\r\nHost: open.test\r\nContent-Length: %d\r\n\r\n", size)
				_, _ = conn.Write(make([]byte, size))
			}()
			return <-arrived
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == "GET" {
					sized(w, r)
					return
				}
				conn, _, _ := http.NewResponseController(w).Hijack()
				arrived <- conn
			}), func(c *config.Config) { c.Routes[1].IdleTimeout, c.Routes[1].Timeout = time.Hour, 0 })
			from := bufio.NewReader(begin(w))
			s := w.underWay()
			since := s.lastAlive()
			now := time.Unix(0, since).Add(40 * time.Minute)
			all := []*stream{s}
			w.door.endIdle(all, now)
			before := s.acked()
			w.must(second(io.CopyN(io.Discard, from, 256<<10)))
			for s.acked() < before+http1.EnoughAcked { // the kernel tells of room when there is much
				w.must(second(io.CopyN(io.Discard, from, 64<<10)))
			}
			s.alive.Store(since) // as if it had moved within the kernel alone
			w.door.endIdle(all, now.Add(21*time.Minute))
			if err := s.ask.r.Life.Cause(); err != nil {
				t.Fatalf("it moves, and was ended: %v", err)
			}
			s = w.underWay()
			s.alive.Store(now.UnixNano())
			for _, later := range []time.Duration{40 * time.Minute, 61 * time.Minute} {
				w.door.endIdle(all, now.Add(later))
			}
			if err := s.ask.r.Life.Cause(); err != errIdle {
				t.Errorf("nothing moves, and it goes on: %v", err)
			}
		})
	}
}
