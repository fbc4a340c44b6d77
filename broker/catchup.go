package broker

import (
	"context"
	"time"
)

// After a partition that cut a stream's leader off, nats-server 2.15.2 may have a replica loop in catching up: connected, and
// behind for up to a minute and a half, through restarts too. When the leader makes a snapshot of the stream, the replica takes
// that and is current within seconds. This looks for such replicas; where there are none it costs one question a stream, asked
// by the node that leads it. To be looked at again with every upgrade of nats-server.

const (
	catchUpEvery = 5 * time.Second
	// catchUpAfter is how long a connected replica may be behind before it is helped. By itself it is current within a second
	// or two, but for one that has an empty disk: that one is not harmed.
	catchUpAfter = 10 * time.Second
	// catchUpAgain is how long a snapshot has to show its effect.
	catchUpAgain = 30 * time.Second
)

// helpCatchUp looks for replicas that do not catch up with what this node leads, until ctx ends.
func (b *Broker) helpCatchUp(ctx context.Context) error {
	if !b.options.stores() || !b.options.clustered() {
		return nil
	}
	ticker := time.NewTicker(catchUpEvery)
	defer ticker.Stop()
	l := slowCopies{since: map[copyOf]time.Time{}, helped: map[string]time.Time{}}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		now := time.Now()
		for _, h := range b.holding() {
			if b.leadsStream(h) && l.stuck(b.howHeld(ctx, h), now) {
				b.help(h)
			}
		}
	}
}

// leadsStream tells whether this node leads a stream. It asks nobody.
func (b *Broker) leadsStream(h held) bool {
	return b.server.JetStreamIsStreamLeader(account, h.stream.CachedInfo().Config.Name)
}

// howHeld is how a stream is held; nobody's when that cannot be told.
func (b *Broker) howHeld(ctx context.Context, h held) BucketStatus {
	status, err := b.status(ctx, h)
	if err != nil {
		status.Replicas = nil // an election is no lag
	}
	return status
}

// help has this node make a snapshot of a stream that it leads.
func (b *Broker) help(h held) {
	b.metrics.helped(h.name)
	if err := b.server.JetStreamSnapshotStream(account, h.stream.CachedInfo().Config.Name); err != nil {
		b.log.Warn().Err(err).Str("bucket", h.name).Msg("a replica does not catch up, and could not be helped with a snapshot")
		return
	}
	b.log.Warn().Str("bucket", h.name).Msg("a replica does not catch up; it is helped with a snapshot")
}

// copyOf is one node's copy of a bucket.
type copyOf struct{ bucket, node string }

// slowCopies remembers who is behind, and who was helped.
type slowCopies struct {
	since  map[copyOf]time.Time
	helped map[string]time.Time // by bucket
}

// stuck tells whether a bucket has a copy that has been behind for too long though its node is there, and that was not helped
// lately.
func (l *slowCopies) stuck(s BucketStatus, now time.Time) (help bool) {
	for _, r := range s.Replicas {
		who := copyOf{s.Name, r.Name}
		if r.Current || r.Offline {
			delete(l.since, who)
			continue
		}
		if _, known := l.since[who]; !known {
			l.since[who] = now
		}
		help = help || now.Sub(l.since[who]) >= catchUpAfter
	}
	if at, before := l.helped[s.Name]; !help || before && now.Sub(at) < catchUpAgain {
		return false
	}
	l.helped[s.Name] = now
	return true
}
