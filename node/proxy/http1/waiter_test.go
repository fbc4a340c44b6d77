package http1

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"io"
	"net"
	"net/http/httptest"
	"testing"
	"time"
)

// securely makes TLS of the two ends of a connection.
func securely(t *testing.T, one, other net.Conn) (client, server net.Conn) {
	to := tls.Client(one, &tls.Config{InsecureSkipVerify: true})
	own := httptest.NewTLSServer(nil)
	own.Close()
	from := tls.Server(Beneath(other), &tls.Config{Certificates: own.TLS.Certificates})
	agreed := make(chan error, 1)
	go func() { agreed <- to.HandshakeContext(context.Background()) }()
	if err := from.HandshakeContext(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := <-agreed; err != nil {
		t.Fatal(err)
	}
	return to, from
}

func TestWhatComesToAWaiterIsPassedOnWhole(t *testing.T) {
	for name, through := range map[string]func(one, other net.Conn) (net.Conn, net.Conn){
		"a socket": func(one, other net.Conn) (net.Conn, net.Conn) { return one, other },
		"TLS":      func(one, other net.Conn) (net.Conn, net.Conn) { return securely(t, one, other) },
		"a pipe":   func(net.Conn, net.Conn) (net.Conn, net.Conn) { return net.Pipe() },
	} {
		sender, receiver := through(joined(t))
		want := content(3 << 20)
		go func() {
			rest := want
			for sizes := 1; len(rest) > 0; sizes = sizes*2 + 1 {
				n := min(sizes, len(rest), 300<<10)
				if _, err := sender.Write(rest[:n]); err != nil {
					return
				}
				rest = rest[n:]
			}
			_ = sender.Close()
		}()
		sum := sha256.Sum256(want)
		var got bytes.Buffer
		signs := 0
		n, err := NewWaiter(receiver, &Rooms{}).Copy(&got, func() { signs++ })
		if err != nil || n != int64(got.Len()) || sha256.Sum256(got.Bytes()) != sum {
			t.Errorf("%s: %d of %d bytes came, and not the same: %v", name, n, len(want), err)
		}
		if signs == 0 {
			t.Errorf("%s: it gave no sign of life", name)
		}
	}
}

func TestAWaiterIsWokenByADeadlineAndByTheEnd(t *testing.T) {
	for _, wake := range []func(net.Conn){
		func(c net.Conn) { _ = c.SetReadDeadline(time.Now()) },
		func(c net.Conn) { _ = c.Close() },
	} {
		for _, secure := range []bool{false, true} {
			one, other := joined(t)
			if secure {
				one, other = securely(t, one, other)
			}
			ended := make(chan error, 1)
			go func() {
				_, err := NewWaiter(other, &Rooms{}).Copy(io.Discard, func() {})
				ended <- err
			}()
			_, _ = one.Write([]byte("x"))
			wake(other)
			select {
			case err := <-ended:
				if err == nil {
					t.Error("it ended well")
				}
			case <-time.After(soon):
				t.Fatal("it waits on")
			}
		}
	}
}
