package policy

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
)

// Data is what the data blocks of a configuration hold at one instant: JSON values by block and key. It never changes:
// who learns of a change makes a new one. The nil Data holds nothing.
type Data struct {
	blocks map[string]map[string]any
}

// Unreadable is the value of a key under which something is published that nobody can read. Whatever a rule asks of it is
// unknown, even whether it is there: it is, and what it says may be what a deny rests on.
type Unreadable struct{}

// MarshalText is how explanations show it.
func (Unreadable) MarshalText() ([]byte, error) { return []byte("unreadable"), nil }

// NewData makes a Data of values by block and key, each as encoding/json decodes it: string, float64, bool, nil, []any
// and map[string]any; or Unreadable. It keeps the maps of keys: nobody may change them, or what is in them, afterwards. A block that is
// nil is unknown.
func NewData(blocks map[string]map[string]any) *Data {
	known := maps.Clone(blocks)
	maps.DeleteFunc(known, func(_ string, block map[string]any) bool { return block == nil })
	return &Data{known}
}

// Block is a block's values by key; nil when there is no such block. It is shared: read only.
func (d *Data) Block(name string) map[string]any {
	if d == nil {
		return nil
	}
	return d.blocks[name]
}

// Names are the names of the blocks, sorted.
func (d *Data) Names() []string {
	if d == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(d.blocks))
}

// dataRoot is what names of data blocks begin with: data.NAME.
const dataRoot = "data"

// dataBlock compiles data.NAME.
func (c *checker) dataBlock(name string, at hcl.Range) node {
	if _, known := slices.BinarySearch(c.blocks, name); !known {
		c.unknownData(name, at)
		return bad(at)
	}
	c.data = append(c.data, dataRead{block: name})
	return node{kind: dynamic, at: at, of: &attribute{name: dataRoot + "." + name}, read: len(c.data), run: eval[any](func(f *frame) (any, bool) {
		block := f.in.Data.Block(name)
		return block, block != nil
	})}
}

func (c *checker) unknownData(name string, at hcl.Range) {
	advice := didYouMean(name, c.blocks)
	switch {
	case len(c.blocks) == 0:
		advice = ` Write data "oncall" {} in the configuration, and data.oncall here.`
	case advice == "":
		advice = fmt.Sprintf(" Known are %s.", enumerate(c.blocks))
	}
	if name == "" {
		c.mistake(at, unknownName, "data by itself is no value. Take a block of it, by its name.%s", advice)
		return
	}
	c.mistake(at, unknownName, "There is no data block %s.%s", name, advice)
}

// appendBlock writes a block as an object; one with keys that are unreadable as [{values by key}, [keys that are unreadable]],
// which no block of values is.
func appendBlock(dst []byte, block map[string]any) []byte {
	values, unreadable := block, []string(nil)
	for key, value := range block {
		if value != (any)(Unreadable{}) {
			continue
		}
		if unreadable == nil {
			values = maps.Clone(block)
		}
		unreadable = append(unreadable, key)
		delete(values, key)
	}
	if unreadable == nil {
		return appendObject(dst, block, appendValue)
	}
	slices.Sort(unreadable)
	dst = appendObject(append(dst, '['), values, appendValue)
	return append(appendList(append(dst, ','), unreadable, AppendText), ']')
}

// blockOf reads what appendBlock writes.
func blockOf(written any) (block map[string]any, ok bool) {
	both, isList := written.([]any)
	if !isList {
		block, ok = written.(map[string]any)
		return block, ok
	}
	if len(both) != 2 {
		return nil, false
	}
	values, ok := both[0].(map[string]any)
	keys, areKeys := both[1].([]any)
	unreadable, areTexts := texts(keys)
	if !ok || !areKeys || !areTexts {
		return nil, false
	}
	block = maps.Clone(values)
	for _, key := range unreadable {
		block[key] = Unreadable{}
	}
	return block, true
}

// readKey notes that no more is asked of a data block than what one key has. In a for expression the key is not known
// outside of it, and so all of the block is asked for.
func (c *checker) readKey(block, key node) {
	if block.read > 0 && (len(c.loops) == 0 || key.constant) {
		c.data[block.read-1].key = run[string](key)
	}
}
