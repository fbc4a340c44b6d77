package http3

import (
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"testing"
	"time"
)

// faraway is a socket from which everything takes its time.
type faraway struct {
	net.PacketConn
	way time.Duration

	mu   sync.Mutex
	sent chan func() // guarded by mu; nil: nothing was
}

// WriteTo sends later, in order.
func (f *faraway) WriteTo(p []byte, to net.Addr) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.sent == nil {
		f.sent = make(chan func(), 1<<14)
		go func() {
			for send := range f.sent {
				send()
			}
		}()
	}
	due, held := time.NewTimer(f.way), append([]byte(nil), p...)
	select {
	case f.sent <- func() { <-due.C; _, _ = f.PacketConn.WriteTo(held, to) }:
	default: // lost
	}
	return len(p), nil
}

// Close ends it, and what has not gone yet.
func (f *faraway) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.sent != nil {
		close(f.sent)
		f.sent = nil
	}
	return f.PacketConn.Close()
}

func TestTheEndOfAnAnswerArrivesHoweverFarTheClientIs(t *testing.T) {
	for _, length := range []int{40_400, 40_800, 41_200} { // a little more than may be sent before something is acknowledged
		t.Run(strconv.Itoa(length), func(t *testing.T) {
			t.Parallel()
			arrivesWhole(t, length)
		})
	}
}

// arrivesWhole has an answer go a long way, and the server end as soon as it is given.
func arrivesWhole(t *testing.T, length int) {
	answered := make(chan struct{})
	w := newWorldAt(t, Options{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(make([]byte, length))
		close(answered)
	})}, func(socket net.PacketConn) net.PacketConn {
		return &faraway{PacketConn: socket, way: 700 * time.Millisecond}
	})
	by, _ := w.client()
	heard := make(chan int, 1)
	go func() {
		r := (&http.Request{Method: http.MethodGet, Host: "a.test", URL: &url.URL{Scheme: "https", Host: "a.test", Path: "/"}}).WithContext(w.ctx)
		res, err := by.RoundTrip(r)
		if err != nil {
			heard <- 0
			return
		}
		all, _ := io.ReadAll(res.Body) // what has come tells
		heard <- len(all)
	}()
	select {
	case <-answered:
	case <-w.ctx.Done():
		t.Fatal("nobody has asked")
	}
	w.must(w.server.Pause()(w.ctx))
	if n := <-heard; n != length {
		t.Errorf("%d of %d bytes have arrived", n, length)
	}
}
