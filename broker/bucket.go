package broker

import (
	"context"
	"crypto/rand"
	"fmt"
	"iter"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Spec says what a bucket is like.
type Spec struct {
	Name    string // as DESIGN has it: sessions, tokens, ...
	Sealed  bool   // values are encrypted, bound to bucket and key
	Decides bool   // decides access: has a feed and a heartbeat of its own
	Feed    bool   // has a feed, though it decides nothing: how fresh a node's knowledge of it is bears on nobody's access
	Unique  bool   // a key that is absent does not come but by the feed: caches may remember that it is
	Open    bool   // whoever may publish to it may write records: they carry no tag of ours
	Passing bool   // what it holds is of the moment: no backup keeps it
	Own     bool   // nodes fill it themselves when they start: a cluster that has nothing else is empty
	Schema  int    // of the records; 0: 1. Raised when nodes that do not know the new one must not act on them
	Later   bool   // opened while the node admits: counts for Fresh from its first proof on, when Load of a Live returns
}

// Entry is a record as the store holds it.
type Entry[T any] struct {
	Key      string
	Value    T
	Revision uint64 // sequence in the bucket's stream; grows with every change of the bucket
}

// Bucket holds records of one type as JSON: sealed where its Spec says so, else with a tag, so that access to the store
// alone forges nothing. Keys are letters, digits and -_=./ without an empty part between dots: EncodeKey makes one of any text.
//
// Each method returns ErrUnavailable when nobody could tell; a write then may or may not have happened.
type Bucket[T any] struct{ raw *bucket }

// bucket is what all types of bucket share.
type bucket struct {
	broker  *Broker
	spec    Spec
	name    string // with the prefix
	stream  jetstream.Stream
	sealer  *Sealer
	tagger  *Tagger
	subject string // "$KV.NAME."
	feed    *feed  // nil: decides nothing
	barrier barrier

	newerTold atomic.Int64 // Unix ns when the log last told of a record of a newer version
}

// OpenBucket finds the bucket or makes it. While the cluster has no leader it waits until ctx ends.
func OpenBucket[T any](ctx context.Context, b *Broker, s Spec) (*Bucket[T], error) {
	name := s.Name
	if b.options.Prefix != "" {
		name = b.options.Prefix + "-" + s.Name
	}
	raw := &bucket{broker: b, spec: s, name: name, subject: "$KV." + name + "."}
	raw.sealer = b.keys.Sealer(raw.purpose())
	raw.tagger = b.keys.Tagger(raw.purpose())
	stream, err := b.ensure(ctx, raw.config())
	if err != nil {
		return nil, fmt.Errorf("opening bucket %s: %w", name, err)
	}
	raw.stream = stream
	b.add(raw)
	return &Bucket[T]{raw: raw}, nil
}

// add takes a bucket into the broker's list, and its feed into what Run keeps.
func (b *Broker) add(raw *bucket) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.buckets = append(b.buckets, raw)
	if !raw.spec.fed() {
		return
	}
	raw.feed = newFeed(raw)
	if raw.spec.Decides && !raw.spec.Later {
		b.count(raw.feed)
	}
	b.added <- raw.feed
}

// fed tells whether changes of the bucket are told to the nodes.
func (s Spec) fed() bool { return s.Decides || s.Feed }

// count has this node's freshness rest on a feed, too. Call it with mu held.
func (b *Broker) count(f *feed) {
	feeds := []*feed{f}
	if old := b.feeds.Load(); old != nil {
		feeds = append(feeds, *old...)
	}
	b.feeds.Store(&feeds)
}

const (
	callTimeout = 2 * time.Second  // of one call to the store; then it is tried anew
	patience    = 15 * time.Second // of a call whose context has no deadline: an election fits in
)

// Get reads a record from the leader of the bucket's stream. ErrNotFound when there is none, which is made sure of by a
// write of its own: a leader that was just elected may not know yet.
func (b *Bucket[T]) Get(ctx context.Context, key string) (Entry[T], error) {
	begun := time.Now()
	r, err := b.raw.read(ctx, key)
	b.raw.broker.metrics.did(b.raw.spec.Name, "get", begun, err)
	return b.entry(key, r, err)
}

// getFresh reads a record from a replica that proves to be far enough for the question. Every change up to upTo is in what
// it gives, be that a record or ErrNotFound.
func (b *Bucket[T]) getFresh(ctx context.Context, key string, q inquiry) (entry Entry[T], upTo uint64, err error) {
	begun := time.Now()
	r, upTo, err := b.raw.readFresh(ctx, key, q)
	b.raw.broker.metrics.did(b.raw.spec.Name, "get", begun, err)
	entry, err = b.entry(key, r, err)
	return entry, upTo, err
}

func (b *Bucket[T]) entry(key string, r stored, err error) (Entry[T], error) {
	if err != nil {
		return Entry[T]{}, fmt.Errorf("reading %s %s: %w", b.raw.spec.Name, key, err)
	}
	return b.decode(key, r.sequence, r.header, r.data)
}

