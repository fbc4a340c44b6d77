//go:build !race

package http1

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"runtime"
	"testing"
	"time"
)

// deep needs a stack as the door does.
//
//go:noinline
func deep(n int) int {
	var room [512]byte
	if n > 0 {
		room[n] = byte(deep(n - 1))
	}
	return int(room[n])
}

func TestAnIdleConnectionTakesLittleMemory(t *testing.T) {
	const conns = 400
	hello := adapted(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		deep(12)
		_, _ = io.WriteString(w, "hello")
	}))
	for _, c := range []struct {
		name string
		most int64 // KiB; a client's end of 1 KiB is in it
		open func(t *testing.T) (address string, through func(net.Conn) net.Conn)
	}{
		{"in the clear", 8, func(t *testing.T) (string, func(net.Conn) net.Conn) {
			w := newWorld(t, nil, func(s *Server) { s.Handler, s.IdleTimeout = hello, 10*time.Minute })
			return w.address, func(c net.Conn) net.Conn { return c }
		}},
		{"over TLS", 16, func(t *testing.T) (string, func(net.Conn) net.Conn) {
			return secureServer(t, &Server{Handler: hello, IdleTimeout: 10 * time.Minute}), func(c net.Conn) net.Conn {
				return tls.Client(c, &tls.Config{InsecureSkipVerify: true})
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			address, through := c.open(t)
			var all []net.Conn
			ask := func() {
				raw, err := net.Dial("tcp", address)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, raw)
				conn := through(raw)
				if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
					t.Fatal(err)
				}
				if _, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil {
					t.Fatal(err)
				}
			}
			ask()
			before := inUse()
			for range conns {
				ask()
			}
			within(t, "idle connections take little memory", func() bool {
				each := (inUse() - before) / conns
				t.Logf("%d B for each", each)
				return each <= c.most<<10
			})
			for _, conn := range all {
				_ = conn.Close()
			}
		})
	}
}

// inUse is what heap and stacks take.
func inUse() int64 {
	for range 3 { // stacks halve with each
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}
