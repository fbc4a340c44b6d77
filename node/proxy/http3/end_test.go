package http3

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
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

// cuttable is a socket whose wire can be cut.
type cuttable struct {
	net.PacketConn
	cut *atomic.Bool
}

// ReadFrom hears nothing any more once it is cut.
func (c cuttable) ReadFrom(p []byte) (int, net.Addr, error) {
	for {
		n, from, err := c.PacketConn.ReadFrom(p)
		if err != nil || !c.cut.Load() {
			return n, from, err
		}
	}
}

func TestAnEndDoesNotWaitForAClientThatHasVanished(t *testing.T) {
	begun := make(chan struct{}, 1)
	var cut atomic.Bool
	w := newWorldAt(t, Options{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		begun <- struct{}{}
		<-r.Context().Done()
	})}, func(socket net.PacketConn) net.PacketConn { return cuttable{socket, &cut} })
	_, conn := w.client()
	w.stream(conn, frame(headers, asking()))
	<-begun
	cut.Store(true)
	began := time.Now()
	w.must(w.server.Pause()(w.ctx))
	if took := time.Since(began); took > quiet/2 {
		t.Errorf("it took %v", took)
	}
}

func TestAnEndWaitsForAClientThatIsThere(t *testing.T) {
	begun, answer := make(chan struct{}, 1), make(chan struct{})
	w := newWorld(t, Options{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		begun <- struct{}{}
		<-answer
	})})
	by, _ := w.client()
	got := make(chan int, 1)
	go func() { got <- w.get(by) }()
	<-begun
	time.AfterFunc(2*answerTime, func() { close(answer) })
	w.must(w.server.Pause()(w.ctx))
	if status := <-got; status != http.StatusOK {
		t.Errorf("it was answered %d", status)
	}
}

// lent is a socket that somebody else closes.
type lent struct{ net.PacketConn }

func (lent) Close() error { return nil }

func TestWhoAsksAServerThatStartedAgainIsToldAtOnce(t *testing.T) {
	var socket net.PacketConn
	key := [32]byte{1, 2, 3}
	first := newWorldAt(t, Options{ResetKey: key}, func(made net.PacketConn) net.PacketConn {
		socket = made
		return lent{made}
	})
	by, conn := first.client()
	if first.get(by) != http.StatusOK {
		t.Fatal("not served")
	}
	first.must(first.server.transport.Close()) // as if it had been killed: nobody is told
	second := newWorldAt(t, Options{ResetKey: key}, func(made net.PacketConn) net.PacketConn {
		first.must(made.Close())
		return socket
	})
	began := time.Now()
	if status := second.get(by); status != 0 {
		t.Fatalf("a connection that nobody knows is answered %d", status)
	}
	select {
	case <-conn.Context().Done(): // streams are told before
	case <-first.ctx.Done():
		t.Fatal("the connection goes on")
	}
	var reset *quic.StatelessResetError
	if why := context.Cause(conn.Context()); !errors.As(why, &reset) || time.Since(began) > quiet/2 {
		t.Errorf("after %v: %v", time.Since(began), why)
	}
	if again, _ := second.client(); second.get(again) != http.StatusOK {
		t.Error("another connection is not served")
	}
}
