package policy

import (
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
)

// testLoader reads test blocks.
type testLoader struct {
	*loader
	set   *Set
	tests []*Test
	names map[string]hcl.Range
}

// LoadTests reads the blocks `test "NAME" {}` of a configuration, whose bodies nobody has read, against the policies
// that they are about. All mistakes are in the diagnostics; a test with a mistake is left out.
func LoadTests(blocks hcl.Blocks, s *Set, o Options) ([]*Test, hcl.Diagnostics) {
	l := &testLoader{loader: newLoader(o), set: s, names: make(map[string]hcl.Range)}
	for _, block := range blocks {
		before := len(l.diags)
		test := l.test(block)
		if !l.diags[before:].HasErrors() {
			l.tests = append(l.tests, test)
		}
	}
	return l.tests, l.sorted()
}

// inputNames are the attributes of a test that make its input.
func inputNames() []string {
	var names []string
	for _, s := range sections() {
		if s.name != "" {
			names = append(names, s.name)
			continue
		}
		for _, f := range s.facts {
			names = append(names, f.name)
		}
	}
	return names
}

// testSchema is what a test block may hold.
func testSchema() *hcl.BodySchema {
	schema := &hcl.BodySchema{Attributes: []hcl.AttributeSchema{
		{Name: "policy", Required: true}, {Name: "expect", Required: true}, {Name: "rule"},
	}}
	for _, name := range inputNames() {
		schema.Attributes = append(schema.Attributes, hcl.AttributeSchema{Name: name})
	}
	return schema
}

func (l *testLoader) test(block *hcl.Block) *Test {
	content, _ := l.content("a test block", block.Body, testSchema())
	test := &Test{Source: placeOf(block.DefRange)}
	if len(block.Labels) != 1 || block.Labels[0] == "" {
		l.mistake(block.DefRange, badName, `A test is named by what it shows: test "an employee reaches the wiki" {.`)
		return test
	}
	test.Name = block.Labels[0]
	if other, ok := l.names[test.Name]; ok {
		l.mistake(block.DefRange, duplicateTest, "There is a test %q at %s already. Rename one of them.", test.Name, other)
	}
	l.names[test.Name] = block.DefRange
	if attr, ok := content.Attributes["policy"]; ok {
		test.Policy = l.testedPolicy(attr)
	}
	if attr, ok := content.Attributes["expect"]; ok {
		test.Expect = l.expected(attr)
	}
	if attr, ok := content.Attributes["rule"]; ok && test.Policy != "" {
		test.Rule = l.expectedRule(attr, test)
	}
	test.Input = l.input(content.Attributes)
	return test
}

func (l *testLoader) testedPolicy(attr *hcl.Attribute) string {
	name, ok := policyName(attr.Expr)
	switch {
	case !ok:
		l.mistake(attr.Expr.Range(), badTest, "A policy is named as policy.NAME: policy = policy.staff.")
	case !l.set.Has(name):
		l.mistake(attr.Expr.Range(), unknownPolicy, "There is no policy %s.%s", name, didYouMean(name, l.set.Names()))
	default:
		return name
	}
	return ""
}

func (l *testLoader) expected(attr *hcl.Attribute) (expect Outcome) {
	written, ok := l.constantText(attr)
	if ok && expect.UnmarshalText([]byte(written)) != nil {
		l.mistake(attr.Expr.Range(), badTest, `There is no outcome %q. It is "allow", "deny" or "step_up".`, written)
	}
	return expect
}

// expectedRule is the name of a rule that the policy has, or one that it includes.
func (l *testLoader) expectedRule(attr *hcl.Attribute, t *Test) string {
	written, ok := l.constantText(attr)
	if !ok {
		return ""
	}
	rules := make(map[string]bool) // by name; whether one of that name can give what is expected
	for _, p := range l.set.policies[t.Policy].parts {
		for _, r := range p.written() {
			rules[r.name] = rules[r.name] || r.source.effect == t.Expect.String()
		}
	}
	can, known := rules[written]
	switch {
	case t.Expect == StepUp:
		l.mistake(attr.Expr.Range(), badTest, "No rule asks for signing in again: require does. Leave rule out.")
	case len(rules) > 0 && !known:
		l.mistake(attr.Expr.Range(), unknownRule, "There is no rule %q in %s, or what it includes.%s", written, t.Policy, didYouMean(written, slices.Sorted(maps.Keys(rules))))
	case len(rules) > 0 && !can:
		l.mistake(attr.Expr.Range(), badTest, "The rule %q never decides %s.", written, t.Expect)
	}
	return written
}
