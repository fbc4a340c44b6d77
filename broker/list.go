package broker

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	walkBatch = 500
	// walkTries is how often a walk that broke off is taken up again, in a row.
	walkTries = 10
)

// cross writes through the quorum, and gives a sequence that everything acknowledged before is below.
func (b *bucket) cross(ctx context.Context) (uint64, error) {
	sequence, err := b.barrier.pass(ctx, b.heartbeat)
	if err != nil {
		return 0, fmt.Errorf("listing %s: %w: %w", b.spec.Name, ErrUnavailable, err)
	}
	return sequence, nil
}

// list reads the whole bucket: everything acknowledged before is in it. Marks of removal are yielded too: when the walk was
// taken up again, they may tell of what was yielded before.
func (b *bucket) list(ctx context.Context) iter.Seq2[jetstream.Msg, error] {
	return func(yield func(jetstream.Msg, error) bool) {
		upTo, err := b.cross(ctx)
		if err != nil {
			yield(nil, err)
			return
		}
		b.listFrom(ctx, upTo)(yield)
	}
}

// listFrom is list: everything up to a sequence is in it.
func (b *bucket) listFrom(ctx context.Context, upTo uint64) iter.Seq2[jetstream.Msg, error] {
	return func(yield func(jetstream.Msg, error) bool) {
		w := walk{broker: b.broker, stream: b.stream, atLeast: upTo}
		w.config.DeliverPolicy, w.config.FilterSubject = jetstream.DeliverLastPerSubjectPolicy, b.subject+">"
		err := w.run(ctx, func(msg jetstream.Msg) bool {
			return strings.HasPrefix(b.key(msg.Subject()), heartbeatKey) || yield(msg, nil)
		})
		if err != nil {
			yield(nil, fmt.Errorf("listing %s: %w: %w", b.spec.Name, ErrUnavailable, err))
		}
	}
}

// walk goes through a stream's messages once, in order. A consumer that is lost on the way (its server may be frozen, or
// not have heard of it yet) is replaced by another, which goes on behind the last message.
//
// An OrderedConsumer would do the same, but tries for ever, on its own clock, to reach a server that does not answer.
type walk struct {
	broker  *Broker
	stream  jetstream.Stream
	config  jetstream.ConsumerConfig // where it begins
	atLeast uint64                   // sequence that must be reached: a replica that is not there yet is left for another

	behind uint64 // sequence up to which all was seen
}

// run calls each with every message; false ends the walk.
func (w *walk) run(ctx context.Context, each func(jetstream.Msg) bool) error {
	w.config.AckPolicy = jetstream.AckNonePolicy
	w.config.MemoryStorage, w.config.Replicas = true, 1
	w.config.InactiveThreshold = 30 * time.Second
	for tries := 0; ; tries++ {
		before := w.behind
		err := w.once(ctx, each)
		if err == nil {
			return nil
		}
		if w.behind != before {
			tries = 0
		}
		if tries == walkTries || !w.broker.pause(ctx) {
			return err
		}
	}
}

// once goes on behind the last message with a consumer of its own. Nil: the end was reached, or each had enough.
func (w *walk) once(ctx context.Context, each func(jetstream.Msg) bool) error {
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	consumer, err := w.stream.CreateConsumer(call, w.config)
	if err != nil {
		return err
	}
	pending := consumer.CachedInfo().NumPending
	for pending > 0 && ctx.Err() == nil {
		batch, err := consumer.Fetch(int(min(pending, walkBatch)), jetstream.FetchMaxWait(callTimeout))
		if err != nil {
			return err
		}
		left, more, err := w.take(batch, each)
		if err != nil || !more {
			return err
		}
		pending = left
	}
	if ctx.Err() == nil && w.behind < w.atLeast {
		return errors.New("the replica is behind")
	}
	return ctx.Err()
}

// take goes through a batch. left is how many messages come after it; more is false when each had enough.
func (w *walk) take(batch jetstream.MessageBatch, each func(jetstream.Msg) bool) (left uint64, more bool, err error) {
	got := false
	for msg := range batch.Messages() {
		meta, err := msg.Metadata()
		if err != nil {
			return 0, false, err
		}
		got, left = true, meta.NumPending
		if meta.Sequence.Stream <= w.behind {
			continue
		}
		w.behind = meta.Sequence.Stream
		if !each(msg) {
			return 0, false, nil
		}
	}
	if err := batch.Error(); err != nil {
		return 0, false, err
	}
	if !got {
		return 0, false, errors.New("it broke off")
	}
	return left, true, nil
}
