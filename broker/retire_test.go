package broker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

// life is a node that a test starts, kills and starts again.
type life struct {
	*Broker
	bucket *Bucket[note]
	end    func(graceful bool)
}

// begin starts a peer, with its feeds.
func begin(t testing.TB, peers []Peer, name, listen, store string) *life {
	t.Helper()
	b := inert(t, peers, name, listen, store)
	openTogether(t, b)
	return alive(t, b)
}

// beginAll starts peers that need each other to begin.
func beginAll(t testing.TB, peers []Peer, stores []string) (lives []*life) {
	t.Helper()
	var all []*Broker
	for i, p := range peers {
		all = append(all, inert(t, peers, p.Name, p.Address, stores[i]))
	}
	openTogether(t, all...)
	for _, b := range all {
		lives = append(lives, alive(t, b))
	}
	return lives
}

// inert is a peer that is not started.
func inert(t testing.TB, peers []Peer, name, listen, store string) *Broker {
	t.Helper()
	b, err := New(Options{
		Cluster: "test", Node: name, Secrets: [][]byte{testSecret}, Peers: peers, Listen: listen, Store: store,
		Log: zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.InfoLevel).With().Str("at", name).Logger(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// alive is a peer that was started; the test says when it ends.
func alive(t testing.TB, b *Broker) *life {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	l := &life{Broker: b}
	ended := false
	l.end = func(graceful bool) {
		if ended {
			return
		}
		ended = true
		stop()
		<-done
		if !graceful {
			b.conn.Close()
			b.server.Shutdown() // nothing is handed over
		}
		leaving, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		_ = b.Close(leaving)
	}
	t.Cleanup(func() { l.end(false) })
	return l
}

// openOn opens the bucket on all of them; while a cluster begins, one waits for the other.
func openOn(t testing.TB, nodes ...*life) {
	t.Helper()
	for _, n := range nodes {
		n.bucket = patiently(t, n.Broker, Spec{Name: "sessions", Decides: true})
	}
}

func untilHeldBy(t testing.TB, n *life, want int) {
	t.Helper()
	last := ""
	defer func() {
		if t.Failed() {
			t.Log(last)
		}
	}()
	eventually(t, fmt.Sprintf("held by %d", want), func() bool {
		status, err := n.Status(t.Context())
		last = fmt.Sprintf("%+v %v", status, err)
		return err == nil && heldBy(status, want)
	})
}

func put(t testing.TB, n *life, key string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testPatience)
	defer cancel()
	if _, err := n.bucket.Put(ctx, key, note{key}, time.Hour); err != nil {
		t.Fatalf("writing %s: %v", key, err)
	}
}

func get(t testing.TB, n *life, key string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testPatience)
	defer cancel()
	if _, err := n.bucket.Get(ctx, key); err != nil {
		t.Fatalf("reading %s at %s: %v", key, n.options.Node, err)
	}
}

// retired is what comes of retiring a node, once somebody can say who keeps state.
func retired(t *testing.T, by *life, name string) (err error) {
	t.Helper()
	eventually(t, "somebody can say who keeps state", func() bool {
		err = by.Retire(t.Context(), name)
		return !errors.Is(err, ErrUnavailable)
	})
	return err
}

func TestThreeNodesGrowToFiveAndGoBackToThree(t *testing.T) {
	t.Parallel() // it mostly waits
	five := peersOf(t, 5)
	three := five[:3]
	stores := make([]string, 5)
	nodes := make([]*life, 5)
	for i := range five {
		stores[i] = t.TempDir()
	}
	copy(nodes, beginAll(t, three, stores))
	openOn(t, nodes[:3]...)
	untilHeldBy(t, nodes[0], 3)
	put(t, nodes[0], "before")

	t.Log("the new list, node by node; then the new nodes")
	for i := range three {
		nodes[i].end(true)
		nodes[i] = begin(t, five, five[i].Name, five[i].Address, stores[i])
		openOn(t, nodes[i])
		if err := nodes[i].Settled(unhurried(t)); err != nil {
			t.Fatal(err)
		}
		put(t, nodes[i], fmt.Sprintf("restarted-%d", i))
	}
	for i := 3; i < 5; i++ {
		nodes[i] = begin(t, five, five[i].Name, five[i].Address, stores[i])
		openOn(t, nodes[i])
	}
	untilHeldBy(t, nodes[4], 5)
	get(t, nodes[4], "before")
	put(t, nodes[4], "five")

	t.Log("and back: the old list, node by node, while the others are still there")
	err := retired(t, nodes[0], five[4].Name)
	if !isRefused(err) || !strings.Contains(err.Error(), "peers in the configuration") {
		t.Fatalf("retiring a node of the configuration: %v", err)
	}
	for i := range three {
		nodes[i].end(true)
		nodes[i] = begin(t, three, five[i].Name, five[i].Address, stores[i])
		openOn(t, nodes[i])
		if err := nodes[i].Settled(unhurried(t)); err != nil {
			t.Fatal(err)
		}
	}
	if err := retired(t, nodes[0], five[4].Name); !isRefused(err) || !strings.Contains(err.Error(), "is running") {
		t.Fatalf("retiring a node that is there: %v", err)
	}
	if err := retired(t, nodes[0], "nobody"); !errors.Is(err, ErrNotFound) {
		t.Fatalf("retiring nobody: %v", err)
	}
	for i := 4; i >= 3; i-- {
		nodes[i].end(i == 4) // one goes, the other dies
		var err error
		defer func() { t.Log(err) }()
		eventually(t, "retired", func() bool {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			err = nodes[0].Retire(ctx, five[i].Name)
			return err == nil || !isRefused(err) && !errors.Is(err, ErrUnavailable)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	untilHeldBy(t, nodes[1], 3)
	untilOf(t, nodes[1], "n1 n2 n3")
	t.Log("two of three are enough again")
	nodes[2].end(false)
	put(t, nodes[0], "after")
	for _, key := range []string{"before", "restarted-2", "five", "after"} {
		get(t, nodes[1], key)
	}
}

func TestADeadNodeIsReplacedByAnEmptyOneOfTheSameName(t *testing.T) {
	t.Parallel() // it mostly waits
	peers := peersOf(t, 3)
	nodes := beginAll(t, peers, []string{t.TempDir(), t.TempDir(), t.TempDir()})
	openOn(t, nodes...)
	for i := range 500 {
		put(t, nodes[i%3], fmt.Sprintf("k%d", i))
	}
	nodes[2].end(false)
	put(t, nodes[0], "meanwhile")
	aNewNameIsRefused(t, nodes[0], peers)
	nodes[2] = begin(t, peers, peers[2].Name, peers[2].Address, t.TempDir())
	openOn(t, nodes[2])
	settling, cancel := context.WithTimeout(t.Context(), testPatience)
	defer cancel()
	if err := nodes[2].Settled(settling); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the server itself says so, too", func() bool { // its leader knows it a moment earlier
		return nodes[2].server.JetStreamIsStreamCurrent(account, "KV_sessions")
	})
	untilHeldBy(t, nodes[2], 3)
	t.Log("its copy counts: another may go")
	nodes[0].end(false)
	put(t, nodes[2], "without-the-first")
	for _, key := range []string{"k0", "k499", "meanwhile"} {
		get(t, nodes[2], key)
	}
}

// aNewNameIsRefused has another name try to take the place of the third peer, which is gone and still counted.
func aNewNameIsRefused(t *testing.T, there *life, peers []Peer) {
	t.Helper()
	renamed := []Peer{peers[0], peers[1], {"other", peers[2].Address}}
	var err error
	eventually(t, "another name is refused", func() bool {
		b, wrong := New(Options{
			Cluster: "test", Node: "other", Secrets: [][]byte{testSecret}, Peers: renamed, Listen: peers[2].Address, Store: t.TempDir(), Log: there.log,
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
	untilOf(t, there, "n1 n2 n3")
}

// untilOf waits until the group is of these nodes.
func untilOf(t *testing.T, n *life, names string) {
	t.Helper()
	eventually(t, "the group is of "+names, func() bool {
		group, err := n.Group(t.Context())
		return err == nil && strings.Join(group.Names(), " ") == names
	})
}

func TestTwoEmptyNodesDoNotBeginWithoutTheOneThatHasTheRecords(t *testing.T) {
	t.Parallel() // it mostly waits
	peers := peersOf(t, 3)
	nodes := beginAll(t, peers, []string{t.TempDir(), t.TempDir(), t.TempDir()})
	openOn(t, nodes...)
	put(t, nodes[0], "kept")
	untilHeldBy(t, nodes[0], 3)
	for _, n := range nodes {
		n.end(false)
	}
	guest := start(t, Options{Node: "guest", Peers: peers}) // a server that keeps nothing lowers how many the servers expect
	ctx, enough := context.WithCancel(t.Context())
	defer enough()
	var (
		all  sync.WaitGroup
		logs []*lines
	)
	for _, p := range peers[1:] {
		logs = append(logs, &lines{})
		b := newcomer(t, p.Name, peers, logs[len(logs)-1])
		b.options.Listen = p.Address
		all.Go(func() {
			if err := b.Open(ctx); !errors.Is(err, ErrUnavailable) || !errors.Is(err, context.Canceled) {
				t.Errorf("%s is told %v", p.Name, err)
			}
		})
	}
	begun := time.Now()
	eventually(t, "both say for whom they wait, longer than an election takes", func() bool {
		return time.Since(begun) > 12*time.Second && logs[0].has("waiting for n1 at ") && logs[1].has("waiting for n1 at ")
	})
	enough()
	all.Wait()
	if group, err := guest.Group(t.Context()); err == nil {
		t.Errorf("two empty nodes of three began anew: %+v", group)
	}
}

func isRefused(err error) bool { return errors.As(err, new(Refused)) }
