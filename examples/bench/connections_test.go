//go:build bench

package bench

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
)

const (
	idleConnections  = 2000
	connectionMemory = 8 << 10 // bytes, the most
)

// connections measures what a client costs that keeps its connection open and asks nothing.
func (s *suite) connections(t *testing.T) {
	application := launchApplication(t)
	plain, one := launchProxy(t, application, nil), s.newCluster(t, 1, application, nil)
	one.start()
	n, host := one.nodes[0], one.authority("public")
	keepOpen(t, n.http, host, 64) // what the first connections bring with them
	keepOpen(t, plain.address, host, 64)

	s.say("connections: opening %d", idleConnections)
	before, beforePlain := n.inUse(heapSpans, stacks), plain.resident(t)
	keepOpen(t, n.http, host, idleConnections)
	keepOpen(t, plain.address, host, idleConnections)
	after, afterPlain := n.inUse(heapSpans, stacks), plain.resident(t)

	s.add(row{fmt.Sprintf("memory per idle keep-alive connection, mean of %d", idleConnections), (after - before) / idleConnections, size,
		(afterPlain - beforePlain) / idleConnections, "nginx", atMost(connectionMemory)})
}

// keepOpen opens connections, asks once on each, and leaves them open until the test ends.
func keepOpen(t *testing.T, address, host string, count int) {
	t.Helper()
	for range count {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		if _, err := fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", host); err != nil {
			t.Fatal(err)
		}
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s %v", address, response.Status, err)
		}
	}
}
