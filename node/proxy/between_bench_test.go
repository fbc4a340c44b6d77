package proxy

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"picket/node/authz"
	"picket/node/config"
	"picket/node/proxy/http1"
)

// BenchmarkBetweenSockets is what a protected request costs in this process alone: connections that are memory stand for the sockets,
// and one goroutine does it all. System calls leave little of a processor's caches to who makes them: "cold" is with first-level
// caches that hold something else whenever something is read, and what it takes to have it so is subtracted.
func BenchmarkBetweenSockets(b *testing.B) {
	w := newWorld(b, http.NotFoundHandler(), func(c *config.Config) {
		for i := range c.Routes {
			c.Routes[i].IdleTimeout = 5 * time.Minute
		}
		c.Telemetry.AccessLog = false
	})
	parts, records := w.parts(w.config), 0
	parts.Authz = authz.New(authz.Options{Policies: w.config.Policies, Log: zerolog.Nop(), Sample: 1, Records: authz.NewRecords(func(all [][]byte) { records += len(all) }, func() {})})
	prepared, err := w.door.Prepare(w.ctx, parts)
	w.must(err)
	prepared.Use()
	cookie := w.signIn("alice", origin("wiki.test"), "wiki")
	request := "GET /some/page HTTP/1.1\r\nHost: wiki.test\r\nAccept: */*\r\nUser-Agent: bench\r\nCookie: " + cookie + "\r\n\r\n"
	answer := fmt.Sprintf("HTTP/1.1 200 OK\r\nServer: canned\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Type: text/plain\r\nContent-Length: 1024\r\nConnection: keep-alive\r\n\r\n%s", strings.Repeat("x", 1024))
	for name, chill := range map[string]func(){"warm": func() {}, "cold": newChill()} {
		b.Run(name, func(b *testing.B) {
			app := newMemory(answer, 1<<62, chill, true)
			line := w.door.inForce.Load().routes[0].targets[0].line
			before := line.now.Load()
			defer line.now.Store(before)
			line.now.Store(&connections{plainTransport{&http1.Transport{
				Dial: func(context.Context, string, string) (net.Conn, error) { return app, nil }, IdleConns: 1, HeaderBytes: 64 << 10,
			}}, before.generation})
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			b.ReportAllocs()
			began := threadTime()
			for range 2 * b.N {
				chill()
			}
			chilling := threadTime() - began
			b.ResetTimer()
			client := newMemory(request, b.N, chill, false)
			began = threadTime()
			w.door.listeners[0].speakers.http1.ServeConn(context.Background(), client, nil)
			b.ReportMetric(float64(threadTime()-began-chilling)/float64(b.N), "cpu-ns/op")
			if client.written < b.N*1024 {
				b.Fatalf("%d bytes were answered", client.written)
			}
		})
	}
}

// newChill has the first-level cache of data hold something else.
func newChill() func() {
	other := make([]byte, 128<<10)
	return func() {
		for i := 0; i < len(other); i += 64 {
			other[i]++
		}
	}
}

// threadTime is the time of the processor that this thread took, in ns.
func threadTime() int64 {
	var used unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_THREAD, &used)
	return used.Utime.Nano() + used.Stime.Nano()
}

// memory is a connection of which the other side always says the same: a client that asks, and asks again when it was answered, or an
// application that answers.
type memory struct {
	what  string
	times int
	chill func()

	mu      sync.Mutex
	waits   bool          // guarded by mu: for what is to be written
	late    chan struct{} // closed by a deadline
	written int
}

func newMemory(what string, times int, chill func(), waits bool) *memory {
	return &memory{what: what, times: times, chill: chill, waits: waits, late: make(chan struct{}, 1)}
}

func (m *memory) Read(p []byte) (int, error) {
	m.mu.Lock()
	if m.waits { // somebody looks whether it is still there
		m.mu.Unlock()
		<-m.late
		return 0, os.ErrDeadlineExceeded
	}
	m.waits = true
	m.mu.Unlock()
	if m.times == 0 {
		return 0, io.EOF
	}
	m.times--
	m.chill()
	return copy(p, m.what), nil
}

func (m *memory) Write(p []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.waits, m.written = false, m.written+len(p)
	return len(p), nil
}

func (m *memory) SetReadDeadline(at time.Time) error {
	if !at.IsZero() {
		m.late <- struct{}{}
	}
	return nil
}

func (m *memory) Close() error                     { return nil }
func (m *memory) LocalAddr() net.Addr              { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }
func (m *memory) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1} }
func (m *memory) SetDeadline(time.Time) error      { return nil }
func (m *memory) SetWriteDeadline(time.Time) error { return nil }
