package broker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"
)

// ResealSummary is what became of all records.
type ResealSummary struct {
	Records    int              `json:"records"`    // looked at
	Resealed   int              `json:"resealed"`   // made anew with the first secret
	Unreadable int              `json:"unreadable"` // made with none of the secrets, or by a newer version: left as they are
	Buckets    []BucketResealed `json:"buckets"`
}

// BucketResealed is what became of the records of one bucket.
type BucketResealed struct {
	Name       string `json:"name"`
	Records    int    `json:"records"`
	Resealed   int    `json:"resealed"`
	Unreadable int    `json:"unreadable"`
}

// Reseal makes every record anew, with the first secret and in the present way, that was made with another, or in an
// older one. The time that a record has left stays. One that somebody changes meanwhile is left to them: it is made anew
// by that, or looked at again. Once it returns, and no node writes with an older secret any more, the older ones are of no
// use. progress (nil: none) hears how many records were looked at, now and then. What breaks off may be repeated.
// ErrUnavailable.
func (b *Broker) Reseal(ctx context.Context, progress func(done int)) (ResealSummary, error) {
	b.mu.Lock()
	buckets := slices.Clone(b.buckets)
	b.mu.Unlock()
	sum := ResealSummary{Buckets: []BucketResealed{}}
	for _, bucket := range buckets {
		if bucket.spec.Open {
			continue // no tags of ours
		}
		r := resealing{bucket: bucket, before: sum.Records, progress: progress}
		n, err := r.run(ctx)
		sum.Records += n.Records
		sum.Resealed += n.Resealed
		sum.Unreadable += n.Unreadable
		sum.Buckets = append(sum.Buckets, n)
		if err != nil {
			return sum, fmt.Errorf("resealing %s broke off, and may be repeated: %w", bucket.spec.Name, err)
		}
	}
	return sum, nil
}

// resealing is the resealing of one bucket.
type resealing struct {
	bucket   *bucket
	before   int // records of other buckets that were looked at
	progress func(done int)

	resealed, unreadable atomic.Int64
}

// resealers is how many records are made anew at a time.
const resealers = 32

func (r *resealing) run(ctx context.Context) (BucketResealed, error) {
	n := BucketResealed{Name: r.bucket.spec.Name}
	begin, err := r.bucket.barrier.pass(ctx, r.bucket.heartbeat)
	if err != nil {
		return n, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	group, writing := errgroup.WithContext(ctx)
	group.SetLimit(resealers)
	for msg, broken := range r.bucket.list(writing) {
		if err = broken; err != nil {
			break
		}
		if removal(msg.Headers()) || r.ours(msg, begin) {
			continue
		}
		n.Records++
		if r.progress != nil {
			r.progress(r.before + n.Records)
		}
		group.Go(func() error { return r.one(writing, msg) })
	}
	if failed := group.Wait(); failed != nil {
		err = failed
	}
	n.Resealed, n.Unreadable = int(r.resealed.Load()), int(r.unreadable.Load())
	return n, err
}

// ours tells whether a record was made anew since the resealing began, and comes along once more.
func (r *resealing) ours(msg jetstream.Msg, begin uint64) bool {
	meta, err := msg.Metadata()
	return err == nil && meta.Sequence.Stream > begin && r.bucket.upToDate(msg.Subject()[len(r.bucket.subject):], msg.Headers(), msg.Data())
}

// one makes a record anew that was listed.
func (r *resealing) one(ctx context.Context, msg jetstream.Msg) error {
	meta, err := msg.Metadata()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	key := msg.Subject()[len(r.bucket.subject):]
	listed := stored{sequence: meta.Sequence.Stream, header: msg.Headers(), data: msg.Data()}
	for at := meta.Timestamp; ; {
		done, err := r.renew(ctx, key, listed, at)
		if done || err != nil {
			return err
		}
		switch listed, at, err = r.bucket.now(ctx, key); {
		case errors.Is(err, ErrNotFound):
			return nil // removed meanwhile
		case err != nil:
			return err
		}
	}
}

// renew makes a record anew unless it need not be; done is false when it was changed meanwhile.
func (r *resealing) renew(ctx context.Context, key string, s stored, at time.Time) (done bool, err error) {
	b := r.bucket
	if b.upToDate(key, s.header, s.data) {
		return true, nil
	}
	if _, err := b.open(key, s.header, s.data); err != nil {
		r.unreadable.Add(1)
		b.tellNewer(key, err)
		b.broker.log.Warn().Err(err).Str("bucket", b.spec.Name).Str("key", key).Msg("record not resealed: it cannot be read")
		return true, nil
	}
	expires, err := expiry(s.header, at)
	if err != nil {
		return false, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	left := time.Until(expires)
	if !expires.IsZero() && left <= 0 {
		return true, nil // the store is about to forget it
	}
	msg, err := b.again(key, s.header, s.data)
	if err != nil {
		return false, err
	}
	lasting(msg, left)
	switch _, err = b.publish(ctx, key, msg, expect(s.sequence)); {
	case errors.Is(err, ErrConflict):
		return false, nil
	case err != nil:
		return false, err
	}
	r.resealed.Add(1)
	return true, nil
}

// now is a record as the leader has it, and when it took it in.
func (b *bucket) now(ctx context.Context, key string) (stored, time.Time, error) {
	s, err := b.read(ctx, key)
	return s, s.time, err
}
