package http2

import (
	"net"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// TestSettingsComeFirst: also on a connection that is told to end before it was served (RFC 9113, section 3.4).
func TestSettingsComeFirst(t *testing.T) {
	w := newWorld(t, false, ok)
	client, conn := w.pair()
	p := w.framed(client)
	c := newConn(w.server, conn, nil)
	if !w.server.remember(c) {
		t.Fatal("it is not taken")
	}
	defer w.server.forget(c)
	c.goAway()
	done := make(chan struct{})
	go func() { defer close(done); c.serve() }()
	defer func() { _ = client.Close(); <-done }()
	p.greets()
	var got []http2.FrameType
	_, err := p.hears(func(f http2.Frame) bool {
		got = append(got, f.Header().Type)
		return f.Header().Type == http2.FrameGoAway
	})
	w.must(err)
	if got[0] != http2.FrameSettings {
		t.Errorf("first come %v", got)
	}
}

// TestARequestThatIsToldToBeServedIs: also when the connection is told to end between its header and its handler.
func TestARequestThatIsToldToBeServedIs(t *testing.T) {
	w := newWorld(t, false, ok)
	_, conn := w.pair()
	c := newConn(w.server, conn, nil)
	c.mu.Lock()
	begins, err := c.begins(heldBlock{stream: 1, end: true}, nil)
	c.lastCall()
	c.mu.Unlock()
	if err != nil || !begins {
		t.Fatalf("the request does not begin: %v", err)
	}
	for until := time.Now().Add(patience); ; {
		c.mu.Lock()
		said, over := !c.out.writing && len(c.out.buf) == 0, c.leaving.over
		c.mu.Unlock()
		switch {
		case over:
			t.Fatal("the connection is over")
		case said:
			return
		case time.Now().After(until):
			t.Fatal("the client is not told")
		}
		<-time.After(time.Millisecond)
	}
}

// pair is a connection that nobody serves yet, both ends of it.
func (w *world) pair() (client, server net.Conn) {
	w.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	w.must(err)
	defer l.Close()
	client, err = net.Dial("tcp", l.Addr().String())
	w.must(err)
	w.t.Cleanup(func() { _ = client.Close() })
	server, err = l.Accept()
	w.must(err)
	w.t.Cleanup(func() { _ = server.Close() })
	return client, server
}
