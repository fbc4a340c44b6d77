package config

import (
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// word is a text of the configuration, and where it stands.
type word struct {
	text string
	at   hcl.Range
	expr hclsyntax.Expression
}

// as evaluates an expression to a type; ok is false when that is impossible, which is reported. A text is converted,
// since env() gives nothing else; nothing else is.
func (d *decoder) as(expr hclsyntax.Expression, want cty.Type) (v cty.Value, ok bool) {
	v, ok = d.value(expr)
	if !ok {
		return cty.NilVal, false
	}
	if v.Type().Equals(want) {
		return v, true
	}
	if v.Type() == cty.String {
		if converted, err := convert.Convert(v, want); err == nil {
			return converted, true
		}
	}
	d.fail(wrongType, expr.Range(), "This is %s. Write %s.", kindOf(v.Type()), example(want))
	return cty.NilVal, false
}

// value evaluates an expression to something that is known and not null.
func (d *decoder) value(expr hclsyntax.Expression) (v cty.Value, ok bool) {
	if names := expr.Variables(); len(names) > 0 {
		for _, traversal := range names {
			d.nameless(traversal)
		}
		return cty.NilVal, false
	}
	v, diags := expr.Value(d.context)
	d.take(diags)
	if diags.HasErrors() {
		return cty.NilVal, false
	}
	if v.IsMarked() || !v.IsWhollyKnown() || v.IsNull() {
		d.fail(wrongType, expr.Range(), "This has no value. Leave the attribute out, or write one.")
		return cty.NilVal, false
	}
	return v, true
}

// nameless reports a name where only values may stand.
func (d *decoder) nameless(t hcl.Traversal) {
	root := t.RootName()
	if root == "policy" || root == "identity" {
		d.fail(notAValue, t.SourceRange(), "A reference to %s cannot stand here.", called(root))
		return
	}
	d.fail(notAValue, t.SourceRange(), "There is nothing called %s. If it is a text, put it in quotes: %q.", root, root)
}

func kindOf(t cty.Type) string {
	switch {
	case t == cty.String:
		return "a text"
	case t == cty.Number:
		return "a number"
	case t == cty.Bool:
		return "a true or false"
	case t.IsTupleType() || t.IsListType() || t.IsSetType():
		return "a list"
	case t.IsObjectType() || t.IsMapType():
		return "an object"
	}
	return t.FriendlyName()
}

func example(t cty.Type) string {
	switch t {
	case cty.String:
		return `a text in quotes, "…"`
	case cty.Bool:
		return "true or false, without quotes"
	}
	return "a number, without quotes"
}

// word evaluates an expression to a text.
func (d *decoder) word(expr hclsyntax.Expression) (word, bool) {
	v, ok := d.as(expr, cty.String)
	if !ok {
		return word{}, false
	}
	return word{text: v.AsString(), at: expr.Range(), expr: expr}, true
}

// words evaluates an expression to texts: a list of them, or one alone.
func (d *decoder) words(expr hclsyntax.Expression) []word {
	var all []word
	if tuple, ok := expr.(*hclsyntax.TupleConsExpr); ok {
		for _, element := range tuple.Exprs {
			if w, ok := d.word(element); ok {
				all = append(all, w)
			}
		}
		return all
	}
	v, ok := d.value(expr)
	if !ok {
		return nil
	}
	if v.Type() == cty.String {
		return []word{{text: v.AsString(), at: expr.Range(), expr: expr}}
	}
	if v.CanIterateElements() && !v.Type().IsObjectType() && !v.Type().IsMapType() {
		for _, element := range v.AsValueSlice() {
			if element.IsNull() || element.Type() != cty.String {
				d.fail(wrongType, expr.Range(), "This list has something in it that is not a text.")
				return nil
			}
			all = append(all, word{text: element.AsString(), at: expr.Range(), expr: expr})
		}
		return all
	}
	d.fail(wrongType, expr.Range(), "This is %s. Write a list of texts, [\"…\", \"…\"].", kindOf(v.Type()))
	return nil
}

// entry is one key of an object, with its value as it was written.
type entry struct {
	key   word
	value hclsyntax.Expression
}

// entries are the keys of an object in the order written.
func (d *decoder) entries(expr hclsyntax.Expression) []entry {
	object, ok := expr.(*hclsyntax.ObjectConsExpr)
	if !ok {
		d.fail(wrongType, expr.Range(), "Write an object, { name = value, … }.")
		return nil
	}
	var all []entry
	for _, item := range object.Items {
		if key, ok := d.word(item.KeyExpr); ok {
			all = append(all, entry{key, item.ValueExpr})
		}
	}
	return all
}

// secret takes a word for a secret. A file's last line break is not part of it.
func (d *decoder) secret(w word) word {
	d.guard(w)
	w.text = strings.TrimRight(w.text, "\r\n")
	return w
}

// guard warns when a secret stands in the file, and hides it from what is printed.
func (d *decoder) guard(w word) {
	if w.text != "" && literal(w.expr) {
		d.hidden = append(d.hidden, w.at)
		d.warn(literalSecret, w.at, "Whoever reads this file has the secret. Write env(\"NAME\") or file(\"PATH\") in its place.")
	}
}

// literal tells whether the text stands in the file itself, be it as the default of an env(). Below file() stands a path.
func literal(expr hclsyntax.Expression) bool {
	outside, fallback := false, false
	var path hcl.Range // of the outermost file() that is being visited; VisitAll goes from the outside in
	hclsyntax.VisitAll(expr, func(n hclsyntax.Node) hcl.Diagnostics {
		call, ok := n.(*hclsyntax.FunctionCallExpr)
		if !ok || path.ContainsOffset(call.NameRange.Start.Byte) {
			return nil
		}
		if call.Name == "file" {
			path = call.Range()
		}
		outside = outside || call.Name == "env" || call.Name == "file"
		fallback = fallback || call.Name == "env" && len(call.Args) > 1 && literal(call.Args[1]) && !blank(call.Args[1])
		return nil
	})
	return !outside || fallback
}

// blank tells whether an expression is "".
func blank(expr hclsyntax.Expression) bool {
	v, diags := expr.Value(nil)
	return !diags.HasErrors() && v.Type() == cty.String && v.IsKnown() && !v.IsNull() && v.AsString() == ""
}
