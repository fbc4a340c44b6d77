package node

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"picket/broker"
)

// goneAfter is how long a node may say nothing before it is shown as gone: three times what it is silent in good health.
const goneAfter = 3*memberEvery + memberEvery/2

func (a *api) mountNodes(mux *http.ServeMux) {
	mux.HandleFunc("GET /v1/nodes", a.nodes)
	mux.HandleFunc("DELETE /v1/nodes/{name}", a.retire)
}

// nodeStatus is what is known of a node: what it said of itself, and what the nodes that keep state say of it.
type nodeStatus struct {
	member
	Drift  bool              `json:"drift"`  // its configuration is another than the one of the node that answers
	Gone   bool              `json:"gone"`   // it does not answer, or has said nothing for half a minute
	Stores bool              `json:"stores"` // it is counted among those who keep state
	Peer   bool              `json:"peer"`   // it is named in peers of the node that answers
	State  *broker.GroupNode `json:"state"`  // as the leader of those who keep state sees it; null: not one of them, or not known
	Ahead  float64           `json:"ahead"`  // by how many seconds, at least, its clock is ahead of this node's; below zero: behind; 0: it cannot be told
}

// nodeList is every node that was heard of in the last day, is counted among those who keep state or is named in peers, by
// name. With errors it is what is known without the store: whom this node is connected to, and what was said before.
func (n *Node) nodeList(r *http.Request) (list []nodeStatus, group broker.Group, wrong []error) {
	var said []member
	var unlisted, uncounted error
	var asked sync.WaitGroup
	asked.Go(func() { said, unlisted = n.members.list(r.Context()) })
	asked.Go(func() { group, uncounted = n.broker.Group(r.Context()) })
	asked.Wait()
	for _, err := range []error{unlisted, uncounted} {
		if err != nil {
			wrong = append(wrong, err)
		}
	}
	list = n.compareNodes(said, group, uncounted == nil && len(group.Nodes) > 0)
	slices.SortFunc(list, func(a, b nodeStatus) int { return byName(a.member, b.member) })
	for i := range list {
		if own := list[i].Name == n.config().Cluster.Broker.Node; !own && unlisted == nil {
			list[i].Ahead = list[i].ahead(time.Now()).Seconds()
		}
	}
	return list, group, wrong
}

// What two clocks may differ by before it is told: sessions, locks and steps of a sign-in have times that one node sets and
// another goes by.
const (
	mostAhead  = 2 * time.Second
	mostBehind = time.Minute // of a node that is there, and may only be slow to say so
)

// ahead is by how much, at least, a node's clock is ahead of one that shows now. It told its time when it was last seen, which was
// not long ago while it does not stand still.
func (s *nodeStatus) ahead(now time.Time) time.Duration {
	by := s.Seen.Sub(now)
	switch {
	case s.Seen.IsZero():
	case by > mostAhead:
		return by.Round(time.Second)
	case !s.Gone && by < -mostBehind-memberEvery:
		return (by + memberEvery).Round(time.Second)
	}
	return 0
}

// compareNodes puts together what the nodes said, whom their leader counts, and whom the configuration names.
func (n *Node) compareNodes(said []member, group broker.Group, counted bool) (list []nodeStatus) {
	c := n.config()
	connected := append(n.broker.Connected(), c.Cluster.Broker.Node)
	of := func(name string) *nodeStatus {
		i := slices.IndexFunc(list, func(s nodeStatus) bool { return s.Name == name })
		if i < 0 {
			list, i = append(list, nodeStatus{member: member{Name: name}, Gone: !slices.Contains(connected, name)}), len(list)
		}
		return &list[i]
	}
	for _, m := range append(said, n.members.self()) { // what this one said of itself may be older, where the store does not answer
		s := of(m.Name)
		s.member, s.Drift = m, m.Digest != c.Digest
		s.Gone = s.Gone && time.Since(m.Seen) > goneAfter
	}
	for _, p := range c.Cluster.Broker.Peers {
		s := of(p.Name)
		s.Peer, s.Stores = true, !counted
		s.Gone = !slices.Contains(connected, p.Name)
	}
	for _, g := range group.Nodes {
		s := of(g.Name)
		s.Stores, s.State, s.Gone = true, &g, !g.Online
	}
	return list
}

// nodes answers GET /v1/nodes.
func (a *api) nodes(w http.ResponseWriter, r *http.Request) {
	if !a.up(w) {
		return
	}
	list, group, wrong := a.node.nodeList(r)
	answer(w, http.StatusOK, map[string]any{"nodes": orNone(list), "leader": group.Leader, "errors": texts(wrong)})
}

// retire answers DELETE /v1/nodes/NAME: the node is not counted any more, neither as a copy nor in the list.
func (a *api) retire(w http.ResponseWriter, r *http.Request) {
	if !a.up(w) {
		return
	}
	name := r.PathValue("name")
	list, _, wrong := a.node.nodeList(r)
	if len(wrong) > 0 {
		fail(w, errors.Join(wrong...))
		return
	}
	if err := a.node.retire(r, list, name); err != nil {
		fail(w, err)
		return
	}
	a.node.log.Info().Str("retired", name).Msg("node retired by the operator")
	answer(w, http.StatusOK, map[string]string{"retired": name})
}

func (n *Node) retire(r *http.Request, list []nodeStatus, name string) error {
	i := slices.IndexFunc(list, func(s nodeStatus) bool { return s.Name == name })
	if i < 0 {
		return fmt.Errorf("no node is called %s: %w", name, broker.ErrNotFound)
	}
	if err := n.mayRetire(list, list[i]); err != nil {
		return err
	}
	if list[i].State != nil {
		if err := n.broker.Retire(r.Context(), name); err != nil {
			return err
		}
	}
	return n.members.forget(r.Context(), name)
}

// mayRetire asks what only the nodes themselves know; the broker asks the rest.
func (n *Node) mayRetire(list []nodeStatus, s nodeStatus) error {
	if !s.Seen.IsZero() && time.Since(s.Seen) < goneAfter && (s.State == nil || s.State.Online) {
		return broker.Refused(fmt.Sprintf("%s is running, or was %s ago. Stop it first", s.Name, time.Since(s.Seen).Round(time.Second)))
	}
	for _, other := range list {
		if other.Name != s.Name && !other.Gone && slices.Contains(other.Peers, s.Name) {
			return broker.Refused(fmt.Sprintf("%s is one of the peers in the configuration of %s. Take it out of peers on every node and restart them one by one, then retire it; "+
				"if it is to come back under this name, there is nothing to retire: start it with an empty store", s.Name, other.Name))
		}
	}
	return nil
}

// texts are errors for people; those that were joined are told one by one.
func texts(wrong []error) []string {
	all := []string{}
	for _, err := range wrong {
		all = append(all, strings.Split(err.Error(), "\n")...)
	}
	return all
}

// orNone is a list that JSON has as [].
func orNone[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
