package broker

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Refused is why the group of peers is not changed: its text says what to do first.
type Refused string

// Error is what to do first.
func (r Refused) Error() string { return string(r) }

func refused(format string, args ...any) error { return Refused(fmt.Sprintf(format, args...)) }

// Retire removes a node from the group of peers, and its copies from every bucket: one that is gone for good, or whose name
// is not used any more. It is Refused while the node is there or is in this node's list of peers, and while so many are
// missing that the rest could not agree. ErrNotFound when no such node is counted; ErrUnavailable when nobody could tell.
func (b *Broker) Retire(ctx context.Context, name string) error {
	if !b.options.clustered() {
		return refused("there is no group of peers here: the state is kept by one node alone, or by a NATS that runs elsewhere")
	}
	if !b.retiring.TryLock() {
		return refused("another node is being retired: one change at a time")
	}
	defer b.retiring.Unlock()
	group, err := b.Group(ctx)
	if err != nil {
		return err
	}
	if err := b.mayRetire(group, name); err != nil {
		return err
	}
	if err := b.lowerReplicas(ctx, len(group.Nodes)-1); err != nil {
		return err
	}
	node, _ := group.node(name)
	if err := b.askServer(ctx, "$JS.API.SERVER.REMOVE", map[string]string{"peer_id": node.id}, &struct{}{}); err != nil {
		return fmt.Errorf("removing %s: %w: %w", name, ErrUnavailable, err)
	}
	b.log.Info().Str("retired", name).Msg("a node was removed from those that keep state")
	return b.untilWhole(ctx, node)
}

// mayRetire says why not.
func (b *Broker) mayRetire(group Group, name string) error {
	node, counted := group.node(name)
	majority := len(group.Nodes)/2 + 1
	switch {
	case !counted:
		return fmt.Errorf("%w: %s is not among the nodes that keep state: %s", ErrNotFound, name, strings.Join(group.Names(), ", "))
	case slices.Contains(b.options.peerNames(), node.Name):
		return refused("%s is one of the peers in the configuration of %s. Take it out of peers and restart the nodes one by one, then retire it; "+
			"if it is to come back under this name, there is nothing to retire: start it with an empty store", name, b.options.Node)
	case node.Online || slices.Contains(b.Connected(), node.Name): // a new leader may not have heard of it yet
		return refused("%s is running. Stop it first", name)
	case group.online() < majority:
		return refused("only %d of %d nodes that keep state are there (%s missing), and a change needs %d of them. Start another one first",
			group.online(), len(group.Nodes), strings.Join(group.missing(), ", "), majority)
	}
	return nil
}

// missing are the names of those that do not answer.
func (g Group) missing() []string {
	var names []string
	for _, n := range g.Nodes {
		if !n.Online {
			names = append(names, n.Name)
		}
	}
	return names
}

// lowerReplicas has no stream held by more nodes than there are peers in the configuration: fewer peers than before is what
// the operator wants.
func (b *Broker) lowerReplicas(ctx context.Context, left int) error {
	want := b.options.replicas()
	if left < want {
		return nil
	}
	for _, h := range b.holding() {
		config, err := h.config(ctx)
		if err != nil {
			return err
		}
		if config.Replicas <= want {
			continue
		}
		if err := b.setReplicas(ctx, h, want); err != nil {
			return err
		}
		b.log.Info().Str("stream", h.name).Int("replicas", want).Msg("held by fewer nodes from now on")
	}
	return nil
}

// untilWhole waits until no stream counts on a node that was removed.
func (b *Broker) untilWhole(ctx context.Context, gone GroupNode) error {
	for {
		status, err := b.Status(ctx)
		if err == nil && !anyHeldBy(status, gone.id) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s is removed, but not every bucket has let go of it yet (picket status shows them): %w", gone.Name, ErrUnavailable)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func anyHeldBy(status []BucketStatus, id string) bool {
	return slices.ContainsFunc(status, func(s BucketStatus) bool {
		return s.Leader == "" || slices.ContainsFunc(s.Replicas, func(r ReplicaStatus) bool { return r.id == id })
	})
}
