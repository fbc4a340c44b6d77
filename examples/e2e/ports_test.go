//go:build e2e

package e2e

import (
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
)

// Ports are taken from below those that the system hands out for outgoing connections, so that a node which is
// restarted finds its own again.
const (
	lowestPort  = 20000
	highestPort = 32000
)

// ports goes through the range from a random place on, so that tests which run side by side never meet at a port.
var ports = sync.OnceValue(func() *atomic.Uint32 {
	n := new(atomic.Uint32)
	n.Store(rand.Uint32N(highestPort - lowestPort))
	return n
})

func nextPort() string {
	return strconv.Itoa(lowestPort + int(ports().Add(1)%(highestPort-lowestPort)))
}

// freeAddresses are n addresses of an IP that nobody listens on, all different.
func freeAddresses(t *testing.T, ip string, n int) []string {
	t.Helper()
	var all []string
	for range 1000 {
		if len(all) == n {
			return all
		}
		address := net.JoinHostPort(ip, nextPort())
		listener, err := net.Listen("tcp", address)
		if err != nil {
			continue
		}
		listener.Close()
		all = append(all, address)
	}
	t.Fatalf("found %d free ports on %s, want %d", len(all), ip, n)
	return nil
}

func listen(t *testing.T, address string) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

func portOf(t *testing.T, address string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return port
}
