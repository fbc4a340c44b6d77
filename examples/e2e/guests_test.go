//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"picket/examples/pace"
	"picket/examples/ports"
)

const (
	guests = 20 // nodes that store nothing
	atOnce = 5  // of them start together

	// writtenWithin is shorter than an election takes. A busy disk alone takes up to two seconds for what takes milliseconds.
	writtenWithin = 4 * time.Second
)

func TestTwentyNodesThatStoreNothingComeAndGoAndDisturbNobody(t *testing.T) {
	c := startCluster(t)
	alice, bob := c.visit(t), c.visit(t)
	alice.signIn(t, "alice", c.url("app")+"/")
	bob.signIn(t, "bob", c.url("app")+"/")
	led, p := c.leaders(t), pace.Start(t)
	work, writes := newLoad(alice, alice), c.nodes[0].writing(t)

	store := t.TempDir()
	all := c.invite(t, guests, store)
	began := time.Now()
	arrive := func(some []*node) {
		for _, g := range some {
			g.start(t)
		}
		for _, g := range some {
			g.isReady(t)
			alice.over(g).isSignedInAs(t, "alice")
		}
	}
	for i := 0; i < len(all); i += atOnce {
		arrive(all[i : i+atOnce])
	}
	t.Logf("all are there after %s; now half of them go, one way or the other, and some come back", time.Since(began))
	for i, g := range all[:guests/2] {
		if i%2 == 0 {
			g.kill(t)
		} else {
			g.stop(t)
		}
	}
	arrive(all[:3])
	all[guests-1].picket(t, "sessions", "revoke", "--user", "bob@example.com")
	c.refusedEverywhere(t, bob, nil)
	for _, g := range append(all[guests/2:], all[:3]...) { // they hear of it a moment after the nodes that store
		eventually(t, revokedWithin, func() string {
			if _, err := bob.over(g).whoami(); err == nil {
				return g.name + " lets bob through, who was revoked"
			}
			return ""
		})
	}

	longest, written := writes()
	served, failures := work.stop()
	if len(failures) > 0 {
		t.Errorf("%d of %d requests failed:\n%s", len(failures), served+int64(len(failures)), strings.Join(failures[:min(len(failures), 10)], "\n"))
	}
	if longest > p.Within(writtenWithin) {
		t.Errorf("one of %d writes took %s", written, longest)
	}
	if now := c.leaders(t); now != led {
		t.Errorf("there was an election:\n%s led, and now\n%s", led, now)
	}
	if kept, err := os.ReadDir(store); err != nil || len(kept) > 0 {
		t.Errorf("they store %v, %v", kept, err)
	}
	t.Logf("%d requests and %d writes in %s, the slowest write in %s", served, written, time.Since(began), longest)
}

// invite has nodes that are not among the peers and do not run yet, with a folder in which they would store.
func (c *cluster) invite(t *testing.T, count int, store string) []*node {
	t.Helper()
	var all []*node
	for i := range count {
		addresses := ports.Some(t, 4)
		g := &node{process: process{name: fmt.Sprintf("guest-%d", i+1)}, listen: addresses[0], admin: addresses[1]}
		g.env = append(g.env, c.nodes[0].env...)
		g.env = append(g.env, "PICKET_BROKER="+addresses[2], "PICKET_CLIENT="+addresses[3], "PICKET_STORE="+store)
		c.tell(t, g, "testdata/cluster.hcl")
		keep(t, &g.process)
		all = append(all, g)
	}
	return all
}

// leaders are who leads what.
func (c *cluster) leaders(t *testing.T) string {
	t.Helper()
	s := c.nodes[0].status(t)
	var all []string
	for _, b := range s.Buckets {
		all = append(all, b.Name+" by "+b.Leader)
	}
	return strings.Join(all, ", ")
}

// writing has a node write until what it returns is called: that tells how long the slowest write took, of how many.
func (n *node) writing(t *testing.T) func() (longest time.Duration, count int) {
	stop, done := make(chan struct{}), make(chan struct{})
	var longest time.Duration
	count := 0
	go func() {
		defer close(done)
		tick := time.NewTicker(100 * time.Millisecond) // a pace, not a wait
		defer tick.Stop()
		for {
			began := time.Now()
			if err := n.write(); err != nil {
				t.Errorf("a write failed after %s: %v", time.Since(began), err)
			}
			longest, count = max(longest, time.Since(began)), count+1
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	}()
	return func() (time.Duration, int) { close(stop); <-done; return longest, count }
}

// write locks an address that nobody comes from, for a moment.
func (n *node) write() error {
	response, err := http.Post("http://"+n.admin+"/v1/locks", "application/json", strings.NewReader(`{"kind":"address","target":"192.0.2.1","ttl":"2s"}`))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("%s", response.Status)
	}
	return nil
}
