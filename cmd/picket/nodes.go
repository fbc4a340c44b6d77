package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// nodes is the answer of GET /v1/nodes.
type nodes struct {
	Leader string       `json:"leader"` // of the nodes that keep state; "": not known, or none
	Nodes  []nodeStatus `json:"nodes"`
	Errors []string     `json:"errors"` // what the node could not find out
}

func (t terminal) nodesCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "nodes COMMAND [--admin ADDRESS]",
		Short: "The nodes of the cluster; retire one that is gone for good",
		Example: `  picket nodes list
  picket nodes retire n3`,
	}
	addAdminFlag(c)
	c.AddCommand(t.listNodesCommand(), t.retireCommand())
	group(c)
	return c
}

func (t terminal) listNodesCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the nodes: who keeps state, who is gone",
		Example: `  picket nodes list
  picket nodes list -o json`,
		Args: args(),
		RunE: func(c *cobra.Command, _ []string) error { return t.listNodes(c) },
	}
}

func (t terminal) retireCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "retire NAME",
		Short: "Do not count a node any more that is gone for good",
		Long: `Removes a node from those that keep state, and its copies from every bucket, so that
the rest are a majority of fewer. Do this for a node that will not come back under its
name. In this order:

  1. take it out of peers in the configuration, and restart the other nodes one by one
  2. stop it
  3. picket nodes retire NAME

To replace a broken node there is nothing to retire: start an empty one of the same name.

It is refused while the node runs, while it is in peers of a node that runs, and while a
majority of those who keep state is missing. One change at a time.`,
		Example: `  picket nodes retire n3
  picket nodes retire n3 --admin 10.0.0.7:9901`,
		Args:              args("the NAME of a node"),
		ValidArgsFunction: offers(t.goneNodes),
		RunE:              func(c *cobra.Command, args []string) error { return t.retire(c, args[0]) },
	}
}

func (t terminal) listNodes(c *cobra.Command) error {
	node, err := t.admin(c)
	if err != nil {
		return err
	}
	var list nodes
	raw, err := node.do(c.Context(), http.MethodGet, "/v1/nodes", &list)
	if err != nil {
		return err
	}
	if wantsJSON(c) {
		return printJSON(t.out, raw)
	}
	for _, e := range list.Errors {
		fmt.Fprintln(t.err, paint(cell{"not known: " + printable(e), yellow}, t.colourErr))
	}
	nodeTable(list.Nodes, time.Now()).print(t.out, t.colour)
	return nil
}

// goneNodes offers the nodes that may be retired.
func (t terminal) goneNodes(c *cobra.Command, _ []string) (names []cobra.Completion) {
	for _, n := range offered[nodes](t, c, "/v1/nodes").Nodes {
		if n.Gone {
			names = append(names, n.Name)
		}
	}
	return names
}

func (t terminal) retire(c *cobra.Command, name string) error {
	node, err := t.admin(c)
	if err != nil {
		return err
	}
	var done struct {
		Retired string `json:"retired"`
	}
	raw, err := node.do(c.Context(), http.MethodDelete, "/v1/nodes/"+url.PathEscape(name), &done)
	if errors.As(err, &absent{}) {
		return fmt.Errorf("%w: 'picket nodes list' shows what there is", err)
	}
	if err != nil {
		return err
	}
	if wantsJSON(c) {
		return printJSON(t.out, raw)
	}
	fmt.Fprintf(t.out, "%s is retired.\n", printable(done.Retired))
	return nil
}

// nodeTable shows each node: what it is for, what it says of itself, and when it last did.
func nodeTable(all []nodeStatus, now time.Time) *table {
	t := &table{headings: []string{"NODE", "STATE", "ADDRESS", "VERSION", "CONFIGURATION", "UP", "SEEN"}}
	for _, n := range all {
		digest := text(short(n.Digest))
		if n.Drift {
			digest = cell{short(n.Digest) + " differs", yellow}
		}
		up := age(n.Since, now)
		if n.Gone {
			up = "-"
		}
		t.add(text(n.Name), n.state(), text(orDash(n.Address)), text(orDash(n.Version)), digest, text(up), text(ago(n.Seen, now)))
	}
	return t
}

// state is what a node does for the cluster, and how it is.
func (n nodeStatus) state() cell {
	var parts []string
	colour := plain
	switch {
	case n.Gone:
		parts, colour = append(parts, "gone"), red
	case n.State != nil && n.State.Leader:
		parts = append(parts, "leads")
	case n.State != nil && !n.State.Current && n.State.Lag > 1: // by one is everybody now and then
		parts, colour = append(parts, fmt.Sprintf("behind by %d", n.State.Lag)), yellow
	}
	switch {
	case n.Stores && !n.Peer && n.State != nil:
		parts, colour = append(parts, "keeps state, not in peers"), worse(colour, yellow)
	case n.Stores:
		parts = append(parts, "keeps state")
	case n.Peer:
		parts, colour = append(parts, "in peers, keeps no state yet"), worse(colour, yellow)
	}
	if by := time.Duration(n.Ahead * float64(time.Second)).Round(time.Second); by > 0 {
		parts, colour = append(parts, fmt.Sprintf("its clock is %s ahead", by)), worse(colour, yellow)
	} else if by < 0 {
		parts, colour = append(parts, fmt.Sprintf("its clock is %s behind", -by)), worse(colour, yellow)
	}
	return cell{orDash(strings.Join(parts, ", ")), colour}
}

// worse is the more alarming of two colours.
func worse(a, b string) string {
	if a == red {
		return a
	}
	return b
}
