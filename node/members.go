package node

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"picket/broker"
)

const (
	memberEvery = 10 * time.Second
	// memberLife is how long a node that says nothing is still listed.
	memberLife = 24 * time.Hour
)

// member is what a node tells the others of itself, in bucket nodes.
type member struct {
	Name    string    `json:"name"`
	Version string    `json:"version"`
	Digest  string    `json:"digest"` // of its configuration
	Address string    `json:"address"`
	Since   time.Time `json:"since"`
	Seen    time.Time `json:"seen"`   // by its own clock
	Secret  string    `json:"secret"` // broker.Keyring.ID: nodes with one first secret agree
}

// members keeps this node in the list that `picket status` shows.
type members struct {
	node   *Node
	bucket *broker.Bucket[member]
	news   chan struct{} // holds one token while there is something to tell at once
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
	ticker := time.NewTicker(memberEvery)
	defer ticker.Stop()
	for {
		if err := m.tell(ctx); err != nil && ctx.Err() == nil {
			m.node.log.Debug().Err(err).Msg("telling the others of this node")
		}
		select {
		case <-ctx.Done():
			return nil
		case <-m.news:
		case <-ticker.C:
		}
	}
}

func (m *members) tell(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, memberEvery)
	defer cancel()
	c := m.node.config()
	_, err := m.bucket.Put(ctx, memberKey(c.Cluster.Broker.Node), member{
		Name: c.Cluster.Broker.Node, Version: m.node.version, Digest: c.Digest,
		Address: c.Admin.Address, Since: m.node.since, Seen: time.Now(),
		Secret: m.node.broker.Keys().ID(),
	}, memberLife)
	return err
}

// memberKey makes a key of a node's name, which may hold anything.
func memberKey(name string) string { return fmt.Sprintf("%x", name) }

// list is all the nodes that were heard of in the last day, by name.
func (m *members) list(ctx context.Context) ([]member, error) {
	var all []member
	for entry, err := range m.bucket.List(ctx) {
		if err != nil {
			return all, fmt.Errorf("listing the nodes: %w", err)
		}
		all = append(all, entry.Value)
	}
	slices.SortFunc(all, func(a, b member) int { return cmp.Compare(a.Name, b.Name) })
	return all, nil
}
