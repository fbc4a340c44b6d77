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

// facts are what the data blocks hold: each block whole in memory, and of all of them one snapshot that policies read.
// Whoever may publish to a block's bucket changes it; every node follows its feed.
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
	bucket *broker.Bucket[fact]
	view   *broker.Live[fact]
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
func (f *facts) open(ctx context.Context, b *broker.Broker) (err error) {
	for _, d := range f.blocks {
		spec := broker.Spec{Name: factsBucket + d.Bucket, Decides: true, Open: true}
		if d.bucket, err = broker.OpenBucket[fact](ctx, b, spec); err != nil {
			return fmt.Errorf("opening the facts of data %q: %w", d.Name, err)
		}
		d.view = broker.NewLive(d.bucket)
		d.view.OnChange(func() { f.take(d) })
		if err := d.view.Load(ctx); err != nil {
			return fmt.Errorf("reading the facts of data %q: %w", d.Name, err)
		}
	}
	return nil
}

// take makes a new snapshot with what a block holds now. The feed waits for it: when a node has proved that it is
// fresh, its policies see what was acknowledged before.
func (f *facts) take(d *factBlock) {
	f.mu.Lock()
	values := make(map[string]any)
	for key, fact := range d.view.All() {
		if text, ok := factKey(key); ok {
			values[text] = fact.value
		}
	}
	all := maps.Clone(f.values)
	all[d.Name] = values
	f.values = all
	f.now.Store(policy.NewData(all))
	f.mu.Unlock()
	f.changed()
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
