package policy

import (
	"net/textproto"

	"github.com/hashicorp/hcl/v2"
)

// index compiles the taking of one item: of a claim, a list, or a group of named values.
func (c *checker) index(of, key node, at hcl.Range) node {
	switch {
	case of.kind == invalid || key.kind == invalid:
		return bad(at)
	case of.kind == dynamic && key.kind == number:
		return c.made(dynamic, at, claimItem(run[any](of), run[float64](key)), of, key)
	case of.kind == dynamic:
		return c.claimPart(of, key, at)
	case of.kind == list:
		return c.listItem(of, key, at)
	case of.kind == fields:
		return c.field(of, key, at)
	}
	c.mistake(at, wrongType, "Only claims, lists, headers and queries have parts, but this is %s.", of.kind)
	return bad(at)
}

func (c *checker) claimPart(of, key node, at hcl.Range) node {
	key, ok := c.want(key, text, "The name of a claim's part")
	if !ok {
		return bad(at)
	}
	c.readKey(of, key)
	return c.made(dynamic, at, claimPart(run[any](of), run[string](key)), of, key)
}

func (c *checker) listItem(of, key node, at hcl.Range) node {
	key, ok := c.want(key, number, "The place in a list")
	if !ok {
		return bad(at)
	}
	items, place := run[[]string](of), run[float64](key)
	return c.made(text, at, eval[string](func(f *frame) (string, bool) {
		all, ok := items(f)
		if !ok {
			return "", false
		}
		which, ok := place(f)
		i := int(which)
		if !ok || float64(i) != which || i < 0 || i >= len(all) {
			return "", false
		}
		return all[i], true
	}), of, key)
}

// field takes a header field or a value of the query.
func (c *checker) field(of, key node, at hcl.Range) node {
	key, ok := c.want(key, text, "The name in brackets")
	if !ok {
		return bad(at)
	}
	if of.of.name == "request.headers" {
		return c.header(of, key, at)
	}
	c.reads.wholeQuery = c.reads.wholeQuery || !key.constant
	secret := key.constant && c.mention(c.reads.query, valueOf[string](key))
	name, find := run[string](key), of.run.(lookup)
	return node{kind: text, at: at, secret: secret, run: eval[string](func(f *frame) (string, bool) {
		key, ok := name(f)
		if !ok {
			return "", false
		}
		return find(f, key)
	})}
}

// header takes a header field, by its canonical name. That has to be known when policies are loaded, so that the fields
// that they ask for can be written down with a decision, and no other.
func (c *checker) header(of, key node, at hcl.Range) node {
	if !key.constant {
		c.mistake(key.at, notConstant, `The name of a header field cannot depend on a request. Write request.headers["Accept"].`)
		return bad(at)
	}
	name, find := textproto.CanonicalMIMEHeaderKey(valueOf[string](key)), of.run.(lookup)
	return node{kind: text, at: at, secret: c.mention(c.reads.headers, name), run: eval[string](func(f *frame) (string, bool) {
		return find(f, name)
	})}
}

// claimPart is the part of an object by its name.
func claimPart(of eval[any], name eval[string]) eval[any] {
	return func(f *frame) (any, bool) {
		value, _ := of(f)
		object, ok := value.(map[string]any)
		if !ok {
			return nil, false
		}
		key, ok := name(f)
		if !ok {
			return nil, false
		}
		part := object[key]
		if _, unreadable := part.(Unreadable); unreadable {
			f.unclear = true
			return nil, false
		}
		return part, part != nil
	}
}

// claimItem is the item of an array at its place, from 0.
func claimItem(of eval[any], place eval[float64]) eval[any] {
	return func(f *frame) (any, bool) {
		value, _ := of(f)
		items, ok := value.([]any)
		if !ok {
			return nil, false
		}
		which, ok := place(f)
		i := int(which)
		if !ok || float64(i) != which || i < 0 || i >= len(items) {
			return nil, false
		}
		return items[i], items[i] != nil
	}
}
