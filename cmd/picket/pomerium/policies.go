package pomerium

import (
	"fmt"
	"strings"
)

// access writes who may enter a route: an attribute, and the policies that it is the first to have.
func (w *writer) access(r *route, b *block) []*block {
	var policies []*block
	var names []string
	switch {
	case r.public && len(r.rules) == 1 && len(r.paths) == 0:
		b.set("public", "true")
		return nil
	case r.anyUser && len(r.rules) == 1 && len(r.paths) == 0:
		b.set("any_user", "true")
		return nil
	case r.public && len(r.rules) == 1:
	default:
		name, policy := w.ruled(r)
		names = append(names, "policy."+name)
		if policy != nil {
			policies = append(policies, policy)
		}
	}
	if len(r.paths) > 0 {
		policy := w.confined(r)
		names = append(names, "policy."+policy.label)
		policies = append(policies, policy)
	}
	if len(names) == 1 {
		b.set("policy", names[0])
	} else {
		b.set("policy", "["+strings.Join(names, ", ")+"]", "All must admit.")
	}
	return policies
}

// ruled is the policy of a route's rules; nil when another route has it already.
func (w *writer) ruled(r *route) (string, *block) {
	policy := &block{kind: "policy"}
	for _, rule := range uniquely(r.rules) {
		w.rule(policy, rule)
	}
	if len(r.rules) == 0 {
		policy.say("Pomerium has no rule here either: nobody may enter.")
	}
	says := describe(policy)
	if name, known := w.written[says]; known {
		return name, nil
	}
	policy.label = w.policyName(r)
	if r.why == "" {
		w.written[says] = policy.label
	}
	return policy.label, policy
}

// confined is a policy that admits a route's own paths alone.
func (w *writer) confined(r *route) *block {
	var notes []string
	var parts []expression
	for _, c := range r.paths {
		notes = append(notes, fmt.Sprintf("line %d: %s", c.line, c.said))
		parts = append(parts, c.when.write(true, allow))
	}
	when := conjunction(parts)
	rule := &block{kind: "allow", label: "its own paths"}
	rule.set("when", when.lines())
	policy := &block{kind: "policy", label: w.named(r.name + "-paths")}
	policy.add(rule, notes...)
	return policy
}

// policyName is that of the anchor in the source, else of the route.
func (w *writer) policyName(r *route) string {
	name := label(r.anchor)
	if name == "" {
		name = r.name
	}
	return w.named(name)
}

// named is a name that a policy can have, and none has yet.
func (w *writer) named(name string) string {
	if name[0] >= '0' && name[0] <= '9' {
		name = "p-" + name
	}
	return unique(name, w.names)
}

// describe is all that a block says, as one text.
func describe(b *block) string {
	var all strings.Builder
	for _, i := range b.items {
		fmt.Fprintf(&all, "%q %v %q %q\n", i.notes, i.off, i.name, i.expr)
		if i.block != nil {
			all.WriteString(i.block.kind + " " + i.block.label + " {\n" + describe(i.block) + "}\n")
		}
	}
	return all.String()
}

// rule writes one into a policy. One that can never be true is a comment.
func (w *writer) rule(policy *block, r rule) {
	notes := []string{fmt.Sprintf("line %d: %s", r.line, r.said)}
	lost := untolds(r.when)
	for _, u := range lost {
		notes = append(notes, fmt.Sprintf("Not carried over (line %d): %s: %s.", max(u.line, r.line), u.what, u.why))
	}
	condition := r.condition()
	if condition.text == "false" {
		why := "It is never true."
		if len(lost) > 0 {
			why = "Without that it would admit more than it should, so it is left out whole."
		}
		policy.say(append(notes, append([]string{why}, rest(r)...)...)...)
		return
	}
	switch {
	case len(lost) > 0 && r.action == deny:
		notes = append(notes, "It counts as true, so this refuses more than it should.")
	case len(lost) > 0:
		notes = append(notes, "It counts as false, so this admits less than it should.")
	}
	notes = append(notes, rest(r)...)
	b := &block{kind: string(r.action), label: r.name}
	b.set("when", condition.lines())
	if r.message != "" {
		b.set("message", quote(r.message))
	}
	policy.add(b, notes...)
}

// rest says what a rule would be without what is not carried over, for whoever can do without.
func rest(r rule) []string {
	told, ok := tellable(r.when)
	if !ok || len(untolds(r.when)) == 0 {
		return nil
	}
	whole := r.condition().text
	r.when = told
	if left := r.condition().text; left != whole {
		return []string{"What is left of it: when = " + left}
	}
	return nil
}
