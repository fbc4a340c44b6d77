//go:build e2e

package e2e

import (
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestANodeStopsWheneverItIsTold(t *testing.T) {
	t.Parallel() // it mostly waits
	c := openCluster(t, "localhost")
	c.attach(t, builtIn)
	m := c.membership(t, c.nodes)
	m.among(t, c.nodes...)
	stops := func(n *node, when string) {
		t.Helper()
		began := time.Now()
		n.stop(t)
		t.Logf("%s %s: stopped in %s", n.name, when, time.Since(began))
	}

	first := c.nodes[0]
	first.start(t)
	eventually(t, readyWithin, func() string {
		if text := first.log.String(); !strings.Contains(text, "waiting for node-2 at "+m.addresses[c.nodes[1]]+", node-3 at ") {
			return "it says whom it waits for:\n" + text
		}
		return ""
	})
	stops(first, "that waited for the others")

	for _, n := range c.nodes {
		n.start(t)
	}
	c.ready(t, c.nodes...)
	alice := c.visit(t)
	alice.signIn(t, "alice", c.url("app")+"/")
	leader := c.leader(t, "sessions")
	rest := c.others(leader)
	leader.kill(t)
	stops(rest[0], "during an election")
	stops(rest[1], "in a minority")

	for _, n := range c.nodes {
		n.start(t)
	}
	c.ready(t, c.nodes...)
	c.endsWhenToldTwice(t)
	m.held(t, c.nodes...)
	for _, n := range c.nodes {
		alice.over(n).isSignedInAs(t, "alice")
	}
}

// endsWhenToldTwice tells a leader, who has much to hand over, to stop, and then again. What it ended with is told, and no
// more: which of the two it was, the second signal or the end of what the first began, depends on the machine.
func (c *cluster) endsWhenToldTwice(t *testing.T) {
	t.Helper()
	leader := c.leader(t, "sessions")
	said := len(leader.log.String())
	leader.signal(t, syscall.SIGTERM)
	eventually(t, endWithin, func() string { // else the second comes before the first was taken
		if text := leader.log.String()[said:]; !strings.Contains(text, "stopping: finishing") {
			return text
		}
		return ""
	})
	told := time.Now()
	leader.signal(t, syscall.SIGTERM)
	leader.end(t)
	t.Logf("%s was told twice, and ended with %s after %s", leader.name, leader.cmd.ProcessState, time.Since(told))
	leader.start(t)
	c.ready(t, leader)
}
