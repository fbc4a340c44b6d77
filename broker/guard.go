package broker

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"time"
)

const (
	// joinGreet is how long the peers may take to show who they are; those that are slower are asked again.
	joinGreet = time.Second
	// joinAsk is how long one question to the peers that are there goes round before it is asked again.
	joinAsk = 500 * time.Millisecond
	// joinTell is how long a node waits without a word, and then between one word and the next.
	joinTell, joinTellAgain = 2 * time.Second, 30 * time.Second
	// joinPause is between one round of questions and the next, and longer once it was told for whom a node waits: that may be
	// minutes, and each round costs those who are there, too.
	joinPause, joinPauseLong = 50 * time.Millisecond, 300 * time.Millisecond
	// joiner is added to a node's name while it asks.
	joiner = "-joining"
	// grower is added to it while it copies what it kept alone. Whoever has an empty store waits for that: two of them could
	// make a cluster of their own, and what is copied would then be too late.
	grower = "-growing"
)

// mayJoin asks the peers whether this node, with its empty store, would be one too many. A name that is new is counted
// beside those that are gone: the majority moves away from the nodes that are there, and the second such name stops the
// cluster. The leader knows whom the cluster counts. While nobody leads, the peers that are there know enough if each of
// them says that it counts this node (then they may need it, to have one), or if every peer says that it never had a leader
// (then the cluster begins). Else this node waits until somebody leads, as long as ctx lasts: what nobody can tell is no yes.
//
// Empty nodes begin together: see beginning.
func (b *Broker) mayJoin(ctx context.Context) error {
	guest, err := b.visit(ctx, joiner)
	if err != nil {
		return err
	}
	defer guest.shut(context.WithoutCancel(ctx))
	defer b.waits("")
	tell, met, why, pause := time.Now().Add(joinTell), beginning{}, "", joinPause
	for {
		found, err := b.greet(ctx, joinGreet)
		if err != nil {
			return err
		}
		said := guest.askOfGroup(ctx, found[present])
		if led(said) {
			if group, err := guest.groupSoon(ctx); err == nil {
				return b.oneTooMany(group)
			}
		}
		waits, begins := waitsFor(peerID(b.options.Node), found, said), met.note(said)
		if begins {
			waits = met.lacks(b.options.Node, b.options.Peers, waits)
		}
		if growing := guest.growing(); waits != "" && len(growing) > 0 {
			waits = strings.Join(growing, ", ") + " copies what it kept when it was alone"
		}
		switch {
		case waits == "" && begins:
			return b.begin()
		case waits == "":
			return nil
		case why == "", ctx.Err() == nil: // a round that is cut short blames those who had no time to answer
			why = waits
			b.waits(why)
		}
		if time.Now().After(tell) {
			b.log.Warn().Str("why", why).Msg("this node's store is empty, and before it joins it must know whom the cluster counts: waiting for somebody who leads, or can say")
			tell, pause = time.Now().Add(joinTellAgain), joinPauseLong
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("asking whom the cluster counts: %w: %s. This node's store is empty, and a new name might be one too many. "+
				"Start it again when more of the peers are up: %w", ErrUnavailable, why, context.Cause(ctx))
		case <-time.After(pause):
		}
	}
}

// groupSoon asks the leader, who is there or was just now.
func (b *Broker) groupSoon(ctx context.Context) (Group, error) {
	ctx, cancel := context.WithTimeout(ctx, joinAsk)
	defer cancel()
	return b.Group(ctx)
}

// waitsFor tells what has to happen before a node with an empty store can be let in while nobody leads; "": nothing,
// as far as those who are there can tell.
func waitsFor(id string, found map[presence][]string, said map[string]membership) string {
	var silent, others []string
	for _, name := range slices.Concat(found[present], found[mute]) {
		m, ok := said[name]
		switch {
		case !ok:
			silent = append(silent, name)
		case m.History && !slices.Contains(m.Counts, id):
			others = append(others, name)
		}
	}
	switch {
	case len(silent) > 0:
		return "no answer from " + strings.Join(silent, ", ") + ", where something takes connections"
	case len(others) > 0:
		return strings.Join(others, ", ") + " kept state before, without this node, and nobody leads them now"
	}
	return ""
}

