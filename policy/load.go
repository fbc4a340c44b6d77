package policy

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// loader reads policy blocks.
type loader struct {
	*checker
	schemas map[string]*hcl.BodySchema // of blocks, by type
	sources map[string]*source
	order   []*source // as written
}

func newLoader(o Options) *loader {
	when := hcl.AttributeSchema{Name: "when"}
	return &loader{
		checker: newChecker(o),
		schemas: map[string]*hcl.BodySchema{
			"policy":  policySchema(),
			"allow":   {Attributes: []hcl.AttributeSchema{when}},
			"deny":    {Attributes: []hcl.AttributeSchema{when, {Name: "message"}}},
			"require": {Attributes: []hcl.AttributeSchema{{Name: "max_age"}, {Name: "acr"}, {Name: "amr"}}},
		},
		sources: make(map[string]*source),
	}
}

// source is a policy block that was read.
type source struct {
	part     *part
	at       hcl.Range
	includes []include
	need     *Requirement // what it and its includes require together
	combined bool         // need was found
	closed   bool         // has a deny rule that is always true
	open     bool         // has an allow rule that may be true
	broken   bool         // has mistakes: nothing is said of what follows from them
}

// policySchema is what a policy block may hold.
func policySchema() *hcl.BodySchema {
	return &hcl.BodySchema{
		Attributes: []hcl.AttributeSchema{{Name: "description"}, {Name: "include"}, {Name: "mode"}},
		Blocks: []hcl.BlockHeaderSchema{
			{Type: "allow", LabelNames: []string{"name"}},
			{Type: "deny", LabelNames: []string{"name"}},
			{Type: "require"},
		},
	}
}

// policy reads one block.
func (l *loader) policy(block *hcl.Block) {
	if len(block.Labels) != 1 || !hclsyntax.ValidIdentifier(block.Labels[0]) {
		l.mistake(block.DefRange, badName, `A policy is named by letters, digits, - and _, with a letter first: policy "staff" {.`)
		return
	}
	name := block.Labels[0]
	if other, ok := l.sources[name]; ok {
		l.mistake(block.DefRange, duplicatePolicy, "There is a policy %s at %s already. Rename one of them, or put the rules together.", name, other.at)
		return
	}
	s := &source{part: &part{name: name, at: block.DefRange}, at: block.DefRange}
	l.sources[name] = s
	l.order = append(l.order, s)
	before := len(l.diags)
	l.data = nil
	l.body(s, block.Body)
	s.part.data = l.data
	s.broken = l.diags[before:].HasErrors()
}

// body reads what stands in a policy block.
func (l *loader) body(s *source, body hcl.Body) {
	content, _ := l.content("a policy block", body, l.schemas["policy"])
	if description, ok := content.Attributes["description"]; ok {
		l.constantText(description)
	}
	if attr, ok := content.Attributes["include"]; ok {
		s.includes = l.includes(attr.Expr)
	}
	if mode, ok := content.Attributes["mode"]; ok {
		s.part.shadow = l.mode(mode)
	}
	rules := make(map[string]hcl.Range)
	for _, block := range content.Blocks {
		if block.Type == "require" {
			l.require(s, block)
			continue
		}
		name := block.Labels[0]
		if other, ok := rules[name]; ok {
			l.mistake(block.DefRange, duplicateRule, "There is a rule %q at %s already. Decisions name the rule that gave them: rename one.", name, other)
			continue
		}
		rules[name] = block.DefRange
		if name == "" {
			l.mistake(block.LabelRanges[0], badName, `A decision names the rule that gave it. Write %s "on call" {.`, block.Type)
			continue
		}
		l.rule(s, block)
	}
}

// mode tells whether a policy is a shadow.
func (l *loader) mode(attr *hcl.Attribute) (shadow bool) {
	written, ok := l.constantText(attr)
	modes := []string{"enforce", "shadow"}
	if ok && !slices.Contains(modes, written) {
		l.mistake(attr.Expr.Range(), badMode, `There is no mode %q.%s It is "enforce", which is the default, or "shadow": decided and counted, never enforced.`, written, didYouMean(written, modes))
	}
	return written == "shadow"
}

// rule reads an allow or deny block.
func (l *loader) rule(s *source, block *hcl.Block) {
	content, whole := l.content(article(block.Type)+" block", block.Body, l.schemas[block.Type])
	r := rule{name: block.Labels[0], source: &ruleSource{effect: block.Type, at: block.DefRange}}
	if message, ok := content.Attributes["message"]; ok {
		r.message, _ = l.constantText(message)
	}
	when, ok := content.Attributes["when"]
	if !ok {
		if whole {
			l.mistake(block.DefRange, noCondition, "Write when = and a condition; when = true is for everyone.")
		}
		return
	}
	l.noted, l.mentions = l.noted[:0], l.mentions[:0]
	condition, ok := l.want(l.expression(native(when.Expr)), boolean, "A condition")
	if !ok {
		return
	}
	r.when, r.source.steps = run[bool](condition), slices.Clone(l.noted)
	l.add(s, block, r, condition, when.Expr)
}

// add puts a compiled rule in its policy, and doubts one that no request can change.
func (l *loader) add(s *source, block *hcl.Block, r rule, condition node, written hcl.Expression) {
	truth := condition.constant && valueOf[bool](condition)
	falsehood := condition.constant && !truth
	if block.Type == "deny" {
		s.part.denies = append(s.part.denies, r)
		s.closed = s.closed || truth
	} else {
		s.part.allows = append(s.part.allows, r)
		s.open = s.open || !falsehood
	}
	switch {
	case falsehood:
		l.doubt(condition.at, neverTrue, "No request makes this true, so the rule does nothing. Mend the condition, or leave the rule out.")
	case truth && block.Type == "deny":
		l.doubt(condition.at, alwaysTrue, "Every request makes this true, so the policy admits nobody. Mend the condition, or leave the rule out.")
	case truth && !isLiteral(written):
		l.doubt(condition.at, alwaysTrue, "Every request makes this true. Mend the condition; if everyone is meant, write when = true.")
	}
}

// isLiteral tells whether an expression is a value as it stands.
func isLiteral(e hcl.Expression) bool {
	_, ok := native(e).(*hclsyntax.LiteralValueExpr)
	return ok
}

// native is the expression as it was written, without what others have put around it.
func native(e hcl.Expression) hcl.Expression {
	written := hcl.UnwrapExpressionUntil(e, func(e hcl.Expression) bool {
		_, ok := e.(hclsyntax.Expression)
		return ok
	})
	if written == nil { // not in native syntax
		return e
	}
	return written
}

// constantText is the value of an attribute that is a text for people.
func (l *loader) constantText(attr *hcl.Attribute) (value string, ok bool) {
	return l.constantTextOf(l.expression(native(attr.Expr)), attr.Name)
}

// constantTextOf is the value of an attribute that was compiled.
func (l *loader) constantTextOf(n node, name string) (value string, ok bool) {
	n, ok = l.want(n, text, name)
	if !ok {
		return "", false
	}
	if !n.constant {
		l.mistake(n.at, notConstant, "%s is the same for every request. Leave out what depends on one.", name)
		return "", false
	}
	return valueOf[string](n), true
}
