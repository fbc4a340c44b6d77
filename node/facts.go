package node

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"picket/broker"
	"picket/node/config"
	"picket/policy"
)

// factsBucket begins the names of the buckets of facts.
const factsBucket = "data-"

// facts are what the data blocks of one configuration hold: each block whole in memory, and of all of them one snapshot that
// policies read. Whoever may publish to a block's bucket changes it; every node follows its feed.
type facts struct {
	blocks  []*factBlock
	now     atomic.Pointer[policy.Data] // nil until all blocks were read
	changed func()                      // called after a change was taken over

	mu     sync.Mutex
	values map[string]map[string]any // guarded by mu; by block and key; inner maps are never changed
}

// factBlock is one data block.
type factBlock struct {
	config.Data
	*factSource // nil: not open
}

// factSource is a bucket of facts that is followed, for one configuration and the next.
type factSource struct {
	bucket *broker.Bucket[fact]
	view   *broker.Live[fact]

	mu      sync.Mutex
	readers map[*factBlock]*facts // guarded by mu: who is told of changes
}

// fact is one value: as it was published, and as policies read it.
type fact struct {
	raw   json.RawMessage
	value any
}

// UnmarshalJSON reads any JSON value.
func (f *fact) UnmarshalJSON(data []byte) error {
	f.raw = append(json.RawMessage(nil), data...)
	return json.Unmarshal(data, &f.value)
}

// MarshalJSON writes the value as it was published.
func (f fact) MarshalJSON() ([]byte, error) { return f.raw, nil }

func newFacts(blocks []config.Data, changed func()) *facts {
	f := &facts{changed: changed, values: map[string]map[string]any{}}
	for _, d := range blocks {
		f.blocks = append(f.blocks, &factBlock{Data: d})
	}
	return f
}

// snapshot is what policies know; nil, which is nothing, until the blocks were read.
func (f *facts) snapshot() *policy.Data { return f.now.Load() }

// open finds the buckets, or makes them, and reads them. It returns when each block is whole.
func (f *facts) open(ctx context.Context, b *broker.Broker) error {
	for _, d := range f.blocks {
		source, err := openFacts(ctx, b, d.Data, false)
		if err != nil {
			return err
		}
		d.factSource = source
		f.follow(d)
	}
	return nil
}

// openFacts opens the bucket of a block. Later, a node serves already: its freshness rests on the bucket from the
// moment that it is read and proved fresh.
func openFacts(ctx context.Context, b *broker.Broker, d config.Data, later bool) (*factSource, error) {
	s := &factSource{readers: map[*factBlock]*facts{}}
	var err error
	spec := broker.Spec{Name: factsBucket + d.Bucket, Decides: true, Open: true, Later: later}
	if s.bucket, err = broker.OpenBucket[fact](ctx, b, spec); err != nil {
		return nil, fmt.Errorf("opening the facts of data %q: %w", d.Name, err)
	}
	s.view = broker.NewLive(s.bucket)
	s.view.OnChange(s.tell)
	if err := s.view.Load(ctx); err != nil {
		s.bucket.Close()
		return nil, fmt.Errorf("reading the facts of data %q: %w", d.Name, err)
	}
	return s, nil
}

// beside are the facts of another configuration, whole: those of buckets that both have are read already. With an error
// nothing is left of them. They follow their buckets until leave.
func (f *facts) beside(ctx context.Context, b *broker.Broker, blocks []config.Data) (*facts, error) {
	next := newFacts(blocks, f.changed)
	for _, d := range next.blocks {
		if old := f.ofBucket(d.Bucket); old != nil {
			d.factSource = old.factSource
		} else {
			source, err := openFacts(ctx, b, d.Data, true)
			if err != nil {
				next.leave(f)
				return nil, err
			}
			d.factSource = source
		}
		next.follow(d)
	}
	return next, nil
}

// leave ends the following of f, and of the buckets that the facts in force do not read.
func (f *facts) leave(inForce *facts) {
	for _, d := range f.blocks {
		if d.factSource == nil {
			continue
		}
		d.factSource.drop(d)
		if inForce.ofBucket(d.Bucket) == nil {
			d.bucket.Close()
		}
	}
}

// follow has a block take over what its bucket holds, now and after each change.
func (f *facts) follow(d *factBlock) {
	d.factSource.mu.Lock()
	d.readers[d] = f
	d.factSource.mu.Unlock()
	f.take(d)
}

func (s *factSource) drop(d *factBlock) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.readers, d)
}

// tell has all readers take over a change. The feed waits for it: when a node has proved that it is fresh, its policies
// see what was acknowledged before.
func (s *factSource) tell() {
	s.mu.Lock()
	readers := maps.Clone(s.readers)
	s.mu.Unlock()
	for d, f := range readers {
		f.take(d)
	}
}

// take makes a new snapshot with what a block holds now.
func (f *facts) take(d *factBlock) {
	f.mu.Lock()
	values := make(map[string]any)
	for key, fact := range d.view.All() {
		if text, ok := factKey(key); ok {
			values[text] = fact.value
		}
	}
	for key := range d.view.Unreadable() {
		if text, ok := factKey(key); ok {
			values[text] = policy.Unreadable{}
		}
	}
	all := maps.Clone(f.values)
	all[d.Name] = values
	f.values = all
	f.now.Store(policy.NewData(all))
	f.mu.Unlock()
	f.changed()
}

// ofBucket is the data block that reads a bucket; nil when none does.
func (f *facts) ofBucket(bucket string) *factBlock {
	for _, d := range f.blocks {
		if d.Bucket == bucket {
			return d
		}
	}
	return nil
}

// block is the data block of that name; nil when there is none.
func (f *facts) block(name string) *factBlock {
	for _, d := range f.blocks {
		if d.Name == name {
			return d
		}
	}
	return nil
}

// longestFactKey is how long a key may be that an operator gives, in bytes.
const longestFactKey = 128

// factKey is the key of a stored record as policies know it; ok is false for one that is not written as
// broker.EncodeKey does: two records would be one fact.
func factKey(stored string) (key string, ok bool) {
	return broker.DecodeKey(stored)
}

// storedKey is the key under which a fact is stored; ok is false when it cannot be.
func storedKey(key string) (stored string, ok bool) {
	if key == "" || len(key) > longestFactKey || !utf8.ValidString(key) {
		return "", false
	}
	return broker.EncodeKey(key), true
}
