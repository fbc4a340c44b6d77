package broker

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// ErrOccupied says that the cluster holds records already.
var ErrOccupied = errors.New("the cluster is not empty")

// RestoreOptions say how to restore.
type RestoreOptions struct {
	Force    bool                     // into a cluster that holds records, too
	Skip     func(bucket string) bool // nil: all buckets are restored
	Progress func(done, total int)    // nil: not told; called now and then, by one goroutine at a time
}

// RestoreSummary is what became of the records of a backup.
type RestoreSummary struct {
	Cluster string           `json:"cluster"`
	At      time.Time        `json:"at"`      // when the backup was begun
	Version string           `json:"version"` // of the picket that made it
	Records int              `json:"records"` // restored
	Buckets []BucketRestored `json:"buckets"`
}

// BucketRestored is what became of the records of one bucket.
type BucketRestored struct {
	Name       string `json:"name"`
	Unknown    bool   `json:"unknown,omitempty"` // this configuration has no such bucket: none of its records is restored
	Skipped    bool   `json:"skipped,omitempty"` // as was asked for
	Records    int    `json:"records"`           // in the backup
	Restored   int    `json:"restored"`
	Present    int    `json:"present"`    // the cluster has one of that key: it stays as it is
	Removed    int    `json:"removed"`    // the cluster removed it, and remembers that: it stays removed
	Expired    int    `json:"expired"`    // since the backup
	Unreadable int    `json:"unreadable"` // not written by this cluster: left out
}

// Restore brings back the records of a backup that Backup made of a cluster of the same name and secret. First all of the
// file is read and proved genuine; until then nothing is written (ErrBackup). Then each record that the cluster does not
// have is made, with the first secret and the time that it has left. What the cluster has is neither changed nor removed,
// nor does come back what it removed as long as it remembers that: an hour, or as long as DeleteFor said. What was removed
// earlier, but after the backup, comes back.
//
// Without Force the cluster must hold nothing but what nodes make at their start: ErrOccupied. What breaks off may be
// repeated. It keeps the file on disk meanwhile, and in memory only what was changed while the backup was taken.
func (b *Broker) Restore(ctx context.Context, file io.Reader, o RestoreOptions) (RestoreSummary, error) {
	if !o.Force {
		if err := b.empty(ctx); err != nil {
			return RestoreSummary{}, err
		}
	}
	spool, err := b.spool()
	if err != nil {
		return RestoreSummary{}, fmt.Errorf("keeping the backup while it is checked: %w", err)
	}
	defer spool.Close()
	r := restoration{broker: b, options: o, latest: map[string]uint64{}}
	if err := r.check(file, spool); err != nil {
		return r.summary, err
	}
	err = r.apply(ctx, spool)
	r.add()
	return r.summary, err
}

// empty is ErrOccupied when some bucket holds a record that did not come by itself.
func (b *Broker) empty(ctx context.Context) error {
	for _, bucket := range b.kept() {
		if bucket.spec.Own {
			continue
		}
		for msg, err := range bucket.list(ctx) {
			if err != nil {
				return err
			}
			if !removal(msg.Headers()) {
				return fmt.Errorf("%w: there are records in %s", ErrOccupied, bucket.spec.Name)
			}
		}
	}
	return nil
}

