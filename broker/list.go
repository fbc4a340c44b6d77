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
	listBatch = 500
	// listTries is how often a list that broke off is taken up again, in a row.
	listTries = 10
)

// list reads the whole bucket as it stands, in the order of the stream, heartbeats and removals left out. A consumer that
// is lost on the way (one that was just made may not be heard of everywhere) is made anew and goes on behind the last
// record.
func (b *bucket) list(ctx context.Context) iter.Seq2[jetstream.Msg, error] {
	return func(yield func(jetstream.Msg, error) bool) {
		l := &lister{bucket: b, yield: yield}
		for tries := 0; ; tries++ {
			before := l.behind
			err := l.sweep(ctx)
			if err == nil {
				return
			}
			if l.behind != before {
				tries = 0
			}
			if tries == listTries || !b.broker.pause(ctx) {
				yield(nil, fmt.Errorf("listing %s: %w: %w", b.spec.Name, ErrUnavailable, err))
				return
			}
		}
	}
}

// lister is a list under way.
type lister struct {
	bucket *bucket
	yield  func(jetstream.Msg, error) bool
	behind uint64 // sequence up to which all was yielded
}

// sweep yields what lies behind the last record. Nil: the end was reached, or the caller has had enough.
func (l *lister) sweep(ctx context.Context) error {
	consumer, err := l.bucket.stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		DeliverPolicy:     jetstream.DeliverLastPerSubjectPolicy,
		InactiveThreshold: 30 * time.Second,
	})
	if err != nil {
		return err
	}
	pending := consumer.CachedInfo().NumPending
	for pending > 0 && ctx.Err() == nil {
		batch, err := consumer.Fetch(int(min(pending, listBatch)), jetstream.FetchMaxWait(callTimeout))
		if err != nil {
			return err
		}
		left, more, err := l.take(batch)
		if err != nil || !more {
			return err
		}
		pending = left
	}
	return ctx.Err()
}

// take yields a batch. left is how many records come after it; more is false when the caller has had enough.
func (l *lister) take(batch jetstream.MessageBatch) (left uint64, more bool, err error) {
	got := false
	for msg := range batch.Messages() {
		meta, err := msg.Metadata()
		if err != nil {
			return 0, false, err
		}
		got, left = true, meta.NumPending
		if meta.Sequence.Stream <= l.behind {
			continue
		}
		l.behind = meta.Sequence.Stream
		if removal(msg.Headers()) || strings.HasPrefix(msg.Subject(), l.bucket.subject+heartbeatKey) {
			continue
		}
		if !l.yield(msg, nil) {
			return 0, false, nil
		}
	}
	if err := batch.Error(); err != nil {
		return 0, false, err
	}
	if !got {
		return 0, false, errors.New("the list broke off")
	}
	return left, true, nil
}
