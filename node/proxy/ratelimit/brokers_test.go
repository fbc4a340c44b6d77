package ratelimit_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"picket/broker"
	"picket/examples/pace"
	"picket/examples/ports"
	"picket/node/proxy/ratelimit"
)

// three are limiters that talk by way of three real brokers.
func three(t *testing.T) []*ratelimit.Limiter {
	t.Helper()
	var peers []broker.Peer
	var names []string
	for i := range 3 {
		names = append(names, fmt.Sprint("node-", i+1))
		peers = append(peers, broker.Peer{Name: names[i], Address: ports.One(t)})
	}
	var opening errgroup.Group
	var brokers []*broker.Broker
	for _, p := range peers {
		b, err := broker.New(broker.Options{Cluster: "test", Node: p.Name, Secrets: [][]byte{[]byte("0123456789abcdef0123456789abcdef")}, Peers: peers,
			Listen: p.Address, Store: t.TempDir(), Log: zerolog.Nop()})
		if err != nil {
			t.Fatal(err)
		}
		opening.Go(func() error { return b.Open(t.Context()) }) // they begin together
		brokers = append(brokers, b)
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			_ = b.Close(ctx) // the folder is thrown away
		})
	}
	if err := opening.Wait(); err != nil {
		t.Fatal(err)
	}
	var all []*ratelimit.Limiter
	for i, b := range brokers {
		l, err := ratelimit.New(ratelimit.Options{Node: names[i], Peers: names})
		if err != nil {
			t.Fatal(err)
		}
		share(t, l, b.Talk("limits"))
		all = append(all, l)
	}
	return all
}

// share has a limiter talk until the test ends.
func share(t *testing.T, l *ratelimit.Limiter, talk *broker.Talk) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	var group sync.WaitGroup
	t.Cleanup(func() { stop(); group.Wait() })
	group.Go(func() {
		if err := talk.Run(ctx, l.Hear); err != nil {
			t.Error(err)
		}
	})
	group.Go(func() {
		_ = l.Run(ctx, func(message []byte) { _ = talk.Tell(message) }) // what is lost is what the test is about
	})
}

// until asks again and again.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

func limitNamed(t *testing.T, name string, rate int64, per time.Duration, burst int64) *ratelimit.Limit {
	t.Helper()
	l, err := ratelimit.NewLimit(name, rate, per, burst)
	if err != nil {
		t.Fatal(err)
	}
	return &l
}

func TestALimitIsOfThreeRealNodesTogether(t *testing.T) {
	nodes := three(t)
	hello, tries := limitNamed(t, "hello", 1, time.Hour, 1), 0
	until(t, "the nodes to hear each other", func() bool {
		tries++ // what was told before the nodes had found each other is lost
		for i, n := range nodes {
			n.Take(hello, ratelimit.User(fmt.Sprint(tries, " of ", i)))
		}
		time.Sleep(100 * time.Millisecond)
		for i := range nodes {
			for _, n := range nodes {
				if n.Peek(hello, ratelimit.User(fmt.Sprint(tries, " of ", i))).Allowed {
					return false
				}
			}
		}
		return true
	})

	const burst = 48
	limit, alice := limitNamed(t, "route", 1, time.Hour, burst), ratelimit.User("alice")
	passed, p := 0, pace.Start(t)
	for range 100 { // asked in turn, a few milliseconds apart, as a client that is sent from node to node asks
		for _, n := range nodes {
			if n.Take(limit, alice).Allowed {
				passed++
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
	// Each of the two others lets in what it did not hear of yet: three requests that wait to be told, and what comes in a tenth
	// of a second, which is long for a message where the machine has time for it.
	if most := burst + 2*(3+int(p.Within(100*time.Millisecond)/(15*time.Millisecond))); passed < burst || passed > most {
		t.Errorf("%d passed of a burst of %d; %d are what may", passed, burst, most)
	}
	until(t, "all nodes to know what was taken", func() bool {
		for _, n := range nodes {
			owed := n.Peek(limit, alice).Reset - time.Duration(passed)*time.Hour
			if owed < -time.Hour/2 || owed > time.Hour/2 {
				return false
			}
		}
		return true
	})
}
