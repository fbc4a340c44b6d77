package config

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// access reads who a route is for: exactly one of policy, any_user and public. A route that answers itself is public when
// nothing is said.
func (b block) access(r rules, answers bool) (Access, []string) {
	public, anyUser := b.granted("public"), b.granted("any_user")
	names := b.enforced(r)
	var said []string
	for _, way := range []struct {
		name string
		said bool
	}{{"policy", b.has("policy")}, {"any_user", anyUser}, {"public", public}} {
		if way.said {
			said = append(said, way.name)
		}
	}
	switch {
	case len(said) > 1:
		b.fail(whoMayEnter, b.place(said[1]), "%s says %s. It can be one of them alone.", b, list(said))
	case len(said) == 0 && answers && !b.has("public") && !b.has("any_user"):
		return Public, nil
	case len(said) == 0 && (b.misspelt("policy") || b.misspelt("any_user") || b.misspelt("public")):
	case len(said) == 0 && !b.wrong("public") && !b.wrong("any_user"):
		b.lack(whoMayEnter, b.at, "%s says nothing of it. Write policy = policy.NAME, any_user = true or public = true.", b)
	case public:
		return Public, nil
	case anyUser:
		return AnyUser, nil
	}
	return ByPolicy, names
}

// granted is a switch that is either true or left out.
func (b block) granted(name string) bool {
	on := b.flag(name, false)
	if b.has(name) && !on && !b.wrong(name) {
		b.warn(notOffered, b.place(name), "%s = false says nothing of who may enter. Leave it out.", name)
	}
	return on
}

// references reads KIND.NAME, or a list of those, from an attribute, and checks that each exists.
func (b block) references(attribute, kind string, names []string) []string {
	if !b.has(attribute) {
		return nil
	}
	expr := b.body.Attributes[attribute].Expr
	written := []hclsyntax.Expression{expr}
	if tuple, ok := expr.(*hclsyntax.TupleConsExpr); ok {
		written = tuple.Exprs
	}
	if len(written) == 0 {
		b.fail(emptyValue, expr.Range(), "The list is empty. Write %s = %s.NAME, or leave it out.", attribute, kind)
	}
	var all []string
	for _, e := range written {
		if name, ok := b.reference(e, kind, names); ok {
			all = append(all, name)
		}
	}
	return all
}

func (b block) reference(expr hclsyntax.Expression, kind string, names []string) (string, bool) {
	root, name, ok := dotted(expr)
	switch {
	case !ok:
		b.fail(notReference, expr.Range(), "Write %s.NAME, without quotes.", kind)
	case root != kind:
		b.fail(notReference, expr.Range(), "This refers to %q, and %s is wanted: %s.%s.", root, called(kind), kind, name)
	case !slices.Contains(names, name):
		hint := suggest(name, names)
		if hint == "" && len(names) > 0 {
			hint = " There are " + list(names) + "."
		}
		b.lack(unknownReference, expr.Range(), "There is no %s %q.%s", kind, name, hint)
	default:
		return name, true
	}
	return "", false
}

// dotted reads ROOT.NAME or ROOT["NAME"].
func dotted(expr hclsyntax.Expression) (root, name string, ok bool) {
	t, diags := hcl.AbsTraversalForExpr(expr)
	if diags.HasErrors() || len(t) != 2 {
		return "", "", false
	}
	switch step := t[1].(type) {
	case hcl.TraverseAttr:
		return t.RootName(), step.Name, true
	case hcl.TraverseIndex:
		if step.Key.Type().FriendlyName() == "string" {
			return t.RootName(), step.Key.AsString(), true
		}
	}
	return "", "", false
}
