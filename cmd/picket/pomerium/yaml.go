package pomerium

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"
)

// Limits of a configuration: aliases can make a short text very large.
const (
	maxBytes  = 4 << 20
	maxValues = 100_000
	maxDepth  = 64
)

// kind is what a value of YAML is.
type kind uint8

const (
	nothing kind = iota // null, or not there
	scalar
	list
	mapping
)

// value is a value of YAML with its place; aliases and merges are resolved.
type value struct {
	kind    kind
	line    int
	tag     string // of a scalar: "!!str", "!!int", "!!float", "!!bool", "!!timestamp"
	text    string // of a scalar, as written
	items   []value
	entries []entry
	anchor  string // the name that it is referred to by; "": none
}

// entry is one key of a mapping.
type entry struct {
	key   string
	line  int
	value value
}

// get is the value of a key; a value of kind nothing when there is none.
func (v value) get(key string) value {
	for _, e := range v.entries {
		if e.key == key {
			return e.value
		}
	}
	return value{line: v.line}
}

// isText tells whether JSON would have a text here.
func (v value) isText() bool {
	return v.kind == scalar && v.tag != "!!int" && v.tag != "!!float" && v.tag != "!!bool"
}

// isTrue tells whether a switch is on, as Pomerium reads switches.
func (v value) isTrue() bool {
	switch v.text {
	case "1", "t", "T", "true", "TRUE", "True":
		return v.kind == scalar
	}
	return false
}

// texts are the items of a list of texts, or one text alone; ok is false when it is anything else.
func (v value) texts() (all []value, ok bool) {
	switch v.kind {
	case nothing:
		return nil, true
	case scalar:
		return []value{v}, true
	case list:
		for _, item := range v.items {
			if item.kind != scalar {
				return nil, false
			}
		}
		return v.items, true
	}
	return nil, false
}

// parse reads the first document of a text, which is a mapping.
func parse(src []byte) (value, error) {
	if len(src) > maxBytes {
		return value{}, fmt.Errorf("it has more than %d MiB", maxBytes>>20)
	}
	var document yaml.Node
	err := yaml.NewDecoder(bytes.NewReader(src)).Decode(&document)
	if errors.Is(err, io.EOF) {
		return value{}, errors.New("it is empty")
	}
	if err != nil {
		return value{}, err
	}
	t := tree{}
	root, err := t.value(&document, 0)
	if err != nil {
		return value{}, err
	}
	if root.kind != mapping {
		return value{}, errors.New("it has no settings: at the top stand names with colons, such as routes")
	}
	return root, nil
}

// tree makes values of nodes, within the limits.
type tree struct{ values int }

func (t *tree) value(n *yaml.Node, depth int) (value, error) {
	t.values++
	if depth > maxDepth || t.values > maxValues {
		return value{}, fmt.Errorf("line %d: it is nested too deep, or has too many values", n.Line)
	}
	switch n.Kind {
	case yaml.DocumentNode:
		return t.value(n.Content[0], depth+1)
	case yaml.AliasNode:
		v, err := t.value(n.Alias, depth+1)
		v.anchor = n.Value
		return v, err
	case yaml.SequenceNode:
		return t.list(n, depth)
	case yaml.MappingNode:
		return t.mapping(n, depth)
	}
	v := value{kind: scalar, line: n.Line, tag: n.ShortTag(), text: n.Value, anchor: n.Anchor}
	if v.tag == "!!null" {
		v.kind = nothing
	}
	return v, nil
}

func (t *tree) list(n *yaml.Node, depth int) (value, error) {
	v := value{kind: list, line: n.Line, anchor: n.Anchor}
	for _, child := range n.Content {
		item, err := t.value(child, depth+1)
		if err != nil {
			return value{}, err
		}
		v.items = append(v.items, item)
	}
	return v, nil
}

func (t *tree) mapping(n *yaml.Node, depth int) (value, error) {
	v := value{kind: mapping, line: n.Line, anchor: n.Anchor}
	var merged []value
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, child := n.Content[i], n.Content[i+1]
		inner, err := t.value(child, depth+1)
		switch {
		case err != nil:
			return value{}, err
		case key.Kind != yaml.ScalarNode:
			return value{}, fmt.Errorf("line %d: a name is a text", key.Line)
		case key.ShortTag() == "!!merge":
			merged = append(merged, inner)
		case v.has(key.Value):
			return value{}, fmt.Errorf("line %d: %q stands twice", key.Line, key.Value)
		default:
			v.entries = append(v.entries, entry{key.Value, key.Line, inner})
		}
	}
	return v, v.merge(merged)
}

func (v value) has(key string) bool {
	for _, e := range v.entries {
		if e.key == key {
			return true
		}
	}
	return false
}

// merge takes over what other mappings say and this one does not.
func (v *value) merge(from []value) error {
	for _, other := range from {
		switch other.kind {
		case list:
			if err := v.merge(other.items); err != nil {
				return err
			}
		case mapping:
			for _, e := range other.entries {
				if !v.has(e.key) {
					v.entries = append(v.entries, e)
				}
			}
		default:
			return fmt.Errorf("line %d: only a mapping can be merged", other.line)
		}
	}
	return nil
}
