package broker

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// BackupSummary is what a backup holds.
type BackupSummary struct {
	Cluster string        `json:"cluster"`
	At      time.Time     `json:"at"`      // when it was begun
	Version string        `json:"version"` // of picket
	Records int           `json:"records"`
	Buckets []BucketCount `json:"buckets"`
}

// BucketCount is how many records of a bucket were dealt with.
type BucketCount struct {
	Name    string `json:"name"`
	Records int    `json:"records"`
}

// Backup writes the records of all buckets to w as they lie in the store, with the time that each has left, and all of it
// sealed once more: it opens only with one of the secrets that this cluster has now, and only as a whole.
//
// Each bucket is as it was at some moment after Backup began, and each record at least as new as that. Buckets whose
// Spec says Passing are left out, and so are logs. It holds one record in memory at a time. ErrUnavailable.
func (b *Broker) Backup(ctx context.Context, w io.Writer, version string) (BackupSummary, error) {
	buckets := b.kept()
	head := archiveHead{Cluster: b.options.Cluster, At: time.Now().UTC().Truncate(time.Second), Version: version}
	for _, bucket := range buckets {
		head.Buckets = append(head.Buckets, bucket.spec.Name)
	}
	done := BackupSummary{Cluster: head.Cluster, At: head.At, Version: version, Buckets: []BucketCount{}}
	archive, err := newArchiveWriter(w, b.keys.Sealer(backupPurpose))
	if err != nil {
		return done, fmt.Errorf("writing the backup: %w", err)
	}
	out := &items{out: archive}
	out.head(head)
	for _, bucket := range buckets {
		n, err := bucket.backup(ctx, out)
		if err != nil {
			return done, fmt.Errorf("backing up: %w", err)
		}
		done.Records += n
		done.Buckets = append(done.Buckets, BucketCount{bucket.spec.Name, n})
	}
	if out.end(); out.err == nil {
		out.err = archive.Close()
	}
	if out.err != nil {
		return done, fmt.Errorf("writing the backup: %w", out.err)
	}
	return done, nil
}

// backupPurpose is what the keys of backups are derived for.
const backupPurpose = "backup"

// kept are the buckets that a backup holds. What is Unique (sessions) comes last, so that what it needs is there when it
// is restored.
func (b *Broker) kept() []*bucket {
	b.mu.Lock()
	buckets := slices.Clone(b.buckets)
	b.mu.Unlock()
	buckets = slices.DeleteFunc(buckets, func(b *bucket) bool { return b.spec.Passing })
	slices.SortStableFunc(buckets, func(x, y *bucket) int {
		switch {
		case x.spec.Unique == y.spec.Unique:
			return 0
		case x.spec.Unique:
			return 1
		}
		return -1
	})
	return buckets
}

// backup writes a bucket's records. What was changed or removed on the way is written again behind, with a higher sequence.
func (b *bucket) backup(ctx context.Context, out *items) (n int, err error) {
	begin, err := b.barrier.pass(ctx, b.heartbeat)
	if err != nil {
		return 0, fmt.Errorf("reading %s: %w: %w", b.spec.Name, ErrUnavailable, err)
	}
	out.bucket(b.spec.Name, begin)
	for msg, err := range b.list(ctx) {
		if err != nil {
			return n, err
		}
		a, err := b.archived(msg)
		if err != nil {
			return n, err
		}
		if a.kind == itemRemoval && a.sequence <= begin {
			continue // nothing before it is in the backup
		}
		if out.record(a); out.err != nil {
			return n, fmt.Errorf("writing the backup: %w", out.err)
		}
		if a.kind == itemRecord {
			n++
		}
	}
	return n, out.err
}

func (b *bucket) archived(msg jetstream.Msg) (archived, error) {
	meta, err := msg.Metadata()
	if err != nil {
		return archived{}, fmt.Errorf("reading %s: %w: %w", b.spec.Name, ErrUnavailable, err)
	}
	a := archived{kind: itemRecord, key: strings.TrimPrefix(msg.Subject(), b.subject), sequence: meta.Sequence.Stream}
	if removal(msg.Headers()) {
		a.kind = itemRemoval
		return a, nil
	}
	expires, err := expiry(msg.Headers(), meta.Timestamp)
	if err != nil {
		return a, fmt.Errorf("reading %s %s: %w: %w", b.spec.Name, a.key, ErrUnavailable, err)
	}
	if !expires.IsZero() {
		a.expires = expires.Unix()
	}
	a.data = msg.Data()
	for _, name := range keptHeaders {
		if value := msg.Headers().Get(name); value != "" {
			a.headers = append(a.headers, [2]string{name, value})
		}
	}
	return a, nil
}

// keptHeaders are those that belong to a record.
var keptHeaders = [...]string{headerTag, headerSchema}

// expiry is when the store forgets a message that it took in at that time; zero: never.
func expiry(header nats.Header, stored time.Time) (time.Time, error) {
	text := header.Get(jetstream.MsgTTLHeader)
	if text == "" || text == "never" {
		return time.Time{}, nil
	}
	ttl, err := time.ParseDuration(text)
	if err != nil {
		return time.Time{}, fmt.Errorf("its time to live %.32q is not readable", text)
	}
	return stored.Add(ttl), nil
}
