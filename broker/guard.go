package broker

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

const (
	// joinDial is how long a peer may take to answer a knock.
	joinDial = 500 * time.Millisecond
	// joinMeet is how long meeting the peers that answered may take.
	joinMeet = 3 * time.Second
	// joinAsk is how long their leader may take to say whom the cluster counts.
	joinAsk = time.Second
	// joiner is added to a node's name while it asks.
	joiner = "-joining"
)

// mayJoin asks the peers that are there whether this node, with its empty store, would be one too many. A name that is new
// is counted beside those that are gone: the majority moves away from the nodes that are there, and the second such name
// stops the cluster. Where nobody is there, or nobody leads, there is nothing to ask: the servers see to it that empty
// nodes alone do not begin without the rest.
func (b *Broker) mayJoin(ctx context.Context) error {
	group, led, err := b.groupThere(ctx)
	if err != nil || !led {
		return err
	}
	return b.oneTooMany(group)
}

// groupThere asks the peers that are there whom their leader counts; led is false when nobody is there or leads.
func (b *Broker) groupThere(ctx context.Context) (group Group, led bool, err error) {
	there := b.knock(ctx, joinDial)
	if len(there) == 0 {
		return Group{}, false, nil
	}
	guest, err := b.visit(ctx)
	if err != nil {
		return Group{}, false, err
	}
	defer guest.shut(context.WithoutCancel(ctx))
	if !guest.meet(ctx, there) {
		return Group{}, false, nil // they are of another cluster, or have another secret: the log says so
	}
	asking, cancel := context.WithTimeout(ctx, joinAsk)
	defer cancel()
	if group, err = guest.Group(asking); err != nil {
		return Group{}, false, nil // nobody leads: they are about to begin, or are too few
	}
	return group, true, nil
}

// visit starts a server that meets the peers and stores nothing, under another name than this node's.
func (b *Broker) visit(ctx context.Context) (guest *Broker, err error) {
	guest, err = New(Options{
		Cluster: b.options.Cluster, Node: b.options.Node + joiner, Secrets: b.options.Secrets, Peers: b.options.Peers, Log: b.log,
	})
	if err != nil {
		return nil, err
	}
	guest.strangers = b.strangers // what it tells of need not be told again
	if err := guest.startServer(ctx); err != nil {
		guest.shut(context.WithoutCancel(ctx))
		return nil, err
	}
	return guest, nil
}

func (b *Broker) oneTooMany(group Group) error {
	if _, counted := group.node(b.options.Node); counted {
		return nil // it comes back, with an empty store
	}
	strangers := group.notIn(b.options.peerNames())
	if len(strangers) == 0 {
		return nil // the cluster grows
	}
	return fmt.Errorf("the cluster counts %s among those who keep state, and peers has not: %s would be one too many, and endanger what there is. "+
		"Retire them first (picket nodes list; picket nodes retire %s), or correct peers", strings.Join(strangers, ", "), b.options.Node, strangers[0])
}

// notIn are the names of the group that a list has not.
func (g Group) notIn(list []string) []string {
	return slices.DeleteFunc(g.Names(), func(name string) bool { return slices.Contains(list, name) })
}

// knock gives the other peers that listen.
func (b *Broker) knock(ctx context.Context, patience time.Duration) []string {
	answers := make(chan string, len(b.options.Peers))
	asked := 0
	for _, p := range b.options.Peers {
		if p.Name == b.options.Node {
			continue
		}
		asked++
		go func() {
			dialer := net.Dialer{Timeout: patience}
			conn, err := dialer.DialContext(ctx, "tcp", p.Address)
			if err != nil {
				answers <- ""
				return
			}
			answers <- p.Name
			_ = conn.Close() // it has served
		}()
	}
	var there []string
	for range asked {
		if name := <-answers; name != "" {
			there = append(there, name)
		}
	}
	return there
}

// meet waits until there is a route to each of these, or to what they call themselves while they ask too; false: there is
// none to some.
func (b *Broker) meet(ctx context.Context, names []string) bool {
	ctx, cancel := context.WithTimeout(ctx, joinMeet)
	defer cancel()
	missing := slices.Clone(names)
	for {
		routes, err := b.server.Routez(&server.RoutezOptions{})
		if err == nil {
			for _, r := range routes.Routes {
				missing = slices.DeleteFunc(missing, func(name string) bool { return r.RemoteName == name || r.RemoteName == name+joiner })
			}
		}
		if len(missing) == 0 {
			return true
		}
		select {
		case <-ctx.Done():
			return len(missing) < len(names)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// warnOfStrangers tells the operator of nodes that the cluster counts and the configuration has not, once for each change.
func (b *Broker) warnOfStrangers(group Group, told string) string {
	strangers := strings.Join(group.notIn(b.options.peerNames()), ", ")
	if strangers != told && strangers != "" {
		b.log.Warn().Str("nodes", strangers).Msg("counted among those who keep state, and not in peers: they make the majority larger. " +
			"When they are gone for good, retire them (picket nodes retire NAME); while the list of peers is being changed, go on")
	}
	return strangers
}
