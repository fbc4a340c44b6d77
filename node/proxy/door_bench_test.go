package proxy

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"picket/node/authz"
	"picket/node/config"
)

// BenchmarkExchange is what a request costs, from one socket to another and back, with an application and clients that cost
// next to nothing: several connections, one request after the other on each. CPU is that of the whole process.
func BenchmarkExchange(b *testing.B) {
	for _, size := range []int{1 << 10, 100 << 10} {
		app := cannedApplication(b, size)
		records := 0
		w := newWorld(b, http.NotFoundHandler(), func(c *config.Config) {
			for i := range c.Routes {
				c.Routes[i].To, c.Routes[i].IdleTimeout = []string{app}, 5*time.Minute
			}
			c.Telemetry.AccessLog = false
			c.Listeners[0].IdleTimeout = 5 * time.Minute
		})
		parts := w.parts(w.config)
		parts.Authz = authz.New(authz.Options{Policies: w.config.Policies, Log: zerolog.Nop(), Sample: 1, Records: authz.NewRecords(func(parts [][]byte) { records += len(parts[0]) }, func() {})})
		prepared, err := w.door.Prepare(w.ctx, parts)
		w.must(err)
		prepared.Use()
		cookie := w.signIn("alice", origin("wiki.test"), "wiki")
		for name, host := range map[string]string{"public": "open.test", "protected": "wiki.test"} {
			request := "GET /some/page HTTP/1.1\r\nHost: " + host + "\r\nAccept: */*\r\nUser-Agent: bench\r\nCookie: " + cookie + "\r\n\r\n"
			b.Run(fmt.Sprintf("%s/%dKiB", name, size>>10), func(b *testing.B) { askOver(b, w.address, request, size) })
		}
		w.stop()
	}
}

// askOver asks over several connections at once.
func askOver(b *testing.B, address, request string, size int) {
	const conns = 16
	var all sync.WaitGroup
	var before, after syscall.Rusage
	b.ReportAllocs()
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &before)
	for i := range conns {
		all.Go(func() {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				b.Error(err)
				return
			}
			defer conn.Close()
			room := make([]byte, 64<<10)
			for n := i; n < b.N; n += conns {
				if err := askOnce(conn, request, size, room); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &after)
	used := after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano()
	b.ReportMetric(float64(used)/float64(b.N), "cpu-ns/op")
}

func askOnce(conn net.Conn, request string, size int, room []byte) error {
	if _, err := io.WriteString(conn, request); err != nil {
		return err
	}
	got, head := 0, 0
	for head == 0 || got < head+size {
		n, err := conn.Read(room)
		if err != nil {
			return err
		}
		if head == 0 {
			if head = bytes.Index(room[:n], []byte("\r\n\r\n")) + 4; head < 4 || !strings.HasPrefix(string(room[:12]), "HTTP/1.1 200") {
				return fmt.Errorf("answered %q", room[:n])
			}
		}
		got += n
	}
	return nil
}

// cannedApplication answers whatever is asked with a body of a size.
func cannedApplication(b *testing.B, size int) string {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = listener.Close() })
	answer := []byte(fmt.Sprintf("HTTP/1.1 200 OK\r\nServer: canned\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nConnection: keep-alive\r\n\r\n%s",
		size, strings.Repeat("x", size)))
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				room := make([]byte, 16<<10)
				for {
					n, err := conn.Read(room)
					if err != nil || !bytes.HasSuffix(room[:n], []byte("\r\n\r\n")) {
						return
					}
					if _, err := conn.Write(answer); err != nil {
						return
					}
				}
			}()
		}
	}()
	return "http://" + listener.Addr().String()
}
