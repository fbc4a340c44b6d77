package policy

import (
	"cmp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// Explain decides as Evaluate does, and tells why: what each rule gave, and each part of its condition. What runs is
// what Evaluate runs; a part that Evaluate had no need of is asked all the same.
func (s *Set) Explain(name string, in *Input) *Explanation {
	explained := &Explanation{Decision: s.Evaluate(name, in)}
	if !s.Has(name) || in == nil || len(s.policies[name].parts) == 0 {
		return explained
	}
	e := explainer{
		decision: explained.Decision, files: s.files, frame: &frame{in: in}, told: make(map[*part]bool),
		whole: s.policies[name],
	}
	explained.Policy = e.policy(s.policies[name].parts[0])
	return explained
}

// explainer is an Explain at work.
type explainer struct {
	decision Decision
	whole    *compiled
	files    map[string]*hcl.File
	file     string // of the rule that is being explained
	frame    *frame
	told     map[*part]bool
}

func (e *explainer) policy(p *part) *ExplainedPolicy {
	explained := &ExplainedPolicy{Name: p.name, Shadow: p.shadow, Source: placeOf(p.at), Again: e.told[p]}
	if e.told[p] {
		return explained
	}
	e.told[p] = true
	named := e.decision.Policy == p.name
	explained.Decided = named && e.decision.Outcome == Deny && e.decision.Rule == ""
	for _, r := range p.written() {
		explained.Rules = append(explained.Rules, e.rule(r, named))
	}
	if p.need != nil {
		explained.Require = &ExplainedRequirement{
			Requirement: p.need, Met: p.need.met(e.frame.in), Decided: named && e.decision.Outcome == StepUp, Source: placeOf(p.needAt),
		}
	}
	for _, included := range p.includes {
		explained.Includes = append(explained.Includes, e.policy(included))
	}
	return explained
}

// written are all rules of a policy, in the order of the source.
func (p *part) written() []*rule {
	var rules []*rule
	for i := range p.allows {
		rules = append(rules, &p.allows[i])
	}
	for i := range p.denies {
		rules = append(rules, &p.denies[i])
	}
	slices.SortFunc(rules, func(a, b *rule) int { return cmp.Compare(a.source.at.Start.Byte, b.source.at.Start.Byte) })
	return rules
}

func (e *explainer) rule(r *rule, named bool) ExplainedRule {
	e.file = r.source.at.Filename
	explained := ExplainedRule{
		Effect: r.source.effect, Name: r.name, Message: r.message,
		Outcome:   truthOf(r.when(e.frame)),
		Decided:   named && e.decision.Rule == r.name,
		Source:    placeOf(r.source.at),
		Condition: e.condition(r.source.steps, len(r.source.steps)-1, false),
	}
	if explained.Outcome == Unknown && explained.Condition.Known {
		explained.Condition.Why = "not " + boolean.String()
	}
	return explained
}

func truthOf(is, known bool) Truth {
	switch {
	case !known:
		return Unknown
	case is:
		return True
	}
	return False
}

// condition explains the step at place i. What hides belongs to a part of an expression in which a secret is.
func (e *explainer) condition(steps []step, i int, hides bool) ExplainedCondition {
	s := steps[i]
	explained := ExplainedCondition{
		Text: e.text(s.at), Source: e.place(s.at), Type: s.kind.String(), Plain: s.constant,
		Hidden: s.secret || hides && s.kind.quotes() && !s.constant,
	}
	value, known, missing := spelled(s, e.frame)
	explained.Known = known
	switch {
	case missing:
		explained.Why = "missing"
	case !known:
		explained.Why = "unclear"
	case !explained.Hidden:
		explained.Value = value
	}
	explained.Parts = e.parts(steps, i, hides)
	return explained
}

// parts explains what the step at place i is made of.
func (e *explainer) parts(steps []step, i int, hides bool) []ExplainedCondition {
	parts := partsOf(steps, i)
	hides = hides || slices.ContainsFunc(parts, func(part int) bool { return steps[part].secret })
	if steps[i].loop > 0 {
		return e.loop(steps, parts, int(steps[i].loop)-1, hides)
	}
	var explained []ExplainedCondition
	for _, part := range parts {
		if steps[part].kind != fields { // it has no value by itself
			explained = append(explained, e.condition(steps, part, hides))
		}
	}
	return explained
}

// quotes tells whether a value of this kind may repeat a secret that it is compared with.
func (k kind) quotes() bool { return k == text || k == list || k == dynamic }

// maxText is how many bytes are quoted of what was written. A condition of many parts is told part by part, and each quotes the
// parts that it has.
const maxText = 400

// text is what was written, on one line, or how it begins; "" when the source is not known.
func (e *explainer) text(at span32) string {
	file := e.files[e.file]
	if file == nil || int(at.until) > len(file.Bytes) {
		return ""
	}
	text := oneLine(string(file.Bytes[at.from:min(at.until, at.from+4*maxText)]))
	if len(text) <= maxText && at.until-at.from <= 4*maxText {
		return text
	}
	return strings.ToValidUTF8(text[:min(len(text), maxText)], "") + " …"
}

func (e *explainer) place(at span32) Place {
	return Place{e.file, int(at.line), int(at.column), int(at.endLine), int(at.endColumn)}
}

func placeOf(r hcl.Range) Place {
	return Place{r.Filename, r.Start.Line, r.Start.Column, r.End.Line, r.End.Column}
}
