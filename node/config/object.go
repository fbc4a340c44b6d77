package config

import (
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// object is an attribute that is an object, { name = value, … }, read as a block of these names.
func (b block) object(name string, names ...string) block {
	inner := block{decoder: b.decoder, kind: name, at: b.place(name), body: &hclsyntax.Body{Attributes: hclsyntax.Attributes{}}}
	if !b.has(name) {
		inner.absent = true
		return inner
	}
	for _, e := range b.entries(b.body.Attributes[name].Expr) {
		key := e.key
		switch {
		case !slices.Contains(names, key.text):
			b.fail(unknownAttribute, key.at, "There is no attribute %q in %s.%s Known here are %s.", key.text, name, suggest(key.text, names), list(names))
		case inner.has(key.text):
			b.fail(duplicateName, key.at, "%s is said already.", key.text)
		default:
			inner.body.Attributes[key.text] = &hclsyntax.Attribute{Name: key.text, Expr: e.value, NameRange: key.at, SrcRange: key.at}
		}
	}
	return inner
}

// share is a part of a whole: a number from 0 to 1.
func (b block) share(name string, otherwise float64) float64 {
	if !b.has(name) {
		return otherwise
	}
	expr := b.body.Attributes[name].Expr
	v, ok := b.as(expr, cty.Number)
	if !ok {
		return otherwise
	}
	part, _ := v.AsBigFloat().Float64()
	if part < 0 || part > 1 {
		b.fail(outOfRange, expr.Range(), "%s is between 0 and 1.", name)
		return otherwise
	}
	return part
}
