package node

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"picket/broker"
	"picket/node/config"
)

const (
	memberEvery = 10 * time.Second
	// memberAgain is when a node tells of itself again after it could not.
	memberAgain = time.Second
	// listTime is how long reading the list may take.
	listTime = 3 * time.Second
	// leaveList is how long a node that stops may take to leave the list.
	leaveList = 2 * time.Second
	// memberLife is how long a node that says nothing is still listed.
	memberLife = 24 * time.Hour
)

// member is what a node tells the others of itself, in bucket nodes.
type member struct {
	Name    string    `json:"name"`
	Version string    `json:"version"`
	Digest  string    `json:"digest"` // of its configuration
	Address string    `json:"address"`
	Peers   []string  `json:"peers"` // the nodes that store, as its configuration has them
	Since   time.Time `json:"since"`
	Seen    time.Time `json:"seen"`   // by its own clock
	Secret  string    `json:"secret"` // broker.Keyring.ID: nodes with one first secret agree
}

// members keeps this node in the list that `picket status` shows.
type members struct {
	node   *Node
	bucket *broker.Bucket[member]
	news   chan struct{}            // holds one token while there is something to tell at once
	last   atomic.Pointer[[]member] // the list as it was last read; nil: never
}

func newMembers(n *Node) *members { return &members{node: n, news: make(chan struct{}, 1)} }

// tellNow has run tell of this node at once: its configuration is another.
func (m *members) tellNow() {
	select {
	case m.news <- struct{}{}:
	default: // asked for already
	}
}

func (m *members) open(ctx context.Context) (err error) {
	m.bucket, err = broker.OpenBucket[member](ctx, m.node.broker, broker.Spec{Name: "nodes", Passing: true})
	return err
}

// run tells of this node every few seconds. What cannot be told is told next time: the list is for people.
func (m *members) run(ctx context.Context) error {
	for {
		wait := memberEvery
		if err := m.tell(ctx); err != nil && ctx.Err() == nil {
			m.node.log.Debug().Err(err).Msg("telling the others of this node")
			wait = memberAgain
		}
		if m.last.Load() == nil {
			_, _ = m.list(ctx) // for the names of nodes that are gone; without them there are ids
		}
		select {
		case <-ctx.Done():
			m.leave()
			return nil
		case <-m.news:
		case <-time.After(wait):
		}
	}
}

// leave takes a node that stores nothing off the list when it stops: it may never come back. One that stores is missed.
func (m *members) leave() {
	c := m.node.config().Cluster.Broker
	if len(c.URLs) == 0 && (len(c.Peers) == 0 || slices.Contains(peerNames(c.Peers), c.Node)) {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), leaveList)
	defer cancel()
	if err := m.forget(ctx, c.Node); err != nil {
		m.node.log.Debug().Err(err).Msg("leaving the list of nodes")
	}
}

func (m *members) tell(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, memberEvery)
	defer cancel()
	self := m.self()
	_, err := m.bucket.Put(ctx, memberKey(self.Name), self, memberLife)
	return err
}

// self is this node as it is now.
func (m *members) self() member {
	c := m.node.config()
	return member{
		Name: c.Cluster.Broker.Node, Version: m.node.version, Digest: c.Digest,
		Address: c.Admin.Address, Peers: peerNames(c.Cluster.Broker.Peers), Since: m.node.since, Seen: time.Now(),
		Secret: m.node.broker.Keys().ID(),
	}
}

// memberKey makes a key of a node's name, which may hold anything.
func memberKey(name string) string { return fmt.Sprintf("%x", name) }

// list is all the nodes that were heard of in the last day, by name. With an error it is the list as it was.
func (m *members) list(ctx context.Context) ([]member, error) {
	ctx, cancel := context.WithTimeout(ctx, listTime)
	defer cancel()
	var all []member
	for entry, err := range m.bucket.List(ctx) {
		if err != nil {
			if last := m.last.Load(); last != nil {
				all = *last
			}
			return slices.Clone(all), err
		}
		all = append(all, entry.Value)
	}
	slices.SortFunc(all, byName)
	m.last.Store(&all)
	for _, member := range all {
		m.node.broker.Introduce(member.Name)
	}
	return slices.Clone(all), nil
}

func byName(a, b member) int { return cmp.Compare(a.Name, b.Name) }

// forget takes a node off the list.
func (m *members) forget(ctx context.Context, name string) error {
	if err := m.bucket.Delete(ctx, memberKey(name)); err != nil {
		return fmt.Errorf("taking %s off the list of nodes: %w", name, err)
	}
	return nil
}

func peerNames(peers []config.Peer) []string {
	names := make([]string, len(peers))
	for i, p := range peers {
		names[i] = p.Name
	}
	return names
}
