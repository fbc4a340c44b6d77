package config

import (
	"slices"

	"picket/policy"
)

// rules is what the policy blocks made: the policies, their names as written, and what the language of policies knows
// in this configuration.
type rules struct {
	set     *policy.Set
	names   []string
	options policy.Options
}

// rules hands the policy blocks to the package that knows their language.
func (b block) rules(data []Data) rules {
	r := rules{options: policy.Options{Functions: b.context.Functions, Data: dataNames(data), Files: b.files}}
	blocks := b.blocks("policy")
	for _, written := range blocks {
		r.names = append(r.names, written.Labels[0])
	}
	set, diags := policy.Load(blocks, r.options)
	b.take(diags)
	r.set = set
	return r
}

// tests hands the test blocks to the same package.
func (b block) tests(r rules) []*policy.Test {
	tests, diags := policy.LoadTests(b.blocks("test"), r.set, r.options)
	b.take(diags)
	return tests
}

// enforced reads the policies that a route asks: none of them may be a shadow, which decides nothing.
func (b block) enforced(r rules) []string {
	names := b.references("policy", "policy", r.names)
	for _, name := range names {
		if r.set.Shadow(name) {
			b.fail(shadowEnforced, b.place("policy"), "policy %q has mode = \"shadow\": it is decided and counted, never enforced. "+
				"Write shadow = [policy.%s] beside the policy in force, or take mode out of it.", name, name)
		}
	}
	return names
}

// shadows reads the policies that are decided beside those in force.
func (b block) shadows(r rules, enforced []string) []string {
	var all []string
	for _, name := range b.references("shadow", "policy", r.names) {
		switch {
		case slices.Contains(all, name):
			b.fail(duplicateName, b.place("shadow"), "policy %q is in the list twice.", name)
		case len(enforced) == 1 && enforced[0] == name:
			b.warn(shadowOfItself, b.place("shadow"), "policy %q is in force here: beside itself it never decides otherwise.", name)
			all = append(all, name)
		default:
			all = append(all, name)
		}
	}
	return all
}
