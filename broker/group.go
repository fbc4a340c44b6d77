package broker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// Group is the group of nodes that keep state: whom the cluster counts, not whom a configuration names.
type Group struct {
	Leader string      `json:"leader"`
	Nodes  []GroupNode `json:"nodes"` // by name, the leader among them
}

// GroupNode is one of the group, as its leader sees it.
type GroupNode struct {
	Name    string `json:"name"`
	Leader  bool   `json:"leader"`
	Online  bool   `json:"online"`
	Current bool   `json:"current"` // it knows which buckets there are
	Lag     uint64 `json:"lag"`     // operations behind the leader

	id string // as the servers call it
}

// Names are all the names in the group.
func (g Group) Names() []string {
	var names []string
	for _, n := range g.Nodes {
		names = append(names, n.Name)
	}
	return names
}

// node finds a node of the group by its name, or by its id: of one that was gone before the leader came nothing else may be
// known.
func (g Group) node(name string) (GroupNode, bool) {
	for _, n := range g.Nodes {
		if n.id == peerID(name) || n.id == name {
			return n, true
		}
	}
	return GroupNode{}, false
}

// online is how many of the group answer.
func (g Group) online() int {
	count := 0
	for _, n := range g.Nodes {
		if n.Online {
			count++
		}
	}
	return count
}

// Group asks the leader of the group. It is empty where there is none: a node alone, or an external NATS, whose operator
// sees to that. ErrUnavailable when no leader answers.
func (b *Broker) Group(ctx context.Context) (Group, error) {
	if !b.options.clustered() {
		return Group{}, nil
	}
	var answer struct {
		Data struct {
			Meta *server.MetaClusterInfo `json:"meta_cluster"`
		} `json:"data"`
	}
	if err := b.askServer(ctx, "$SYS.REQ.SERVER.PING.JSZ", server.JSzOptions{LeaderOnly: true}, &answer); err != nil {
		return Group{}, fmt.Errorf("asking who keeps state: %w: %w", ErrUnavailable, err)
	}
	if answer.Data.Meta == nil {
		return Group{}, fmt.Errorf("asking who keeps state: %w: the leader is no leader any more", ErrUnavailable)
	}
	return b.groupOf(answer.Data.Meta), nil
}

func (b *Broker) groupOf(meta *server.MetaClusterInfo) Group {
	group, connected := Group{Leader: meta.Leader}, b.Connected()
	for _, r := range meta.Replicas {
		group.Nodes = append(group.Nodes, GroupNode{Name: b.nameOf(r.Name, r.Peer), id: r.Peer, Online: !gone(r, connected), Current: r.Current, Lag: r.Lag})
	}
	i := slices.IndexFunc(group.Nodes, func(n GroupNode) bool { return n.Name == meta.Leader })
	if i < 0 {
		group.Nodes, i = append(group.Nodes, GroupNode{Name: meta.Leader, id: meta.Peer}), len(group.Nodes)
	}
	group.Nodes[i].Leader, group.Nodes[i].Online, group.Nodes[i].Current = true, true, true
	slices.SortFunc(group.Nodes, func(a, b GroupNode) int { return cmp.Compare(a.Name, b.Name) })
	return group
}

// gone tells whether a node is not there. A leader may take half a minute to notice that another died: one that lags and
// has no connection to this node is gone, too.
func gone(r *server.PeerInfo, connected []string) bool {
	return r.Offline || !r.Current && !slices.Contains(connected, r.Name)
}

// Introduce tells names that nodes have or had: of one that was gone before the others came, the servers know the id only.
func (b *Broker) Introduce(names ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, name := range names {
		b.names[peerID(name)] = name
	}
}

// nameOf is the name of a node that the server may know by its id only; the id where nobody knows more.
func (b *Broker) nameOf(said, id string) string {
	if said != "" && peerID(said) == id {
		return said
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return cmp.Or(b.names[id], id)
}

// Connected are the names of the other nodes to which there is a connection just now: what this node knows of the others
// when nobody leads. Nil with an external NATS.
func (b *Broker) Connected() []string {
	if !b.options.clustered() || b.server == nil {
		return nil
	}
	routes, err := b.server.Routez(&server.RoutezOptions{})
	if err != nil {
		return nil
	}
	var names []string
	for _, r := range routes.Routes {
		if !slices.Contains(names, r.RemoteName) {
			names = append(names, r.RemoteName)
		}
	}
	return names
}

// Lacking are the peers that this node has no connection to, each with its address.
func (b *Broker) Lacking() []string {
	connected := append(b.Connected(), b.options.Node)
	var lacking []string
	for _, p := range b.options.Peers {
		if !slices.Contains(connected, p.Name) {
			lacking = append(lacking, p.Name+" at "+p.Address)
		}
	}
	return lacking
}

// askServer asks the servers themselves, as the one user who may.
func (b *Broker) askServer(ctx context.Context, subject string, ask, v any) error {
	return b.askAs(ctx, "system user", subject, ask, v)
}

// askAs asks as a user that exists inside this process only, on a connection for this question.
func (b *Broker) askAs(ctx context.Context, user, subject string, ask, v any) error {
	if b.server == nil {
		return errors.New("there is no embedded broker")
	}
	conn, err := b.dialAs(user, nats.NoReconnect(), nats.Timeout(time.Second))
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return askAPI(ctx, conn, subject, ask, v)
}
