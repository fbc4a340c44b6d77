package broker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

const (
	// growDial is how long a peer may take to answer the knock of a node that is to grow.
	growDial = 3 * time.Second
	// growAsk is how long the peers that answered it may take to say what they keep.
	growAsk = 20 * time.Second
	// growRound is how long one question goes round before it is asked again.
	growRound = 500 * time.Millisecond
	// askAgain is how often, within a round, a question is asked.
	askAgain = 50 * time.Millisecond
)

// mayGrow asks the peers that are there whether they are a cluster already: of two that each have records, only one would
// keep them. So each is asked for what it keeps itself, and one that does not say keeps something perhaps: an election is
// under way, or its machine is slow.
func (b *Broker) mayGrow(ctx context.Context, guest *Broker) error {
	silent := b.knock(ctx, growDial)
	if len(silent) == 0 {
		return nil
	}
	asking, cancel := context.WithTimeout(ctx, growAsk)
	defer cancel()
	for len(silent) > 0 && asking.Err() == nil {
		var keepers []string
		for name, keeps := range guest.askAround(asking, silent) {
			silent = slices.DeleteFunc(silent, func(s string) bool { return s == name })
			if keeps {
				keepers = append(keepers, name)
			}
		}
		if len(keepers) > 0 {
			slices.Sort(keepers)
			return fmt.Errorf("%s: the state of a cluster is kept there already, and the store %s has records of its own, of when this node was alone. "+
				"Give the node an empty store to join them; what is in this one can be saved by starting the node alone (picket backup)",
				strings.Join(keepers, ", "), b.options.Store)
		}
		others := slices.DeleteFunc(guest.growing(), func(name string) bool { return name == b.options.Node })
		if len(others) > 0 {
			return fmt.Errorf("%s was alone, too, and copies what it kept: of two stores with records of their own only one can be kept. "+
				"Give all nodes but one an empty store; what is in this one, %s, can be saved by starting the node alone (picket backup)",
				strings.Join(others, ", "), b.options.Store)
		}
	}
	silent = slices.DeleteFunc(silent, func(name string) bool { return !slices.Contains(guest.known(), name) })
	if len(silent) > 0 {
		return fmt.Errorf("%s: no answer to the question whether the state of a cluster is kept there already. "+
			"The store %s has records of its own, of when this node was alone, and is left as it is. Start the node again", strings.Join(silent, ", "), b.options.Store)
	}
	return context.Cause(ctx) // those who were not met are of another cluster, or have another secret: the log says so
}

// known are the peers to whom there is a connection, by the names that they have when they do not ask.
func (b *Broker) known() []string {
	var names []string
	for _, name := range b.Connected() {
		names = append(names, strings.TrimSuffix(name, joiner))
	}
	return names
}

// kept is what a server says of itself.
type kept struct {
	Streams int                     `json:"streams"`
	Meta    *server.MetaClusterInfo `json:"meta_cluster"`
}

func (k kept) anything() bool {
	return k.Streams > 0 || k.Meta != nil && k.Meta.Leader != ""
}

// askAround asks all who are connected once, and tells who keeps something of those who answer soon, until all of these
// names did.
func (b *Broker) askAround(ctx context.Context, names []string) map[string]bool {
	answers := map[string]bool{}
	b.askAll(ctx, growRound, "$SYS.REQ.SERVER.PING.JSZ", func(server string, data json.RawMessage) (enough bool) {
		var said kept
		if name := strings.TrimSuffix(server, joiner); slices.Contains(names, name) && json.Unmarshal(data, &said) == nil {
			answers[name] = said.anything()
		}
		return len(answers) == len(names)
	})
	return answers
}

// askAll asks all servers that are connected, and hears each that answers within this time, until it is enough.
func (b *Broker) askAll(ctx context.Context, within time.Duration, subject string, hear func(server string, data json.RawMessage) (enough bool)) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	conn, err := b.dialAs("system user", nats.NoReconnect(), nats.Timeout(growAsk))
	if err != nil {
		return
	}
	defer conn.Close()
	inbox := conn.NewInbox()
	sub, err := conn.SubscribeSync(inbox)
	if err != nil {
		return
	}
	for again := time.Now(); ctx.Err() == nil; {
		if !time.Now().Before(again) { // who is being connected hears the next one
			if err := conn.PublishRequest(subject, inbox, nil); err != nil {
				return
			}
			again = time.Now().Add(askAgain)
		}
		msg, err := sub.NextMsg(min(askAgain, within))
		if errors.Is(err, nats.ErrTimeout) {
			continue
		}
		if err != nil {
			return
		}
		var said struct {
			Server struct {
				Name string `json:"name"`
			} `json:"server"`
			Data json.RawMessage `json:"data"`
		}
		if json.Unmarshal(msg.Data, &said) == nil && hear(said.Server.Name, said.Data) {
			return
		}
	}
}
