package dev

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"picket/examples/ports"
)

func TestConnectionsGoRound(t *testing.T) {
	balancer, address := startBalancer(t, named(t, "a"), named(t, "b"), named(t, "c"))
	var got strings.Builder
	for range 6 {
		got.WriteString(ask(t, address))
	}
	if got.String() != "abcabc" {
		t.Errorf("went to %s", got.String())
	}
	if len(balancer.backends) != 3 {
		t.Errorf("%d backends", len(balancer.backends))
	}
}

func TestABackendThatRefusesIsPassedOver(t *testing.T) {
	dead := ports.One(t)
	_, address := startBalancer(t, dead, named(t, "b"), named(t, "c"))
	got := map[string]int{}
	for range 9 {
		got[ask(t, address)]++
	}
	if got["b"]+got["c"] != 9 || got["b"] < 4 || got["c"] < 4 {
		t.Errorf("went to %v, want every connection served, evenly", got)
	}
}

func TestABackendThatComesBackIsUsedOnceItIsMarkedWell(t *testing.T) {
	dead := ports.One(t)
	balancer, address := startBalancer(t, dead, named(t, "b"))
	ask(t, address)
	ask(t, address)
	back, err := net.Listen("tcp", dead)
	if err != nil {
		t.Fatal(err)
	}
	answer(t, back, "a")
	if got := ask(t, address) + ask(t, address); got != "bb" {
		t.Errorf("before it was marked: went to %s", got)
	}
	balancer.Mark(dead, true)
	if got := ask(t, address) + ask(t, address); got != "ab" && got != "ba" {
		t.Errorf("after it was marked: went to %s", got)
	}
}

func TestABackendThatIsNotWellIsStillTriedLast(t *testing.T) {
	a := named(t, "a")
	balancer, address := startBalancer(t, a, ports.One(t))
	balancer.Mark(a, false)
	if got := ask(t, address); got != "a" {
		t.Errorf("went to %q", got)
	}
}

func TestWhenAllAreDeadTheConnectionEnds(t *testing.T) {
	_, address := startBalancer(t, ports.One(t), ports.One(t))
	if got := ask(t, address); got != "" {
		t.Errorf("got %q", got)
	}
}

func TestASideThatEndsItsHalfStillHearsTheAnswer(t *testing.T) {
	listener := listen(t)
	accept(t, listener, func(conn net.Conn) { // answers only when the question has ended
		question, _ := io.ReadAll(conn)
		fmt.Fprintf(conn, "you said %s", question)
	})
	_, address := startBalancer(t, listener.Addr().String())
	conn := dial(t, address)
	fmt.Fprint(conn, "hello")
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(conn); string(got) != "you said hello" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestABackendThatDiesTakesItsConnectionsAlong(t *testing.T) {
	listener := listen(t)
	accept(t, listener, func(conn net.Conn) {
		fmt.Fprint(conn, "x")
		_ = conn.(*net.TCPConn).SetLinger(0) // resets, as the kernel does for a process that was killed
	})
	_, address := startBalancer(t, listener.Addr().String())
	conn := dial(t, address)
	if _, err := io.ReadAll(conn); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the connection stays open")
	}
}

func TestEndingCutsWhatIsOpen(t *testing.T) {
	listener := listen(t)
	accept(t, listener, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
	balancer := NewBalancer(listener.Addr().String())
	front, err := net.Listen("tcp", ports.One(t)) // a port that nobody else is given when it is closed
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- balancer.Serve(ctx, front) }()
	conn := dial(t, front.Addr().String())
	fmt.Fprint(conn, "hello")
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := io.ReadAll(conn); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the connection stays open")
	}
	if _, err := net.Dial("tcp", front.Addr().String()); err == nil {
		t.Error("the listener stays open")
	}
}

// lastly ends something when it has accepted a connection.
type lastly struct {
	net.Listener
	end func()
}

func (l lastly) Accept() (net.Conn, error) {
	defer l.end()
	return l.Listener.Accept()
}

func TestEndingCutsWhatComesInTheLastMoment(t *testing.T) {
	front := listen(t)
	ctx, cancel := context.WithCancel(t.Context())
	conn := dial(t, front.Addr().String())
	if err := NewBalancer(named(t, "a")).Serve(ctx, lastly{front, cancel}); err != nil {
		t.Error(err)
	}
	if _, err := io.ReadAll(conn); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the connection stays open")
	}
}

func startBalancer(t *testing.T, backends ...string) (*Balancer, string) {
	t.Helper()
	balancer, front := NewBalancer(backends...), listen(t)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- balancer.Serve(ctx, front) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return balancer, front.Addr().String()
}

// named is the address of a server that says its name.
func named(t *testing.T, name string) string {
	listener := listen(t)
	answer(t, listener, name)
	return listener.Addr().String()
}

func answer(t *testing.T, listener net.Listener, name string) {
	accept(t, listener, func(conn net.Conn) { fmt.Fprint(conn, name) })
}

func accept(t *testing.T, listener net.Listener, handle func(net.Conn)) {
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { defer conn.Close(); handle(conn) }()
		}
	}()
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	return conn
}

func ask(t *testing.T, address string) string {
	t.Helper()
	got, _ := io.ReadAll(dial(t, address))
	return string(got)
}
