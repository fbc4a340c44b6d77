//go:build bench

package bench

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"
)

const (
	gracefulStall = 1  // seconds, the most that writes may stall when the node that leads is stopped
	crashStall    = 15 // the same when it is killed: an election of NATS, and what max_staleness is made for
)

// stalls measures how long nothing can be written when the node that leads a bucket is stopped as an operator does, and when
// it is killed. The baseline is the longest time between two writes while nothing happens.
func (s *suite) stalls(t *testing.T) {
	c := s.newCluster(t, 3, launchApplication(t), nil)
	c.start()
	var calm, stopped, killed []float64
	s.each("stalls", func(int) string {
		calm = append(calm, s.stall(c, func(*node) {}))
		stopped = append(stopped, s.stall(c, func(n *node) { n.stop() }))
		killed = append(killed, s.stall(c, func(n *node) { n.kill() }))
		return fmt.Sprintf("nothing happens %s, stopped %s, killed %s", duration(last(calm)), duration(last(stopped)), duration(last(killed)))
	})
	of := "nothing happens"
	s.add(
		row{"writes stalled by a graceful stop of the leader", median(stopped), duration, median(calm), of, atMost(gracefulStall)},
		row{"the same, the longest", percentile(stopped, 100), duration, percentile(calm, 100), of, goal{}},
		row{"writes stalled by a kill -9 of the leader", median(killed), duration, median(calm), of, atMost(crashStall)},
		row{"the same, the longest", percentile(killed, 100), duration, percentile(calm, 100), of, goal{}},
	)
}

// stall does something to the node that leads the bucket of facts, while another writes to it, and gives the longest time
// between two writes. Then everything is as it was.
func (s *suite) stall(c *cluster, do func(*node)) float64 {
	c.t.Helper()
	c.settle()
	leader := c.leader("data-facts")
	by := c.nodes[0]
	if by == leader {
		by = c.nodes[1]
	}
	w := c.writeBy(c.t, by)
	w.goOn(200)
	do(leader)
	w.goOn(200)
	gap := w.stop().gap
	select {
	case <-leader.exited:
		leader.start(c)
		leader.untilReady()
	default:
	}
	return gap.Seconds()
}

// held is the part of /v1/status that says who holds what.
type held struct {
	Buckets []struct {
		Name     string `json:"name"`
		Leader   string `json:"leader"`
		Replicas []struct {
			Current bool `json:"current"`
			Offline bool `json:"offline"`
		} `json:"replicas"`
	} `json:"buckets"`
}

func (n *node) held() (h held) {
	n.t.Helper()
	if err := json.Unmarshal([]byte(n.ask(http.MethodGet, "/v1/status")), &h); err != nil {
		n.t.Fatal(err)
	}
	return h
}

// settle waits until every copy of everything is current.
func (c *cluster) settle() {
	c.t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if c.nodes[0].held().settled() {
			return
		}
	}
	c.t.Fatal("the copies do not become current")
}

func (h held) settled() bool {
	for _, b := range h.Buckets {
		if b.Leader == "" {
			return false
		}
		for _, r := range b.Replicas {
			if !r.Current || r.Offline {
				return false
			}
		}
	}
	return true
}

// leader is the node that leads a bucket.
func (c *cluster) leader(bucket string) *node {
	c.t.Helper()
	for _, b := range c.nodes[0].held().Buckets {
		for _, n := range c.nodes {
			if b.Name == bucket && b.Leader == n.name {
				return n
			}
		}
	}
	c.t.Fatalf("nobody leads %s", bucket)
	return nil
}
