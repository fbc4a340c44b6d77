package broker

import (
	"context"
	"fmt"
	"slices"
)

// join has this node's freshness rest on a bucket that was opened Later, once what is known of it is proved fresh.
func (b *bucket) join(ctx context.Context) error {
	select {
	case <-b.feed.first:
	case <-ctx.Done():
		return fmt.Errorf("waiting for proof that %s is fresh: %w", b.spec.Name, ErrUnavailable)
	}
	b.broker.mu.Lock()
	defer b.broker.mu.Unlock()
	b.broker.count(b.feed)
	return nil
}

// Close ends what follows the bucket on this node: it counts for Fresh no more, and caches and views of it must not be used.
// The records stay.
func (b *Bucket[T]) Close() {
	raw, broker := b.raw, b.raw.broker
	broker.mu.Lock()
	defer broker.mu.Unlock()
	broker.buckets = slices.DeleteFunc(slices.Clone(broker.buckets), func(o *bucket) bool { return o == raw })
	if raw.feed == nil {
		return
	}
	if counted := broker.feeds.Load(); counted != nil {
		feeds := slices.DeleteFunc(slices.Clone(*counted), func(f *feed) bool { return f == raw.feed })
		broker.feeds.Store(&feeds)
	}
	close(raw.feed.left)
}

// untilLeft ends a feed when its bucket is left.
func (f *feed) untilLeft(ctx context.Context, end context.CancelFunc) {
	defer end()
	select {
	case <-f.left:
	case <-ctx.Done():
	}
}
