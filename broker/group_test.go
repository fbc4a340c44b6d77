package broker

import (
	"slices"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

func TestANodeThatWasGoneBeforeTheOthersCameHasItsNameAllTheSame(t *testing.T) {
	b, err := New(Options{Cluster: "test", Node: "n1", Secrets: [][]byte{testSecret}, Peers: freePeers(t), Store: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	unknown := func(name string) *server.PeerInfo { // as nats-server tells of it
		return &server.PeerInfo{Name: "Server name unknown at this time (peerID: " + peerID(name) + ")", Peer: peerID(name), Offline: true}
	}
	meta := &server.MetaClusterInfo{Leader: "n1", Peer: peerID("n1"), Replicas: []*server.PeerInfo{unknown("n2"), unknown("old"), unknown("lost")}}
	b.Introduce("old")
	group := b.groupOf(meta)
	for _, want := range []string{"n1", "n2", "old", peerID("lost")} {
		if !slices.Contains(group.Names(), want) {
			t.Errorf("%s is not in %q", want, group.Names())
		}
	}
	for _, name := range []string{"old", "lost", peerID("lost")} {
		if _, found := group.node(name); !found {
			t.Errorf("%s is not found in %+v", name, group)
		}
	}
}
