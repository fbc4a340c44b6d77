package policy

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// input makes an Input of the attributes of a test block.
func (l *testLoader) input(attrs hcl.Attributes) *Input {
	values := make(map[string]any)
	for _, name := range inputNames() {
		if attr, ok := attrs[name]; ok {
			values[name] = l.written(attr)
		}
	}
	in, wrong := readInput(values, testNow())
	for _, w := range wrong {
		l.mistake(whereWritten(attrs[w.at.path()[0]].Expr, w.at.path()[1:]), badFact, "%s", w.why)
	}
	for _, name := range in.Data.Names() {
		if !slices.Contains(l.blocks, name) {
			l.unknownData(name, whereWritten(attrs[dataRoot].Expr, []string{name}))
		}
	}
	return in
}

// written is the value of an attribute, as encoding/json would decode it; nil when it has none, which is reported.
func (l *testLoader) written(attr *hcl.Attribute) any {
	value, diags := attr.Expr.Value(&hcl.EvalContext{Functions: l.functions})
	l.diags = append(l.diags, diags...)
	if diags.HasErrors() {
		return nil
	}
	return plainOf(value)
}

// whereWritten is where the part of an object is written that a path leads to; or, as far as it leads.
func whereWritten(e hcl.Expression, path []string) hcl.Range {
	if len(path) == 0 {
		return e.Range()
	}
	pairs, _ := hcl.ExprMap(e)
	for _, pair := range pairs {
		key, _ := pair.Key.Value(nil)
		if key.Type() == cty.String && key.IsKnown() && !key.IsNull() && key.AsString() == path[0] {
			return hcl.RangeBetween(pair.Key.Range(), whereWritten(pair.Value, path[1:]))
		}
	}
	return e.Range()
}
