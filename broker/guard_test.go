package broker

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"picket/examples/ports"
)

// newcomer is a node with an empty store that is not started.
func newcomer(t *testing.T, name string, peers []Peer, log io.Writer) *Broker {
	t.Helper()
	b, err := New(Options{Cluster: "test", Node: name, Secrets: [][]byte{testSecret}, Peers: peers, Store: t.TempDir(), Log: zerolog.New(log)})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestANewNameWaitsUntilSomebodyLeadsAndOneThatIsCountedDoesNot(t *testing.T) {
	t.Parallel() // it mostly waits
	peers, stores := peersOf(t, 3), []string{t.TempDir(), t.TempDir(), t.TempDir()}
	nodes := beginAll(t, peers, stores)
	openOn(t, nodes...)
	untilHeldBy(t, nodes[0], 3)
	nodes[1].end(false)
	nodes[2].end(false)
	eventually(t, "nobody leads", func() bool { _, err := nodes[0].Group(t.Context()); return err != nil })

	if err := newcomer(t, "n3", peers, io.Discard).mayJoin(unhurried(t)); err != nil {
		t.Errorf("one that is counted, and comes back with an empty store, is told %v", err)
	}
	renamed := []Peer{peers[0], peers[1], {"other", peers[2].Address}}
	log := &lines{}
	asking, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	verdict := make(chan error, 1)
	go func() { verdict <- newcomer(t, "other", renamed, log).mayJoin(asking) }()
	eventually(t, "it says why it waits", func() bool { return log.has("kept state before, without this node, and nobody leads") })
	select {
	case err := <-verdict:
		t.Fatalf("while nobody leads, it is told %v", err)
	default:
	}
	nodes[1] = begin(t, peers, peers[1].Name, peers[1].Address, stores[1])
	select {
	case err := <-verdict:
		if err == nil || !strings.Contains(err.Error(), "picket nodes retire n3") {
			t.Errorf("when somebody leads, it is told %v", err)
		}
	case <-time.After(testPatience):
		t.Error("nobody tells it anything")
	}
}

func TestThreeEmptyNodesThatStartAtOnceNeedNobodyToLead(t *testing.T) {
	t.Parallel() // it mostly waits
	peers := peersOf(t, 3)
	begun := time.Now()
	nodes := make([]*Broker, 3)
	var all sync.WaitGroup
	for i, p := range peers {
		nodes[i] = newcomer(t, p.Name, peers, zerolog.NewTestWriter(t))
		nodes[i].options.Listen = p.Address
		all.Go(func() {
			if err := nodes[i].Open(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	t.Logf("started after %s", time.Since(begun))
	for _, n := range nodes {
		run(t, n)
	}
	for _, n := range nodes {
		open(t, n, Spec{Name: "sessions", Decides: true})
	}
	t.Logf("up after %s", time.Since(begun))
}

func TestWhatCannotTellIsNoYes(t *testing.T) {
	t.Parallel() // it mostly waits
	hangs, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer hangs.Close() // it takes connections, and nothing reads from them: a machine that is frozen looks like that
	peers := []Peer{{"n1", ports.One(t)}, {"n2", hangs.Addr().String()}, {"n3", ports.One(t)}}
	log := &lines{}
	asking, enough := context.WithCancel(t.Context())
	defer enough()
	verdict := make(chan error, 1)
	go func() { verdict <- newcomer(t, "n1", peers, log).mayJoin(asking) }()
	eventually(t, "it says for whom it waits", func() bool { return log.has("no answer from n2, where something takes connections") })
	enough()
	if err := <-verdict; !errors.Is(err, ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("it is told %v", err)
	}
}

func TestEmptyNodesWaitForOneThatGrows(t *testing.T) {
	t.Parallel() // it mostly waits
	peers := peersOf(t, 3)
	first := newcomer(t, "n1", peers, io.Discard)
	first.options.Listen = peers[0].Address
	growing, err := first.visit(t.Context(), grower)
	if err != nil {
		t.Fatal(err)
	}
	asking, enough := context.WithCancel(t.Context())
	defer enough()
	verdict := make(chan error, 2)
	for _, p := range peers[1:] {
		log := &lines{}
		other := newcomer(t, p.Name, peers, log)
		go func() { verdict <- other.mayJoin(asking) }()
		eventually(t, "it says for whom it waits", func() bool { return log.has("n1 copies what it kept when it was alone") })
	}
	select {
	case err := <-verdict:
		t.Errorf("it does not wait, and is told %v", err)
	default:
	}
	growing.shut(t.Context())
	enough()
	for range 2 {
		if err := <-verdict; !errors.Is(err, ErrUnavailable) {
			t.Errorf("before the one that has records is back, it is told %v", err)
		}
	}
}

func TestOfTwoNodesThatWereAloneNoneGrowsOverTheOther(t *testing.T) {
	t.Parallel() // it mostly waits
	peers := peersOf(t, 3)
	var grow []func() error
	for _, p := range peers[:2] {
		b := newcomer(t, p.Name, peers, io.Discard)
		b.options.Listen = p.Address
		guest, err := b.visit(t.Context(), grower)
		if err != nil {
			t.Fatal(err)
		}
		defer guest.shut(t.Context())
		grow = append(grow, func() error { return b.mayGrow(t.Context(), guest) })
	}
	for i, may := range grow {
		if err := may(); err == nil || !strings.Contains(err.Error(), peers[1-i].Name+" was alone, too") {
			t.Errorf("%s is told %v", peers[i].Name, err)
		}
	}
}

func TestWhoIsNoNodeOfThisClusterIsNotWaitedFor(t *testing.T) {
	t.Parallel() // it mostly waits
	for what, serve := range map[string]func(net.Conn){
		"one that hangs up": func(net.Conn) {},
		"one that speaks something else": func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n") // the test hears of it by the verdict
			_, _ = c.Read(make([]byte, 4096))
		},
	} {
		t.Run(what, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go func() {
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					serve(c)
					_ = c.Close()
				}
			}()
			peers := []Peer{{"n1", ports.One(t)}, {"n2", l.Addr().String()}, {"n3", ports.One(t)}}
			found, err := newcomer(t, "n1", peers, io.Discard).greet(t.Context(), testPatience)
			if err != nil || len(found[present])+len(found[mute]) > 0 {
				t.Errorf("there are %v, %v", found, err)
			}
		})
	}
}

func TestWhileNobodyLeadsThoseWhoAreThereHaveToAgree(t *testing.T) {
	id := peerID("me")
	empty, counts := membership{}, membership{History: true, Counts: []string{"another", id}}
	without := membership{History: true, Counts: []string{"another"}}
	for what, c := range map[string]struct {
		present, mute []string
		said          map[string]membership
		in            bool
	}{
		"nobody ever led":                 {[]string{"a", "b"}, nil, map[string]membership{"a": empty, "b": empty}, true},
		"it comes back":                   {[]string{"a", "b"}, nil, map[string]membership{"a": counts, "b": counts}, true},
		"it comes back, beside a new one": {[]string{"a", "b"}, nil, map[string]membership{"a": counts, "b": empty}, true},
		"one does not count it":           {[]string{"a", "b"}, nil, map[string]membership{"a": counts, "b": without}, false},
		"it is new":                       {[]string{"a"}, nil, map[string]membership{"a": without}, false},
		"one says nothing":                {[]string{"a", "b"}, nil, map[string]membership{"a": empty}, false},
		"one hangs":                       {[]string{"a"}, []string{"b"}, map[string]membership{"a": counts}, false},
	} {
		if why := waitsFor(id, map[presence][]string{present: c.present, mute: c.mute}, c.said); (why == "") != c.in {
			t.Errorf("%s: waits for %q", what, why)
		}
	}
}

func TestWhoEndsWhileItAsksBlamesNobodyWhoHadNoTimeToAnswer(t *testing.T) {
	t.Parallel() // it mostly waits
	peers := peersOf(t, 3)
	log := &lines{}
	asking, enough := context.WithCancel(t.Context())
	defer enough()
	verdict := make(chan error, 1)
	go func() { verdict <- newcomer(t, "n1", peers, log).mayJoin(asking) }()
	eventually(t, "it says for whom it waits", func() bool { return log.has("waiting for n2 at ") })
	l, err := net.Listen("tcp", peers[1].Address)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := l.Accept() // and says nothing: the question is not answered when it ends
	if err != nil {
		t.Fatal(err)
	}
	enough()
	defer c.Close()
	if err := <-verdict; !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "waiting for n2 at ") {
		t.Errorf("it is told %v", err)
	}
}
