//go:build e2e

package e2e

import (
	"bufio"
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
	c.endsAtTheSecondSignal(t, alice)
	m.held(t, c.nodes...)
	for _, n := range c.nodes {
		alice.over(n).isSignedInAs(t, "alice")
	}
}

// endsAtTheSecondSignal tells a leader to stop, and then again. It has somebody's events to finish, for the ten seconds of a drain,
// and a lead to hand over: the second signal is what ends it.
func (c *cluster) endsAtTheSecondSignal(t *testing.T, reader *visitor) {
	t.Helper()
	leader := c.leader(t, "sessions")
	events, err := reader.over(leader).client.Do(asProgram(c.url("app") + "/stream"))
	if err != nil {
		t.Fatal(err)
	}
	defer events.Body.Close()
	if line, err := bufio.NewReader(events.Body).ReadString('\n'); err != nil || !strings.HasPrefix(line, "data: ") {
		t.Fatalf("the first event is %q, %v", line, err)
	}
	said := len(leader.log.String())
	leader.signal(t, syscall.SIGTERM)
	eventually(t, endWithin, func() string { // else the second comes before the first was taken, and both are one
		if text := leader.log.String()[said:]; !strings.Contains(text, "stopping: finishing") {
			return "since the first signal it says: " + text
		}
		return ""
	})
	leader.signal(t, syscall.SIGTERM)
	leader.end(t)
	if by, ok := leader.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || by.Signal() != syscall.SIGTERM {
		t.Errorf("%s was told twice, and ended with %s", leader.name, leader.cmd.ProcessState)
	}
	leader.start(t)
	c.ready(t, leader)
}
