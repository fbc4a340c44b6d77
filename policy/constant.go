package policy

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// folded calls a function of Options with constant arguments, now.
func (c *checker) folded(e *hclsyntax.FunctionCallExpr) node {
	call := *e
	call.Args = make([]hclsyntax.Expression, len(e.Args))
	for i, arg := range e.Args {
		n := c.expression(arg)
		if n.kind == invalid {
			return bad(e.Range())
		}
		value, ok := toCty(n)
		if !ok {
			c.mistake(n.at, notConstant,
				"%s is called once, when the configuration is loaded; it can be given texts, numbers and lists written there, and nothing of a request.", e.Name)
			return bad(e.Range())
		}
		call.Args[i] = &hclsyntax.LiteralValueExpr{Val: value, SrcRange: n.at}
	}
	value, diags := call.Value(&hcl.EvalContext{Functions: c.functions})
	c.diags = append(c.diags, diags...)
	if diags.HasErrors() {
		return bad(e.Range())
	}
	n := c.constant(value, e.Range())
	n.secret = true // it may be: env and file are where secrets come from
	return n
}

// toCty is the value of a constant node; ok is false when it is none, or has a kind that HCL does not know.
func toCty(n node) (value cty.Value, ok bool) {
	if !n.constant {
		return cty.NilVal, false
	}
	switch n.kind {
	case boolean:
		return cty.BoolVal(valueOf[bool](n)), true
	case text:
		return cty.StringVal(valueOf[string](n)), true
	case number:
		return cty.NumberFloatVal(valueOf[float64](n)), true
	case list:
		return jsonToCty(valueOf[[]string](n)), true
	case dynamic:
		return jsonToCty(valueOf[any](n)), true
	}
	return cty.NilVal, false
}

// jsonToCty is a value of JSON as one of HCL.
func jsonToCty(value any) cty.Value {
	switch value := value.(type) {
	case bool:
		return cty.BoolVal(value)
	case string:
		return cty.StringVal(value)
	case float64:
		return cty.NumberFloatVal(value)
	case []string:
		items := make([]cty.Value, len(value))
		for i, item := range value {
			items[i] = cty.StringVal(item)
		}
		return cty.TupleVal(items)
	case []any:
		items := make([]cty.Value, len(value))
		for i, item := range value {
			items[i] = jsonToCty(item)
		}
		return cty.TupleVal(items)
	case map[string]any:
		items := make(map[string]cty.Value, len(value))
		for name, item := range value {
			items[name] = jsonToCty(item)
		}
		return cty.ObjectVal(items)
	}
	return cty.NullVal(cty.DynamicPseudoType)
}

// fromJSON is a value, which is not null, as a kind and its eval.
func fromJSON(value any) (kind, any) {
	switch of := value.(type) {
	case bool:
		return boolean, always(of)
	case string:
		return text, always(of)
	case float64:
		return number, always(of)
	case []any:
		if items, ok := texts(of); ok {
			return list, always(items)
		}
		return dynamic, always[any](of)
	default:
		return dynamic, always(of)
	}
}

// plainOf is a value of HCL, which may be marked, as encoding/json would have decoded it; nil when it is not known, null,
// or none of JSON.
func plainOf(value cty.Value) (plain any) {
	value, _ = value.UnmarkDeep()
	if value.IsWhollyKnown() {
		plain = ctyToJSON(value)
	}
	return plain
}

// ctyToJSON is a known value of HCL as encoding/json would have decoded it; nil when it is null, or none of JSON.
func ctyToJSON(value cty.Value) any {
	t := value.Type()
	switch {
	case value.IsNull():
		return nil
	case t == cty.Bool:
		return value.True()
	case t == cty.String:
		return value.AsString()
	case t == cty.Number:
		n, _ := value.AsBigFloat().Float64()
		return n
	case t.IsListType(), t.IsSetType(), t.IsTupleType():
		items := make([]any, 0, value.LengthInt())
		for _, item := range value.Elements() {
			items = append(items, ctyToJSON(item))
		}
		return items
	case t.IsMapType(), t.IsObjectType():
		items := make(map[string]any, value.LengthInt())
		for name, item := range value.Elements() {
			items[name.AsString()] = ctyToJSON(item)
		}
		return items
	}
	return nil
}

// texts are the items, when all of them are texts.
func texts(items []any) ([]string, bool) {
	all := make([]string, len(items))
	for i, item := range items {
		var ok bool
		if all[i], ok = item.(string); !ok {
			return nil, false
		}
	}
	return all, true
}
