package broker

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestTwentyNodesThatStoreNothingComeAndGo(t *testing.T) {
	peers := peersOf(t, 3)
	nodes := make([]*life, 3)
	for i := range peers {
		nodes[i] = begin(t, peers, peers[i].Name, peers[i].Address, t.TempDir())
	}
	openOn(t, nodes...)
	put(t, nodes[0], "first")
	untilHeldBy(t, nodes[0], 3)
	led := leadersOf(t, nodes[0])

	stalled := writing(t, nodes[1])
	guests := make([]*life, 20)
	for i := range guests {
		guests[i] = begin(t, peers, fmt.Sprintf("guest-%d", i), "", "")
	}
	openOn(t, guests...)
	for i, g := range guests {
		get(t, g, "first")
		put(t, g, fmt.Sprintf("of-%d", i))
	}
	for _, g := range guests {
		eventually(t, g.options.Node+" is fresh", time.Minute, g.Fresh)
	}
	t.Log("half of them go, one way or the other")
	for i := range 10 {
		guests[i].end(i%2 == 0)
	}
	put(t, guests[15], "afterwards")
	get(t, nodes[1], "afterwards")
	for i := range 3 {
		guests[i] = begin(t, peers, fmt.Sprintf("guest-%d", i), "", "")
	}
	openOn(t, guests[:3]...)
	get(t, guests[2], "afterwards")
	get(t, nodes[2], "of-19")

	t.Logf("the longest write took %s", stalled())
	group, err := nodes[0].Group(t.Context())
	if err != nil || strings.Join(group.Names(), " ") != "n1 n2 n3" {
		t.Errorf("the group is %+v, %v", group, err)
	}
	t.Logf("%s led, and now %s", led, leadersOf(t, nodes[0]))
	untilHeldBy(t, nodes[0], 3)
}

// writing has a node write until what it returns is called: that tells how long the slowest write took.
func writing(t testing.TB, n *life) func() time.Duration {
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan time.Duration, 1)
	go func() {
		longest := time.Duration(0)
		for i := 0; ctx.Err() == nil; i++ {
			begun := time.Now()
			if _, err := n.bucket.Put(t.Context(), fmt.Sprintf("busy-%d", i%10), note{"x"}, time.Hour); err != nil {
				t.Error(err)
			}
			if took := time.Since(begun); took > longest {
				longest = took
				t.Logf("a write took %s", took)
			}
			time.Sleep(5 * time.Millisecond) // a pace, not a wait
		}
		done <- longest
	}()
	return func() time.Duration { stop(); return <-done }
}

// leadersOf is who leads what.
func leadersOf(t testing.TB, n *life) string {
	t.Helper()
	status, err := n.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	group, err := n.Group(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return status[0].Leader + " and " + group.Leader
}

func TestANewNameIsRefusedWhileTheOldOneIsCounted(t *testing.T) {
	peers := peersOf(t, 3)
	nodes := make([]*life, 3)
	for i := range peers {
		nodes[i] = begin(t, peers, peers[i].Name, peers[i].Address, t.TempDir())
	}
	openOn(t, nodes...)
	untilHeldBy(t, nodes[0], 3)
	nodes[2].end(false)
	renamed := []Peer{peers[0], peers[1], {"other", peers[2].Address}}
	var err error
	eventually(t, "it is refused", time.Minute, func() bool {
		b, wrong := New(Options{
			Cluster: "test", Node: "other", Secrets: [][]byte{testSecret}, Peers: renamed, Listen: peers[2].Address, Store: t.TempDir(), Log: nodes[0].log,
		})
		if wrong != nil {
			t.Fatal(wrong)
		}
		err = b.mayJoin(t.Context())
		return err != nil
	})
	if !strings.Contains(err.Error(), "picket nodes retire n3") {
		t.Error(err)
	}
	group, err := nodes[0].Group(t.Context())
	if err != nil || strings.Join(group.Names(), " ") != "n1 n2 n3" {
		t.Errorf("the group is %+v, %v", group, err)
	}
}