// decode reads a record. With an error, the entry has its key and revision all the same.
func (b *Bucket[T]) decode(key string, revision uint64, header nats.Header, data []byte) (Entry[T], error) {
	entry := Entry[T]{Key: key, Revision: revision}
	plain, err := b.raw.open(key, header, data)
	if err != nil {
		b.raw.tellNewer(key, err)
		return entry, fmt.Errorf("reading %s %s: %w: %w", b.raw.spec.Name, key, ErrUnavailable, err)
	}
	if err := unmarshal(plain, &entry.Value); err != nil {
		return Entry[T]{Key: key, Revision: revision}, fmt.Errorf("decoding %s %s: %w: %w", b.raw.spec.Name, key, ErrUnavailable, err)
	}
	return entry, nil
}

// decodeChange reads the record of a change.
func (b *Bucket[T]) decodeChange(c change) (Entry[T], error) {
	return b.decode(c.key, c.revision, c.header, c.data)
}

// Create writes a record that must not exist yet; ErrConflict when it does. With a ttl the store forgets it after that
// time (rounded up to a second); zero: never. It waits out an election, until ctx ends or 15 s without a deadline.
func (b *Bucket[T]) Create(ctx context.Context, key string, v T, ttl time.Duration) (uint64, error) {
	return b.write(ctx, "create", key, v, expect(0), ttl)
}

// Update writes a record whose last change must be revision; ErrConflict when it is not. ttl as in Create.
func (b *Bucket[T]) Update(ctx context.Context, key string, v T, revision uint64, ttl time.Duration) (uint64, error) {
	return b.write(ctx, "update", key, v, expect(revision), ttl)
}

// Put writes a record whatever was there, but for one that a newer version wrote: ErrUnavailable then. ttl as in Create.
func (b *Bucket[T]) Put(ctx context.Context, key string, v T, ttl time.Duration) (uint64, error) {
	if err := b.raw.mayReplace(ctx, key); err != nil {
		return 0, fmt.Errorf("writing %s %s: %w", b.raw.spec.Name, key, err)
	}
	return b.write(ctx, "put", key, v, nil, ttl)
}

func expect(revision uint64) *uint64 { return &revision }

func (b *Bucket[T]) write(ctx context.Context, operation, key string, v T, expected *uint64, ttl time.Duration) (uint64, error) {
	begun := time.Now()
	plain, err := marshal(&v)
	if err != nil {
		return 0, fmt.Errorf("encoding %s %s: %w", b.raw.spec.Name, key, err)
	}
	msg := b.raw.message(key, plain)
	if ttl < 0 {
		ttl = time.Second // it is over: not for ever
	}
	lasting(msg, ttl)
	revision, err := b.raw.publish(ctx, key, msg, expected)
	b.raw.broker.metrics.did(b.raw.spec.Name, operation, begun, err)
	if err != nil {
		return 0, fmt.Errorf("writing %s %s: %w", b.raw.spec.Name, key, err)
	}
	return revision, nil
}

// Delete removes a record and leaves a marker for the feeds. Nil when there was none. When it returns nil, a quorum has it.
func (b *Bucket[T]) Delete(ctx context.Context, key string) error { return b.DeleteFor(ctx, key, 0) }

// DeleteFor is Delete of what no backup is to bring back for so long; an hour, when that is longer.
func (b *Bucket[T]) DeleteFor(ctx context.Context, key string, remember time.Duration) error {
	begun := time.Now()
	msg := &nats.Msg{Subject: b.raw.subject + key, Header: nats.Header{}}
	msg.Header.Set("KV-Operation", "DEL")
	msg.Header.Set(headerWrite, rand.Text())
	lasting(msg, max(remember, markerLife))
	_, err := b.raw.publish(ctx, key, msg, nil)
	b.raw.broker.metrics.did(b.raw.spec.Name, "delete", begun, err)
	if err != nil {
		return fmt.Errorf("deleting %s %s: %w", b.raw.spec.Name, key, err)
	}
	return nil
}

// List yields all records, everything acknowledged before among them, and now and then one that was removed or changed
// meanwhile. One that cannot be read is yielded as an error, and the list goes on; when the list itself
// breaks, the last thing yielded is ErrUnavailable.
func (b *Bucket[T]) List(ctx context.Context) iter.Seq2[Entry[T], error] {
	return func(yield func(Entry[T], error) bool) {
		for msg, err := range b.raw.list(ctx) {
			if err != nil {
				yield(Entry[T]{}, err)
				return
			}
			if removal(msg.Headers()) {
				continue
			}
			entry, err := b.listed(msg)
			if !yield(entry, err) {
				return
			}
		}
	}
}

func (b *Bucket[T]) listed(msg jetstream.Msg) (Entry[T], error) {
	meta, err := msg.Metadata()
	if err != nil {
		return Entry[T]{}, fmt.Errorf("listing %s: %w: %w", b.raw.spec.Name, ErrUnavailable, err)
	}
	return b.decode(b.raw.key(msg.Subject()), meta.Sequence.Stream, msg.Headers(), msg.Data())
}

// key is the key of a message of the bucket's stream.
func (b *bucket) key(subject string) string { return strings.TrimPrefix(subject, b.subject) }
