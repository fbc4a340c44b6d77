package policy

import (
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// include is a reference to another policy.
type include struct {
	name string
	at   hcl.Range
	to   *source // nil: there is none, or it would be a cycle
}

// includes reads [policy.a, policy.b].
func (l *loader) includes(e hcl.Expression) []include {
	items, diags := hcl.ExprList(e)
	if diags.HasErrors() {
		l.mistake(e.Range(), badInclude, "This is a list of policies: include = [policy.staff].")
		return nil
	}
	var found []include
	for _, item := range items {
		name, ok := policyName(item)
		if !ok {
			l.mistake(item.Range(), badInclude, "A policy is named as policy.NAME: include = [policy.staff].")
			continue
		}
		if slices.ContainsFunc(found, func(other include) bool { return other.name == name }) {
			l.doubt(item.Range(), badInclude, "%s is included already. Leave it out once.", name)
			continue
		}
		found = append(found, include{name: name, at: item.Range()})
	}
	return found
}

// policyName is NAME of policy.NAME.
func policyName(e hcl.Expression) (name string, ok bool) {
	t, diags := hcl.AbsTraversalForExpr(e)
	if diags.HasErrors() || len(t) != 2 || t.RootName() != "policy" {
		return "", false
	}
	name = partOf(t[1])
	return name, name != ""
}

// resolveIncludes finds the policies that are included, and the cycles among them.
func (l *loader) resolveIncludes() {
	for _, s := range l.order {
		for i := range s.includes {
			l.resolve(s, &s.includes[i])
		}
	}
	done := make(map[*source]bool)
	for _, s := range l.order {
		l.findCycles(s, nil, done)
	}
}

func (l *loader) resolve(by *source, i *include) {
	to, ok := l.sources[i.name]
	if !ok {
		known := slices.Sorted(maps.Keys(l.sources))
		l.mistake(i.at, unknownPolicy, "There is no policy %s.%s", i.name, didYouMean(i.name, known))
		return
	}
	if to.part.shadow && !by.part.shadow {
		l.mistake(i.at, shadowEnforced, `%s is for trying out, and %s is enforced with all that it includes. Write mode = "shadow" in %[2]s too, or leave it out of %[1]s.`, i.name, by.part.name)
	}
	i.to = to
}

// findCycles follows the includes of a policy; path leads to it. An include that closes a cycle is reported and cut.
func (l *loader) findCycles(s *source, path []*source, done map[*source]bool) {
	if done[s] {
		return
	}
	path = append(path, s)
	for i := range s.includes {
		to := s.includes[i].to
		if to == nil {
			continue
		}
		if begin := slices.Index(path, to); begin >= 0 {
			l.mistake(s.includes[i].at, includeCycle, "%s. Each would wait for the other: leave one include out.", chain(path[begin:], to))
			s.includes[i].to = nil
			continue
		}
		l.findCycles(to, path, done)
	}
	done[s] = true
}

// chain writes a path of includes.
func chain(path []*source, end *source) string {
	var b strings.Builder
	for _, s := range path {
		b.WriteString(s.part.name + " includes ")
	}
	return b.String() + end.part.name
}

// all are the parts of a policy and of what it includes, each once.
func (s *source) all() []*part {
	var parts []*part
	known := make(map[*source]bool)
	var add func(*source)
	add = func(s *source) {
		if known[s] {
			return
		}
		known[s] = true
		parts = append(parts, s.part)
		for _, i := range s.includes {
			add(i.to)
		}
	}
	add(s)
	return parts
}

// doubtHopeless doubts policies that admit nobody, whatever is asked.
func (l *loader) doubtHopeless() {
	verdicts := make(map[*source]bool)
	for _, s := range l.order {
		if !s.broken && !s.open {
			l.doubt(s.at, neverAdmits, `%s has no allow rule that can be true, and without one nobody is admitted. Write allow "anyone" { when = true } for those whom nothing denies.`, s.part.name)
		}
		for _, i := range s.includes {
			if i.to != nil && i.to.hopeless(verdicts) {
				l.doubt(i.at, neverAdmits, "%s admits nobody, so neither does %s, which includes it.", i.name, s.part.name)
			}
		}
	}
}

// hopeless tells whether a policy, or one that it includes, admits nobody. It remembers its verdicts.
func (s *source) hopeless(verdicts map[*source]bool) bool {
	verdict, ok := verdicts[s]
	if ok {
		return verdict
	}
	verdict = !s.broken && (s.closed || !s.open)
	for _, i := range s.includes {
		verdict = verdict || i.to != nil && i.to.hopeless(verdicts)
	}
	verdicts[s] = verdict
	return verdict
}
