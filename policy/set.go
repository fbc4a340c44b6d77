// Package policy is the language of who may do what: it reads policies, checks them, compiles them and decides.
//
// A policy admits when at least one of its allow rules is true, none of its deny rules is, and every policy that it
// includes admits too. The order of rules never matters, and no rule means no entry. An expression that asks for
// something that is missing is unknown, which is not true in an allow rule and true in a deny rule. Whom the rules admit
// is asked to sign in again when the session does not show what the policy, or one that it includes, requires.
//
// Everything that can be wrong with a policy is said when it is loaded. Evaluation is pure: it reads the Input and
// nothing else, cannot fail, and allocates nothing. A decision can be explained, by the same compiled rules that gave
// it, and policies can be tested. Where policies come from, who asks, and what becomes of a decision is left to others.
package policy

import (
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty/function"
)

// Options are what policies may use beside the language itself.
type Options struct {
	Functions map[string]function.Function // env, file and the like: called once, when policies are loaded, with constants
	Data      []string                     // the names of the data blocks
	Files     map[string]*hcl.File         // what was parsed, by name, for explanations to quote; nil: they quote nothing
	Tokens    bool                         // a template may ask for session.access_token
}

// Set is all policies of a configuration, compiled. It may be used by many goroutines at once. The nil Set denies.
type Set struct {
	policies map[string]*compiled
	frames   frames
	callers  *callers
	instants instants
	files    map[string]*hcl.File
	reads    reads
}

// compiled is one policy. One with mistakes has no part, and so denies.
type compiled struct {
	parts  []*part      // itself, and all that it includes, each once
	need   *Requirement // what all of them require together; nil: nothing
	shadow bool         // decided beside the enforced ones, and never enforced
}

// part is what one policy block says by itself.
type part struct {
	name     string
	allows   []rule
	denies   []rule
	need     *Requirement // nil: nothing
	needAt   hcl.Range    // of the require block
	at       hcl.Range
	includes []*part
	shadow   bool
	data     []dataRead
}

// rule is one allow or deny block.
type rule struct {
	when    eval[bool]
	name    string
	message string
	source  *ruleSource
}

// ruleSource is what only explanations need of a rule.
type ruleSource struct {
	effect string // "allow" or "deny"
	at     hcl.Range
	steps  []step
}

// Has tells whether there is a policy of that name.
func (s *Set) Has(name string) bool {
	if s == nil {
		return false
	}
	_, ok := s.policies[name]
	return ok
}

// Names are the names of all policies, sorted.
func (s *Set) Names() []string {
	if s == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(s.policies))
}

// Shadow tells whether there is a policy of that name that is for trying out: decided, logged and counted, and never
// enforced. Evaluate decides it as any other: who enforces policies asks Shadow when the configuration is loaded.
func (s *Set) Shadow(name string) bool {
	return s.Has(name) && s.policies[name].shadow
}

// Evaluate decides. When several rules would give the same outcome, the one that is named in the decision is the first
// in the source, the policy's own before those that it includes. A name that is unknown is denied.
func (s *Set) Evaluate(name string, in *Input) Decision {
	if s == nil || in == nil {
		return Decision{Policy: name}
	}
	policy, ok := s.policies[name]
	if !ok {
		return Decision{Policy: name}
	}
	f := s.frames.lend(in)
	decision := policy.decide(name, f)
	s.frames.takeBack(f)
	return decision
}

// decide asks all deny rules, then the allow rules of each part, then what is required of the session.
func (p *compiled) decide(name string, f *frame) Decision {
	for _, part := range p.parts {
		if decision, denied := part.denied(f); denied {
			return decision
		}
	}
	decision := Decision{Policy: name}
	for i, part := range p.parts {
		allowed, ok := part.allowed(f)
		if !ok {
			return Decision{Policy: part.name}
		}
		if i == 0 {
			decision = allowed
		}
	}
	if decision.Outcome == Allow && !p.need.met(f.in) {
		return p.stepUp(f)
	}
	return decision
}

// stepUp is the decision of the first part whose requirement is not met. What is needed is what all require, so that
// signing in once is enough.
func (p *compiled) stepUp(f *frame) Decision {
	unmet := slices.IndexFunc(p.parts, func(part *part) bool { return !part.need.met(f.in) })
	return Decision{Outcome: StepUp, Policy: p.parts[unmet].name, Need: p.need}
}

// denied is the decision of the first deny rule that is true or unknown.
func (p *part) denied(f *frame) (Decision, bool) {
	for i := range p.denies {
		if is, known := p.denies[i].when(f); is || !known {
			return Decision{Outcome: Deny, Policy: p.name, Rule: p.denies[i].name, Message: p.denies[i].message}, true
		}
	}
	return Decision{}, false
}

// allowed is the decision of the first allow rule that is true.
func (p *part) allowed(f *frame) (Decision, bool) {
	for i := range p.allows {
		if is, known := p.allows[i].when(f); is && known {
			return Decision{Outcome: Allow, Policy: p.name, Rule: p.allows[i].name}, true
		}
	}
	return Decision{}, false
}

// Load reads, checks and compiles the blocks `policy "NAME" {}` of a configuration, whose bodies nobody has read. All
// mistakes are in the diagnostics, each with its range, in the order of the source. When there are errors the Set
// knows the names, so that references can be checked against it, and denies everything. It denies everything too when
// there are expressions that the parser could not read: that is for the parser's diagnostics to say.
func Load(blocks hcl.Blocks, o Options) (*Set, hcl.Diagnostics) {
	l := newLoader(o)
	for _, block := range blocks {
		l.policy(block)
	}
	l.resolveIncludes()
	l.combineRequirements()
	l.doubtHopeless()
	set := &Set{policies: make(map[string]*compiled, len(l.order)), files: o.Files, reads: l.reads, callers: newCallers()}
	set.reads.sort()
	for _, s := range l.order {
		set.policies[s.part.name] = &compiled{shadow: s.part.shadow}
	}
	diags := l.sorted()
	if diags.HasErrors() || l.unread {
		return set, diags
	}
	for _, s := range l.order {
		policy := set.policies[s.part.name]
		for _, i := range s.includes {
			s.part.includes = append(s.part.includes, i.to.part)
		}
		policy.parts, policy.need = s.all(), s.need
	}
	return set, diags
}
