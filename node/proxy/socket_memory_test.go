//go:build !race

package proxy

import (
	"bufio"
	"crypto/sha1"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"picket/node/config"
)

// alone is a test beside which no other runs: newWorld leaves it as it is.
type alone struct{ testing.TB }

// What one open WebSocket may take, in bytes. Two goroutines wait, of 4 KiB each, and one that has handled a request has 8, or 16
// after TLS; on the heap stand the request, two connections, and here the other ends of these.
const (
	socketStacks = 9 << 10
	socketHeap   = 11 << 10
)

func TestAnOpenWebSocketTakesLittleMemory(t *testing.T) {
	const sockets = 300
	app := accepting(t)
	for _, safe := range []bool{true, false} {
		w := newWorld(alone{t}, http.NotFoundHandler(), func(c *config.Config) {
			if safe {
				secure(t)(c)
			}
			c.Routes[0].Access, c.Routes[0].To = config.Public, []string{"http://" + app}
		})
		for range 20 { // what the first ones bring with them
			w.openSocket(safe)
		}
		stacks, heap := w.inUse()
		for range sockets {
			w.openSocket(safe)
		}
		w.until("an open WebSocket takes little", func() bool {
			s, h := w.inUse()
			s, h = (s-stacks)/sockets, (h-heap)/sockets
			t.Logf("over TLS %t: %d B of stacks, %d B of heap", safe, s, h)
			return s <= socketStacks && (safe || h <= socketHeap) // the client's end of TLS takes more than ours
		})
		w.stop()
	}
}

// inUse is what stacks and heap take.
func (w *world) inUse() (stacks, heap int64) {
	for range 4 { // stacks halve with each
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.StackInuse), int64(m.HeapAlloc)
}

// openSocket opens a WebSocket, on which both ends say something, and leaves it open.
func (w *world) openSocket(safe bool) {
	w.t.Helper()
	conn := w.dial()
	if safe {
		conn = tls.Client(conn, &tls.Config{ServerName: "wiki.test", InsecureSkipVerify: true})
	}
	_, err := io.WriteString(conn, strings.ReplaceAll("GET /x HTTP/1.1\nHost: wiki.test\n"+upgrade+"\n", "\n", "\r\n"))
	w.must(err)
	res := w.read(conn)
	if res.StatusCode != http.StatusSwitchingProtocols {
		w.t.Fatal(res.Status)
	}
	_, err = conn.Write([]byte{0x81, 0x80, 0, 0, 0, 0})
	w.must(err)
	_, err = io.ReadFull(conn, make([]byte, 2))
	w.must(err)
}

// accepting is an application that switches to WebSocket, sends back the first few bytes, and keeps silent.
func accepting(t *testing.T) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = conn.Close() })
			in := bufio.NewReaderSize(conn, 1<<10)
			if r, err := http.ReadRequest(in); err == nil {
				sum := sha1.Sum([]byte(r.Header.Get("Sec-Websocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
				fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-Websocket-Accept: %s\r\n\r\n",
					base64.StdEncoding.EncodeToString(sum[:]))
				_, _ = io.ReadFull(in, make([]byte, 6))
				_, _ = conn.Write([]byte{0x81, 0})
			}
		}
	}()
	return l.Addr().String()
}