// spool is a file without a name, beside the store where there is one. It is gone when it is closed.
func (b *Broker) spool() (*os.File, error) {
	f, err := os.CreateTemp(b.options.Store, "picket-restore-")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// restoration is one restoring under way.
type restoration struct {
	broker  *Broker
	options RestoreOptions
	summary RestoreSummary
	total   int               // records that are to be restored
	latest  map[string]uint64 // by bucket and key: sequence of what was changed or removed while the backup was taken

	mu     sync.Mutex
	counts map[string]*BucketRestored // guarded by mu; by bucket
	done   int                        // guarded by mu
}

// check reads the file to its end into spool, and proves it genuine.
func (r *restoration) check(file io.Reader, spool *os.File) error {
	copied := bufio.NewWriterSize(spool, 1<<20)
	c, err := r.contents(io.TeeReader(file, copied))
	if err != nil {
		return err
	}
	if c.head.Cluster != r.broker.options.Cluster {
		return fmt.Errorf("%w: it is of cluster %.64q, and this is %q", ErrBackup, c.head.Cluster, r.broker.options.Cluster)
	}
	r.summary.Cluster, r.summary.At, r.summary.Version = c.head.Cluster, c.head.At, c.head.Version
	r.counts = map[string]*BucketRestored{}
	var name string
	var begin uint64
	err = c.each(func(bucket string, began uint64) error {
		name, begin = bucket, began
		r.counts[name] = &BucketRestored{Name: name, Unknown: r.broker.bucket(name) == nil, Skipped: r.skips(name)}
		r.summary.Buckets = append(r.summary.Buckets, BucketRestored{Name: name})
		return nil
	}, func(a archived) error {
		if a.kind == itemRecord {
			r.counts[name].Records++
		}
		if a.kind == itemRemoval || a.sequence > begin {
			r.latest[name+" "+a.key] = a.sequence
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, n := range r.counts {
		if !n.Unknown && !n.Skipped {
			r.total += n.Records
		}
	}
	if err := copied.Flush(); err != nil {
		return fmt.Errorf("keeping the backup while it is checked: %w", err)
	}
	_, err = spool.Seek(0, io.SeekStart)
	return err
}

func (r *restoration) contents(in io.Reader) (*contents, error) {
	archive, err := newArchiveReader(in, r.broker.keys.Sealer(backupPurpose))
	if err != nil {
		return nil, err
	}
	return readContents(archive)
}

func (r *restoration) skips(name string) bool { return r.options.Skip != nil && r.options.Skip(name) }

// bucket is the one of that name, nil when it is not open here.
func (b *Broker) bucket(name string) *bucket {
	for _, bucket := range b.kept() {
		if bucket.spec.Name == name {
			return bucket
		}
	}
	return nil
}

// writers is how many records are written at a time.
const writers = 64

// apply writes the records, bucket after bucket.
func (r *restoration) apply(ctx context.Context, spool io.Reader) error {
	c, err := r.contents(bufio.NewReaderSize(spool, 1<<20))
	if err != nil {
		return err
	}
	group, writing := errgroup.WithContext(ctx)
	group.SetLimit(writers)
	var into *bucket
	err = c.each(func(name string, _ uint64) error {
		if err := group.Wait(); err != nil {
			return err
		}
		group, writing = errgroup.WithContext(ctx)
		group.SetLimit(writers)
		if into = r.broker.bucket(name); r.skips(name) {
			into = nil
		}
		return ctx.Err()
	}, func(a archived) error {
		if into == nil || a.kind != itemRecord {
			return writing.Err()
		}
		if r.overtaken(into.spec.Name, a) {
			r.mu.Lock()
			r.counts[into.spec.Name].Records--
			r.total--
			r.mu.Unlock()
			return writing.Err()
		}
		to := into
		group.Go(func() error { return r.bringBack(writing, to, a) })
		return writing.Err()
	})
	if failed := group.Wait(); failed != nil {
		err = failed
	}
	if err != nil {
		return fmt.Errorf("restoring broke off, and may be repeated with --force: %w", err)
	}
	return nil
}

// bringBack restores one record, and counts what became of it.
func (r *restoration) bringBack(ctx context.Context, to *bucket, a archived) error {
	n := r.counts[to.spec.Name]
	what, err := to.bringBack(ctx, a, n)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	*what++
	r.done++
	if r.options.Progress != nil {
		r.options.Progress(r.done, r.total)
	}
	return nil
}

// overtaken tells whether a record was changed or removed while the backup was taken: what became of it comes later.
func (r *restoration) overtaken(bucket string, a archived) bool {
	last, changed := r.latest[bucket+" "+a.key]
	return changed && last != a.sequence
}

// add puts the counts into the summary, in the order of the backup.
func (r *restoration) add() {
	for i := range r.summary.Buckets {
		n := r.counts[r.summary.Buckets[i].Name]
		r.summary.Buckets[i] = *n
		r.summary.Records += n.Restored
	}
}
