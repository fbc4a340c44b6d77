//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"picket/examples/ports"
)

func TestOneNodeGrowsToThreeIsRepairedAndPeopleStaySignedIn(t *testing.T) {
	t.Parallel() // it mostly waits
	c := openCluster(t, "localhost")
	c.attach(t, builtIn)
	all := append(c.nodes, &node{process: process{name: "node-4"}, listen: c.nodes[2].listen, admin: ports.One(t)})
	m := c.membership(t, all)
	first, second, third, fourth := all[0], all[1], all[2], all[3]

	c.nodes = all[:1]
	m.alone(t)
	first.start(t)
	c.ready(t, first)
	alice, bob := c.visitVia(t, c.transport(first.listen)), c.visitVia(t, c.transport(first.listen))
	alice.signIn(t, "alice", c.url("app")+"/")
	bob.signIn(t, "bob", c.url("app")+"/")
	bob.isSignedInAs(t, "bob")
	first.picket(t, "sessions", "revoke", "--user", "bob@example.com")

	t.Log("one becomes three")
	c.nodes = all[:3]
	first.stop(t)
	m.among(t, c.nodes...)
	began := time.Now()
	for _, n := range []*node{third, second, first} { // in whatever order: the empty ones wait for the one that has records
		n.start(t)
	}
	c.ready(t, c.nodes...)
	t.Logf("all are ready after %s", time.Since(began))
	m.held(t, c.nodes...)
	t.Logf("everything is held by three after %s", time.Since(began))
	stays := func() {
		t.Helper()
		for _, n := range c.nodes {
			alice.over(n).isSignedInAs(t, "alice")
		}
		c.refusedEverywhere(t, bob, nil)
	}
	stays()

	t.Log("a dead node is replaced by an empty one of the same name")
	second.kill(t)
	second.env = append(second.env, "PICKET_STORE="+t.TempDir())
	second.start(t)
	c.ready(t, second)
	m.held(t, c.nodes...)
	stays()

	t.Log("another dies for good, and one of another name takes its place")
	third.kill(t)
	c.nodes = []*node{first, second, fourth}
	eventually(t, readyWithin, func() string { // until it is known to be gone, and another leads
		out, err := first.try(t, "nodes", "retire", "node-3")
		if err == nil {
			t.Fatal("a node of the configuration is retired")
		}
		if !strings.Contains(out, "in the configuration of node-") {
			return out
		}
		return ""
	})
	m.among(t, c.nodes...)
	for _, n := range []*node{first, second} {
		n.stop(t)
		n.start(t)
		n.isReady(t)
	}
	for _, n := range []*node{first, second} { // a new one asks who leads: while nobody does, there is nobody to refuse it
		eventually(t, readyWithin, func() string {
			out, err := n.try(t, "nodes", "list")
			if err != nil || !strings.Contains(out, "node-3") {
				return out
			}
			return ""
		})
	}
	fourth.start(t)
	select {
	case <-fourth.ended:
	case <-time.After(readyWithin):
		t.Error("node-4 is taken while node-3 is counted")
	}
	if said := fourth.log.String(); !strings.Contains(said, "picket nodes retire") {
		t.Errorf("node-4 said:\n%s", said)
	}
	eventually(t, readyWithin, func() string {
		if out, err := first.try(t, "nodes", "retire", "node-3"); err != nil {
			return out
		}
		return ""
	})
	fourth.start(t)
	c.ready(t, fourth)
	m.held(t, c.nodes...)
	stays()
	eventually(t, readyWithin, func() string { // nodes tell of themselves beside what they are asked to do
		if list := fourth.picket(t, "nodes", "list"); strings.Contains(list, "node-3") || !strings.Contains(list, "node-4") {
			return "the list is\n" + list
		}
		return ""
	})
}

// membership is the one file that all nodes of a cluster run by, while who is among the peers changes.
type membership struct {
	file, text string
	addresses  map[*node]string // that the others know it by
}

// peersLine is where the usual configuration names its peers.
var peersLine = regexp.MustCompile(`(?m)^\s*peers\s*=.*$`)

// membership gives all of these nodes one file, and each an address and an empty store. None is started.
func (c *cluster) membership(t *testing.T, nodes []*node) *membership {
	t.Helper()
	text, err := os.ReadFile("testdata/cluster.hcl")
	if err != nil {
		t.Fatal(err)
	}
	m := &membership{file: filepath.Join(scratch(t, "membership"), "cluster.hcl"), text: string(text), addresses: map[*node]string{}}
	var processes []*process
	for _, n := range nodes {
		addresses := ports.Some(t, 2)
		m.addresses[n] = addresses[0]
		c.tell(t, n, m.file)
		n.env = append(n.env, "PICKET_BROKER="+addresses[0], "PICKET_CLIENT="+addresses[1], "PICKET_STORE="+t.TempDir(),
			"E2E_PORT="+portOf(t, c.front), "E2E_UPSTREAM="+c.upstream.server.URL)
		processes = append(processes, &n.process)
	}
	keep(t, processes...)
	return m
}

// alone has the file name no peers.
func (m *membership) alone(t *testing.T) {
	t.Helper()
	write(t, m.file, peersLine.ReplaceAllLiteralString(m.text, ""))
}

// among has the file name these peers.
func (m *membership) among(t *testing.T, peers ...*node) {
	t.Helper()
	var quoted []string
	for _, n := range peers {
		quoted = append(quoted, fmt.Sprintf("%q", n.name+"="+m.addresses[n]))
	}
	write(t, m.file, peersLine.ReplaceAllLiteralString(m.text, "    peers = ["+strings.Join(quoted, ", ")+"]"))
}

// held waits until every bucket has a current copy on each of these nodes, and on no other.
func (m *membership) held(t *testing.T, by ...*node) {
	t.Helper()
	var want []string
	for _, n := range by {
		want = append(want, n.name)
	}
	eventually(t, readyWithin, func() string {
		s, err := by[0].tells()
		if err != nil {
			return err.Error()
		}
		for _, b := range s.Buckets {
			var have []string
			for _, r := range b.Replicas {
				have = append(have, r.Name)
			}
			slices.Sort(have)
			if !slices.Equal(have, want) {
				return fmt.Sprintf("%s is held by %v", b.Name, have)
			}
		}
		return s.unsettled()
	})
}

// isReady waits for a node whose cluster lacks another.
func (n *node) isReady(t *testing.T) {
	t.Helper()
	eventually(t, readyWithin, func() string {
		if n.hasEnded() {
			t.Fatalf("%s ended", n.name)
		}
		return answers("http://" + n.admin + "/readyz")
	})
}
