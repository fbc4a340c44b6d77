package broker

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/rs/zerolog"

	"picket/examples/ports"
)

// twin is a node that has the name of a peer, is not at its address, and is not started.
func twin(t *testing.T, peers []Peer, i int, store string) (*Broker, *lines) {
	t.Helper()
	log := &lines{}
	b, err := New(Options{Cluster: "test", Node: peers[i].Name, Secrets: [][]byte{testSecret}, Peers: peers, Listen: ports.One(t), Store: store,
		Log: zerolog.New(log)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close(canceled()) })
	return b, log
}

func TestNodesThatHaveOneNameAreToldOf(t *testing.T) {
	t.Parallel() // it mostly waits
	o := Options{Cluster: "test", Secrets: [][]byte{testSecret}}
	peers := freePeers(t)
	_, second := member(t, o, peers, 1)
	b, log := twin(t, peers, 1, t.TempDir())
	if err := b.serve(unhurried(t)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "who has the name says that another has it", func() bool { return len(second.of(sameName))+len(log.of(sameName)) > 0 })
	first, said := member(t, o, peers, 0)
	watching, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- first.watchNames(watching, time.Second) }()
	eventually(t, "others say so, too", func() bool {
		return said.has("several nodes have one name") && said.has("n2 (from 127.0.0.1 and 127.0.0.1)")
	})
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if told := second.of(sameName); len(told) > 1 {
		t.Errorf("it is told %d times", len(told))
	}
}

func TestOneServerWithSeveralConnectionsIsNoNamesakeOfItself(t *testing.T) {
	routes := []*server.RouteInfo{
		{RemoteName: "n1", RemoteID: "A", IP: "10.0.0.1"}, {RemoteName: "n1", RemoteID: "A", IP: "10.0.0.1"},
		{RemoteName: "n2", RemoteID: "B", IP: "10.0.0.2"},
	}
	if two := shared(routes); two != "" {
		t.Errorf("told are %q", two)
	}
	routes = append(routes, &server.RouteInfo{RemoteName: "n2-joining", RemoteID: "C", IP: "10.0.0.3"})
	if two := shared(routes); two != "n2 (from 10.0.0.2 and 10.0.0.3)" {
		t.Errorf("told are %q", two)
	}
}
