package broker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	// replicasEvery is how often a node looks whether a bucket should be held by more nodes than it is.
	replicasEvery = 3 * time.Second
	// replicasRarely is the same once all is as it should be.
	replicasRarely = time.Minute
)

// held is a stream that this node has opened.
type held struct {
	name   string // of the bucket or the log
	log    bool   // it is a log
	stream jetstream.Stream
}

// hold takes a stream into the list of what this node has opened, once.
func (b *Broker) hold(stream jetstream.Stream) {
	name := stream.CachedInfo().Config.Name
	bucket, isBucket := strings.CutPrefix(name, "KV_")
	if b.options.Prefix != "" {
		bucket = strings.TrimPrefix(bucket, b.options.Prefix+"-")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held = append(b.held, held{name: bucket, log: !isBucket, stream: stream})
}

// holding is that list.
func (b *Broker) holding() []held {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.held[:len(b.held):len(b.held)]
}

// keepReplicas sees that every stream is held by as many nodes as there are peers, as soon as so many are there: one node
// that became three, three that became five. It never takes a copy away: `picket nodes retire` does.
func (b *Broker) keepReplicas(ctx context.Context) error {
	if !b.options.stores() || !b.options.clustered() {
		return nil
	}
	wait, told, strangers := replicasEvery, "", ""
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
		group, err := b.Group(ctx)
		if err != nil {
			continue // an election, or too few: nothing can be changed now
		}
		strangers = b.warnOfStrangers(group, strangers)
		short, err := b.raiseReplicas(ctx, group)
		wait = replicasRarely
		if err != nil || short > 0 {
			wait = replicasEvery
		}
		if err != nil && ctx.Err() == nil && err.Error() != told {
			told = err.Error()
			b.log.Info().Err(err).Msg("not yet held by all peers; trying on")
		}
		if err == nil {
			told = ""
		}
	}
}

// raiseReplicas changes what it can, and tells how many streams are held by fewer nodes than there are peers.
func (b *Broker) raiseReplicas(ctx context.Context, group Group) (short int, err error) {
	want := b.options.replicas()
	var low []held
	for _, h := range b.holding() {
		config, err := h.config(ctx)
		if err != nil {
			return short, err
		}
		if config.Replicas < want {
			low = append(low, h)
		}
	}
	if len(low) == 0 {
		return 0, nil
	}
	if there := group.online(); there < want {
		return len(low), fmt.Errorf("%d of %d peers are there", there, want)
	}
	for _, h := range low {
		if err := b.setReplicas(ctx, h, want); err != nil {
			return len(low), err
		}
		b.log.Info().Str("stream", h.name).Int("replicas", want).Msg("held by more nodes from now on")
	}
	return len(low), nil
}

func (h held) config(ctx context.Context) (jetstream.StreamConfig, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	info, err := h.stream.Info(ctx)
	if err != nil {
		return jetstream.StreamConfig{}, fmt.Errorf("asking how %s is held: %w: %w", h.name, ErrUnavailable, err)
	}
	return info.Config, nil
}

// setReplicas changes nothing but the number. What another node changed meanwhile is found as it is.
func (b *Broker) setReplicas(ctx context.Context, h held, want int) error {
	ctx, cancel := context.WithTimeout(ctx, 2*callTimeout)
	defer cancel()
	config, err := h.config(ctx)
	if err != nil || config.Replicas == want {
		return err
	}
	config.Replicas = want
	if _, err := b.stream.UpdateStream(ctx, config); err != nil {
		return fmt.Errorf("having %s held by %d nodes: %w", h.name, want, errors.Join(ErrUnavailable, err))
	}
	return nil
}
