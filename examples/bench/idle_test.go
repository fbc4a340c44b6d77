//go:build bench

package bench

import (
	"bufio"
	"crypto/tls"
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

// idle measures what a client costs that has asked once, keeps its connection open and asks nothing more. Of every peer
// it is what its processes grow by; of picket also what of that is in use after a collection.
func (s *door) idle(t *testing.T, application nginx) {
	if !s.takes("idle", true) {
		return
	}
	nginx := map[bool]float64{} // by whether with TLS
	for _, p := range s.peers(t, application, false) {
		if p.name == peerProtected && s.wants(peerPublic) {
			continue // the same node
		}
		for _, safe := range []bool{false, true} {
			d, what := p.plain, "memory per idle connection, "+p.name
			if safe {
				d, what = p.safe, "memory per idle TLS connection, "+p.name
			}
			s.say("idle: opening %d to %s", idleConnections, p.name)
			grown, used := s.hold(t, d, safe)
			if p.name == peerNginx {
				nginx[safe] = grown
			}
			r := row{what: what, measured: grown, unit: size, baseline: nginx[safe], of: peerNginx}
			if d.node != nil {
				r.reach = atMost(connectionMemory)
				in := r
				in.what, in.measured = what+" (in use)", used
				s.add(in)
			}
			s.add(r)
		}
	}
}

// hold opens connections and tells what one of them costs.
func (s *door) hold(t *testing.T, d doorway, safe bool) (grown, used float64) {
	t.Helper()
	var trust *tls.Config
	if safe {
		trust = s.keys.trust()
		trust.ServerName = "localhost"
	}
	first := openAll(t, d, trust, 64) // what the first connections bring with them
	before, usedBefore := s.memory(t, d)
	rest := openAll(t, d, trust, idleConnections)
	after, usedAfter := s.memory(t, d)
	for _, conn := range append(first, rest...) {
		_ = conn.Close() // the test is done with it
	}
	return (after - before) / idleConnections, (usedAfter - usedBefore) / idleConnections
}

// memory is what the processes of a doorway take, and what of it is in use as far as a node tells.
func (s *door) memory(t *testing.T, d doorway) (resident, used float64) {
	t.Helper()
	if d.node != nil {
		used = d.node.inUse(s.settle, heapSpans, stacks)
	}
	return d.resident(t), used
}

// openAll opens connections and asks once on each.
func openAll(t *testing.T, d doorway, trust *tls.Config, count int) (all []net.Conn) {
	t.Helper()
	for range count {
		conn, err := net.Dial("tcp", d.address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		if trust != nil {
			conn = tls.Client(conn, trust)
		}
		if _, err := conn.Write(d.request()); err != nil {
			t.Fatal(err)
		}
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != http.StatusOK {
			t.Fatal(fmt.Errorf("%s: %s %w", d.address, response.Status, err))
		}
		all = append(all, conn)
	}
	return all
}