// membership is what a server says of its part in the group that knows which buckets there are.
type membership struct {
	History bool     // it had a leader once, or has records of one
	Leader  bool     // it knows a leader now
	Runs    bool     // it runs the server that stays, and not only one that asks
	Counts  []string // the ids of the others that it counts
}

func led(said map[string]membership) bool {
	for _, m := range said {
		if m.Leader {
			return true
		}
	}
	return false
}

// raftGroup is what a server says of that group.
type raftGroup struct {
	EverHadLeader bool           `json:"ever_had_leader"`
	Leader        string         `json:"leader"`
	LastIndex     uint64         `json:"pindex"`
	Peers         map[string]any `json:"peers"`
}

func (g raftGroup) membership() membership {
	return membership{History: g.EverHadLeader || g.LastIndex > 0, Leader: g.Leader != "", Runs: true, Counts: slices.Collect(maps.Keys(g.Peers))}
}

// askOfGroup asks all who are connected for their part in the group, and tells what the other peers said, as soon as those
// of these names did. A node that asks itself keeps nothing, and says so; any other that has no part has not got so far, or
// its store is closed, and that says nothing.
func (b *Broker) askOfGroup(ctx context.Context, names []string) map[string]membership {
	said, others := map[string]membership{}, b.otherPeers()
	b.askAll(ctx, joinAsk, "$SYS.REQ.SERVER.PING.RAFTZ", func(server string, data json.RawMessage) (enough bool) {
		name := strings.TrimSuffix(server, joiner)
		if !slices.Contains(others, name) {
			return false
		}
		var groups map[string]map[string]raftGroup
		if json.Unmarshal(data, &groups) != nil {
			return false
		}
		if group, has := groups[system][metaGroup]; has {
			said[name] = group.membership()
		} else if _, known := said[name]; name != server && !known {
			said[name] = membership{}
		}
		return !slices.ContainsFunc(names, func(name string) bool { _, has := said[name]; return !has })
	})
	return said
}

// otherPeers are the names of the nodes that store, but this one.
func (b *Broker) otherPeers() []string {
	return slices.DeleteFunc(b.options.peerNames(), func(name string) bool { return name == b.options.Node })
}

// metaGroup is the server's name for the group that knows which buckets there are.
const metaGroup = "_meta_"

// growing are the peers that say, by the name that they have meanwhile, that they copy what they kept alone.
func (b *Broker) growing() []string {
	var names []string
	for _, name := range b.Connected() {
		if who, grows := strings.CutSuffix(name, grower); grows {
			names = append(names, who)
		}
	}
	return names
}

// visit starts a server that meets the peers and stores nothing, under this node's name and what it is up to.
func (b *Broker) visit(ctx context.Context, upTo string) (guest *Broker, err error) {
	o := Options{Cluster: b.options.Cluster, Node: b.options.Node + upTo, Secrets: b.options.Secrets, Peers: b.options.Peers, Log: b.log}
	o.Listen = b.options.Listen // so that who comes later finds it
	if guest, err = New(o); err != nil {
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

// warnOfStrangers tells the operator of nodes that the cluster counts and the configuration has not, once for each change.
func (b *Broker) warnOfStrangers(group Group, told string) string {
	strangers := strings.Join(group.notIn(b.options.peerNames()), ", ")
	if strangers != told && strangers != "" {
		b.log.Warn().Str("nodes", strangers).Msg("counted among those who keep state, and not in peers: they make the majority larger. " +
			"When they are gone for good, retire them (picket nodes retire NAME); while the list of peers is being changed, go on")
	}
	return strangers
}
