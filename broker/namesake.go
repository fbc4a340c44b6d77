package broker

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// A name is one node's. Two servers of one name are one to all others, who count what either has as the same copy: what was
// acknowledged by the one is missing when the other helps to elect a leader. The embedded server only refuses a namesake that
// it meets itself; through others both go on. So those others tell of it.

// namesakeEvery is how often a node looks whether two others have one name. It believes it the second time: the connection of
// a machine that lost its power outlasts it until three pings were not answered (see meshOptions), which is sooner.
const namesakeEvery = 30 * time.Second

// baseName is the name of a node that may be asking, or copying, under another.
func baseName(name string) string {
	return strings.TrimSuffix(strings.TrimSuffix(name, joiner), grower)
}

// watchNames tells the operator of other nodes that have one name. It looks every so often.
func (b *Broker) watchNames(ctx context.Context, every time.Duration) error {
	if !b.options.clustered() {
		return nil
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	told, last := "", ""
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		routes, err := b.server.Routez(&server.RoutezOptions{})
		if err != nil {
			continue // it ends
		}
		two := shared(routes.Routes)
		if two != "" && two == last && two != told {
			told = two
			b.log.Error().Str("nodes", two).Msg("several nodes have one name, and endanger what they keep, for the others take them for one: " +
				"stop all of them but one, and give each its own name (node, in broker; without it, the name of the host)")
		}
		last = two
	}
}

// shared are the names that several servers have, with where these are; "": none.
func shared(routes []*server.RouteInfo) string {
	from := map[string]map[string]string{} // addresses, by name and id
	for _, r := range routes {
		name := baseName(r.RemoteName)
		if from[name] == nil {
			from[name] = map[string]string{}
		}
		from[name][r.RemoteID] = cmp.Or(r.IP, "?")
	}
	var all []string
	for _, name := range slices.Sorted(maps.Keys(from)) {
		if len(from[name]) > 1 {
			all = append(all, fmt.Sprintf("%s (from %s)", name, strings.Join(slices.Sorted(maps.Values(from[name])), " and ")))
		}
	}
	return strings.Join(all, ", ")
}
