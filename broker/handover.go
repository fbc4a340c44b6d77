package broker

import (
	"context"
	"slices"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// handOverTime is how long a node that stops may look for others that lead in its stead. An election fits in, twice.
const handOverTime = 5 * time.Second

// handOver gives the lead of every stream, and of the group, to others before the server stops, and waits until they have
// it: a crash is told from a stop by an election of several seconds, during which nobody can write. Where there is nobody,
// because this node is in a minority or is alone, there is nothing to wait for.
func (b *Broker) handOver(ctx context.Context) {
	if b.server == nil || !b.options.clustered() || !b.options.stores() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, handOverTime)
	defer cancel()
	begun := time.Now()
	led := b.leads()
	for !b.givenAway(ctx, led) {
		select {
		case <-ctx.Done():
			b.log.Warn().Strs("stream", b.leads()).Msg("nobody takes the lead over; the others will elect")
			return
		case <-time.After(5 * time.Millisecond):
		}
	}
	b.log.Info().Int("streams", len(led)).Dur("after_ms", time.Since(begun)).Msg("others lead")
}

// groupLead stands for the group of peers in a list of streams; no stream is called so.
const groupLead = "the group of peers"

// lead is who leads a stream, or the group, as this node knows it, and who else holds a copy.
type lead struct {
	by     string // "": nobody
	others []*server.PeerInfo
}

// leads is what this node leads.
func (b *Broker) leads() []string {
	var led []string
	for name, l := range b.leaders() {
		if l.by == b.options.Node {
			led = append(led, name)
		}
	}
	slices.Sort(led)
	return led
}

// leaders is who leads each stream that others could lead without this node, and the group. Where the others are no
// majority nobody could.
func (b *Broker) leaders() map[string]lead {
	all := map[string]lead{}
	info, err := b.server.Jsz(&server.JSzOptions{Account: account, Streams: true})
	if err != nil {
		return all // it has no JetStream, or not any more
	}
	if info.Meta != nil && majority(info.Meta.Replicas) {
		all[groupLead] = lead{info.Meta.Leader, info.Meta.Replicas}
	}
	for _, a := range info.AccountDetails {
		for _, s := range a.Streams {
			if s.Cluster != nil && majority(s.Cluster.Replicas) {
				all[s.Name] = lead{s.Cluster.Leader, s.Cluster.Replicas}
			}
		}
	}
	return all
}

// majority tells whether enough of the others are there to go on without this node.
func majority(others []*server.PeerInfo) bool {
	there := 0
	for _, o := range others {
		if !o.Offline {
			there++
		}
	}
	return there > (len(others)+1)/2
}

// heir is the one who is to lead: who has everything wins at once, and of the others none may. "": nobody has, yet.
func (l lead) heir() string {
	for _, o := range l.others {
		if o.Current && !o.Offline && o.Lag == 0 {
			return o.Name
		}
	}
	return ""
}

// givenAway tells whether others lead what this node led. What it leads, for the first time or anew, it gives away.
func (b *Broker) givenAway(ctx context.Context, led []string) bool {
	leaders, done := b.leaders(), true
	for _, name := range led {
		l, known := leaders[name]
		if !known {
			continue // there is no majority any more
		}
		if l.by == "" || l.by == b.options.Node {
			done = false
		}
		if heir := l.heir(); l.by == b.options.Node && heir != "" {
			b.giveAway(ctx, name, heir)
		}
	}
	return done
}

// giveAway asks for it; what did not work is asked again.
func (b *Broker) giveAway(ctx context.Context, name, heir string) {
	user, subject := "steward user", "$JS.API.STREAM.LEADER.STEPDOWN."+name
	if name == groupLead {
		user, subject = "system user", "$JS.API.META.LEADER.STEPDOWN"
	}
	err := b.askAs(ctx, user, subject, map[string]any{"placement": map[string]string{"preferred": heir}}, &struct{}{})
	if err != nil && ctx.Err() == nil {
		b.log.Debug().Err(err).Str("stream", name).Msg("giving the lead away")
	}
}
