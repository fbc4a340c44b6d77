package broker

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"
)

// leaderOf waits until one node leads the bucket and all agree, and gives its number.
func leaderOf(t testing.TB, nodes []*Broker) int {
	t.Helper()
	leader := -1
	eventually(t, "one leads", func() bool {
		status, err := nodes[0].Status(t.Context())
		if err != nil || len(status) == 0 {
			return false
		}
		for i, n := range nodes {
			if n.options.Node == status[0].Leader {
				leader = i
			}
		}
		return leader >= 0 && heldBy(status, len(nodes))
	})
	return leader
}

func TestANodeThatStopsHandsTheLeadOverFirst(t *testing.T) {
	t.Parallel() // it mostly waits
	nodes, _ := three(t)
	var buckets []*Bucket[note]
	for _, n := range nodes {
		buckets = append(buckets, patiently(t, n, Spec{Name: "sessions", Decides: true}))
		patiently(t, n, Spec{Name: "tokens", Sealed: true})
	}
	goes := leaderOf(t, nodes)
	// The group's lead is made the same node's: the worst to lose.
	eventually(t, "the same node leads the group", func() bool {
		for _, n := range nodes {
			if n.server.JetStreamIsLeader() && n != nodes[goes] {
				n.giveAway(t.Context(), groupLead, nodes[goes].options.Node)
			}
		}
		return nodes[goes].server.JetStreamIsLeader()
	})

	writer := buckets[(goes+1)%3]
	var longest atomic.Int64
	calls := unhurried(t)
	ctx, stop := context.WithCancel(t.Context())
	written := make(chan error, 1)
	go func() {
		for i := 0; ; i++ {
			begun := time.Now()
			if ctx.Err() != nil {
				written <- nil
				return
			}
			if _, err := writer.Put(calls, fmt.Sprintf("k%d", i%100), note{"x"}, time.Hour); err != nil {
				written <- err
				return
			}
			longest.Store(max(longest.Load(), int64(time.Since(begun))))
		}
	}()
	leaving, cancel := context.WithTimeout(t.Context(), testPatience)
	defer cancel()
	begun := time.Now()
	nodes[goes].handOver(leaving)
	handed := time.Since(begun)
	eventually(t, "it leads nothing, and others lead", func() bool { // at once, unless the machine is so slow that there is an election
		for _, l := range nodes[goes].leaders() {
			if l.by == "" || l.by == nodes[goes].options.Node {
				return false
			}
		}
		return len(nodes[goes].leads()) == 0
	})
	begun = time.Now()
	if err := nodes[goes].Close(leaving); err != nil {
		t.Error(err)
	}
	closed := time.Since(begun)
	if _, err := writer.Put(calls, "after", note{"x"}, time.Hour); err != nil {
		t.Error(err)
	}
	stop()
	if err := <-written; err != nil {
		t.Error(err)
	}
	t.Logf("handed over in %s, closed in %s, longest write %s", handed, closed, time.Duration(longest.Load()))
}
