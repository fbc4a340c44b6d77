package authz

import (
	"picket/node/config"
	"picket/policy"
)

// Verdict is what was decided, and which shadows would have decided otherwise.
type Verdict struct {
	policy.Decision
	Shadow []Shadow // nil: none

	of *known // the route that it is about; nil: it was not looked for
}

// Shadow is a policy that is not in force, and what it would have changed.
type Shadow struct {
	Policy   string          `json:"policy"`
	Decision policy.Decision `json:"decision"`
	Change   policy.Change   `json:"change"` // what it would be for the visitor, were it in force; never policy.Same
}

// shadows asks the shadows of a route, and counts their answers. It gives those that differ.
func (a *Authz) shadows(r *config.Route, in *policy.Input, enforced policy.Decision) (differ []Shadow) {
	for _, name := range r.Shadow {
		d := a.policies.Evaluate(name, in)
		change := policy.Compare(enforced, d)
		a.shadowed.WithLabelValues(r.Name, name, change.String()).Inc()
		if change != policy.Same {
			differ = append(differ, Shadow{Policy: name, Decision: d, Change: change})
		}
	}
	return differ
}
