package broker

import (
	"testing"
	"time"
)

func TestAReplicaThatDoesNotCatchUpIsHelped(t *testing.T) {
	held := func(current, offline bool) BucketStatus {
		return BucketStatus{Name: "sessions", Replicas: []ReplicaStatus{{Name: "n1", Leader: true, Current: true}, {Name: "n2", Current: current, Offline: offline}}}
	}
	good, behind, gone := held(true, false), held(false, false), held(false, true)
	for what, c := range map[string]struct {
		seen []BucketStatus // every catchUpEvery
		want int            // times that it is helped
	}{
		"one that is current":             {[]BucketStatus{good, good, good, good}, 0},
		"one that is behind for a moment": {[]BucketStatus{good, behind, good, behind, good}, 0},
		"one that is not there":           {[]BucketStatus{gone, gone, gone, gone, gone}, 0},
		"one that has just come back":     {[]BucketStatus{gone, gone, gone, behind, good}, 0},
		"one that stays behind":           {[]BucketStatus{good, behind, behind, behind, good}, 1},
		"one that nothing helps":          {[]BucketStatus{behind, behind, behind, behind, behind, behind, behind, behind, behind}, 2},
		"one of whom nobody can tell":     {[]BucketStatus{behind, {Name: "sessions"}, {Name: "sessions"}, good}, 0},
	} {
		l := slowCopies{since: map[copyOf]time.Time{}, helped: map[string]time.Time{}}
		now, helped := time.Unix(1, 0), 0
		for _, s := range c.seen {
			if l.stuck(s, now) {
				helped++
			}
			now = now.Add(catchUpEvery)
		}
		if helped != c.want {
			t.Errorf("%s is helped %d times, want %d", what, helped, c.want)
		}
	}
}

func TestHelpHarmsNobody(t *testing.T) {
	nodes, _ := three(t)
	buckets := make([]*Bucket[note], len(nodes))
	for i, n := range nodes {
		buckets[i] = open(t, n, Spec{Name: "sessions", Decides: true})
	}
	if _, err := buckets[0].Put(unhurried(t), "before", note{"x"}, 0); err != nil {
		t.Fatal(err)
	}
	leaders := 0
	eventually(t, "one of them leads", func() bool {
		leaders = 0
		for _, n := range nodes {
			for _, h := range n.holding() {
				if n.leadsStream(h) {
					leaders++
					n.help(h)
				}
			}
		}
		return leaders == 1 // for a moment after an election it may be none, or two
	})
	for i, b := range buckets {
		if _, err := b.Put(unhurried(t), "after", note{"y"}, 0); err != nil {
			t.Errorf("node %d writes: %v", i+1, err)
		}
		if e, err := b.Get(unhurried(t), "before"); err != nil || e.Value.Text != "x" {
			t.Errorf("node %d reads %+v, %v", i+1, e, err)
		}
	}
}
