//go:build bench

package bench

import (
	"context"
	"fmt"
	"net/http"
	"testing"
)

// sessionMemory is the most that a cached session may take.
const sessionMemory = 1 << 10

// sessions measures what it costs a node to come to know sessions: it is started anew and knows none, then each is used
// on it once. A quarter of them go first and are not counted: with them comes what does not grow with the number.
func (s *suite) sessions(t *testing.T, c *cluster, cookies []string) {
	n := c.nodes[len(c.nodes)-1]
	c.restart(n)
	first, cookies := cookies[:len(cookies)/4], cookies[len(cookies)/4:]
	s.touch(c, n, "/", first)
	s.touch(c, n, "/unsigned", first)
	record := float64(len(n.ask(http.MethodGet, "/v1/sessions/"+sessionOf(first[0]))))
	s.say("sessions: reading the heap of a node that does not know %d", len(cookies))
	known, reads := n.inUse(s.settle, heapObjects), n.reads("sessions")

	s.touch(c, n, "/unsigned", cookies)
	missed := n.reads("sessions") - reads
	s.say("sessions: reading it again, now that it knows them")
	plain := n.inUse(s.settle, heapObjects)
	s.touch(c, n, "/", cookies)
	s.say("sessions: and again, now that it has signed an assertion for each")
	signed := n.inUse(s.settle, heapObjects)

	each := float64(len(cookies))
	s.add(
		row{fmt.Sprintf("session check on a miss: leader reads, mean of %d", len(cookies)), missed / each, count, 1, "leader read", atMost(1)},
		row{fmt.Sprintf("memory per cached session, mean of %d", len(cookies)), (plain - known) / each, size, record, "its JSON", atMost(sessionMemory)},
		row{what: "memory per cached session and its assertion", measured: (signed - known) / each, unit: size, baseline: record, of: "its JSON"},
	)
}

// touch uses sessions on a node.
func (s *suite) touch(c *cluster, n *node, path string, cookies []string) {
	client := c.TLS.client()
	defer client.CloseIdleConnections()
	c.forEach(cookies, func(ctx context.Context, cookie string) error {
		status, err := c.get(ctx, client, n, path, cookie)
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("a session on %s: status %d", n.name, status)
		}
		return err
	})
}
