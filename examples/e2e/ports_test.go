//go:build e2e

package e2e

import (
	"math/rand/v2"
	"net"
	"strconv"
	"testing"
)

// Ports are taken from below those that the system hands out for outgoing connections, so that a node which is
// restarted finds its own again.
const (
	lowestPort  = 20000
	highestPort = 32000
)

// freeAddresses are n addresses of an IP that nobody listens on, all different.
func freeAddresses(t *testing.T, ip string, n int) []string {
	t.Helper()
	var all []string
	for range 1000 {
		if len(all) == n {
			return all
		}
		address := net.JoinHostPort(ip, strconv.Itoa(lowestPort+rand.IntN(highestPort-lowestPort)))
		listener, err := net.Listen("tcp", address)
		if err != nil {
			continue
		}
		defer listener.Close() // when all are found, so that none is found twice
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
