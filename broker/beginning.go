package broker

import (
	"fmt"
	"slices"
	"strings"
)

// beginning is what an empty node knows of the other peers while nobody of them ever had a leader: whom it met, and whether
// that one's server runs already. Who was met once need not be there in this moment: its server may be about to come back
// under its own name.
//
// A cluster begins when each of its nodes has met all others, and all were empty. One that was not met may have records, of
// when it was alone, and make itself the first of them; so nobody leads before it is there. The embedded servers alone do not
// see to that: they expect fewer peers as soon as they met a server that keeps nothing, such as one that only asks.
//
// The first by name is the one to lead. It starts last, and alone asks for votes at once: of several that do, each may vote
// for itself, and the next vote is seconds away.
type beginning map[string]bool

// note takes what peers said; false: one of them had a leader before, and nothing begins.
func (m beginning) note(said map[string]membership) (begins bool) {
	begins = true
	for name, s := range said {
		if s.History {
			delete(m, name)
			begins = false
			continue
		}
		m[name] = m[name] || s.Runs
	}
	return begins
}

// lacks tells for whom this node has to wait; "": for nobody. Otherwise is what else is known
// to keep it from that.
func (m beginning) lacks(node string, peers []Peer, otherwise string) string {
	var unmet, asleep []string
	for _, p := range peers {
		runs, met := m[p.Name]
		switch {
		case p.Name == node:
		case !met:
			unmet = append(unmet, p.Name+" at "+p.Address)
		case !runs && isFirst(node, peers):
			asleep = append(asleep, p.Name)
		}
	}
	switch {
	case len(unmet) > 0 && otherwise != "":
		return otherwise
	case len(unmet) > 0:
		return "nobody leads, and a new cluster begins when all of its nodes have met, for one may have records: waiting for " + strings.Join(unmet, ", ")
	case len(asleep) > 0:
		return "all nodes have met, and are empty: waiting for " + strings.Join(asleep, ", ") + " to start"
	}
	return ""
}

func isFirst(node string, peers []Peer) bool {
	return !slices.ContainsFunc(peers, func(p Peer) bool { return p.Name < node })
}

// begin prepares the store of one of the nodes that begin. Where it is written who the peers are, the server does not ask
// for votes before it waited for others, longer than those take.
func (b *Broker) begin() error {
	if isFirst(b.options.Node, b.options.Peers) {
		return nil
	}
	if err := found(b.options.Store, b.options.peerNames()...); err != nil {
		return fmt.Errorf("beginning with the other peers: %w", err)
	}
	return nil
}
