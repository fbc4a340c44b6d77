package proxy

import (
	"errors"
	"net"
	"net/http"
	"os"
	"testing"
	"testing/synctest"

	"picket/node/proxy/http1"
)

// A client may have left no room for what it is told: of what it asked before it has read nothing.
func TestAClientThatDoesNotReadHoldsUpNoSwitch(t *testing.T) {
	d := &Door{}
	for name, begin := range map[string]func(*ask) error{
		"a protocol of its own": func(a *ask) error { return second(d.switchOver(&http.Response{}, a)) },
		"a tunnel":              func(a *ask) error { return second(openTunnel(a)) },
		"datagrams":             func(a *ask) error { return second(openDatagrams(a)) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ours, theirs := net.Pipe()
				defer theirs.Close()
				a := &ask{r: &http1.Request{Head: http1.Head{Major: 1, Minor: 1}}, w: recorder{Client: handedOver{conn: ours}}}
				if err := begin(a); !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("it began all the same: %v", err)
				}
				if _, err := ours.Write([]byte("x")); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("the connection is not closed: %v", err)
				}
			})
		})
	}
}

// handedOver is a client with a connection of its own.
type handedOver struct {
	http1.Client
	conn net.Conn
}

// Hijack hands it over.
func (h handedOver) Hijack() (net.Conn, []byte, error) { return h.conn, nil, nil }
