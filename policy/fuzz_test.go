package policy

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// FuzzLoad holds that reading a policy never panics, that each mistake has its place, that a set with mistakes denies,
// and that what is read can be evaluated.
func FuzzLoad(f *testing.F) {
	for _, path := range glued(f, "testdata/mistakes/*.hcl") {
		source, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for line := range strings.Lines(annotated(string(source), nil)) {
			f.Add("policy \"p\" {\n" + line + "}\n")
		}
	}
	f.Add(tenRules)
	f.Add(busyRules)
	f.Add("policy\"A\"{\nallow\"0\"{when=in_group(\"") // the parser gives a text that ends before it begins
	f.Add("policy\"A\"{\nallow\"0\"{when=0..00")       // and a number that it does not know
	f.Fuzz(func(t *testing.T, source string) {
		set, diags := load(source)
		tests, more := loadTests(source, set)
		for _, test := range tests {
			test.Run(set)
		}
		diags = append(diags, more...)
		for _, d := range diags {
			if d.Subject == nil || d.Summary == "" || d.Detail == "" {
				t.Errorf("%v says too little", d)
			}
		}
		for _, name := range set.Names() {
			for _, in := range []*Input{new(Input), benchInput()} {
				decision := set.Evaluate(name, in)
				checkExplanation(t, set, name, in)
				if decision.Allowed() && diags.HasErrors() && set.policies[name].parts == nil {
					t.Errorf("%s admits with mistakes", name)
				}
			}
		}
	})
}

// FuzzTemplate holds the same of single expressions.
func FuzzTemplate(f *testing.F) {
	archive, err := os.ReadFile("testdata/stories/expressions.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for line := range strings.Lines(string(archive)) {
		if expression, _, ok := strings.Cut(line, " => "); ok {
			f.Add(expression)
		}
	}
	f.Fuzz(func(t *testing.T, source string) {
		expression, diags := hclsyntax.ParseExpression([]byte(source), "x.hcl", hcl.InitialPos)
		if diags.HasErrors() {
			return
		}
		template, diags := NewTemplate(expression, testOptions())
		for _, d := range diags {
			if d.Subject == nil {
				t.Errorf("%v has no place", d)
			}
		}
		for _, in := range []*Input{new(Input), benchInput()} {
			first, ok := template.Value(in)
			second, again := template.Value(in)
			if first != second || ok != again {
				t.Errorf("%s is first %q, %t, then %q, %t", source, first, ok, second, again)
			}
		}
	})
}

// fuzzRules runs a property of sets of rules, and of the inputs that they are asked of.
func fuzzRules(f *testing.F, property func(t *testing.T, g *generator, rules []string, in *Input)) {
	for seed := range uint64(64) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		g := &generator{rand.New(rand.NewPCG(seed, 0))}
		rules := make([]string, 1+g.IntN(6))
		for i := range rules {
			rules[i] = g.rule([]string{"allow", "allow", "deny"}[g.IntN(3)], i)
		}
		if g.IntN(2) == 0 {
			rules = append(rules, g.requirement())
		}
		property(t, g, rules, g.input())
	})
}

// policyOf is the policy p of these rules.
func policyOf(rules []string) string { return "policy \"p\" {\n" + strings.Join(rules, "\n") + "\n}\n" }

// access is how far the rules let an input in.
func access(t *testing.T, rules []string, in *Input) int {
	t.Helper()
	return mustLoad(t, policyOf(rules)).Evaluate("p", in).Outcome.access()
}

func FuzzAddingADenyNeverAdmits(f *testing.F) {
	fuzzRules(f, func(t *testing.T, g *generator, rules []string, in *Input) {
		more := slices.Insert(slices.Clone(rules), g.IntN(len(rules)+1), g.rule("deny", len(rules)))
		if access(t, more, in) > access(t, rules, in) {
			t.Errorf("%s admits what %s does not", more, rules)
		}
	})
}

func FuzzRemovingAnAllowNeverAdmits(f *testing.F) {
	fuzzRules(f, func(t *testing.T, g *generator, rules []string, in *Input) {
		rules = append(rules, g.rule("allow", len(rules)))
		fewer := rules[:len(rules)-1]
		if access(t, fewer, in) > access(t, rules, in) {
			t.Errorf("%s admits what %s does not", fewer, rules)
		}
	})
}

// FuzzRequiringNeverAdmits holds also that what is required changes nothing but whether one has to sign in again, and
// that signing in as is needed is enough.
func FuzzRequiringNeverAdmits(f *testing.F) {
	fuzzRules(f, func(t *testing.T, g *generator, rules []string, in *Input) {
		source := fmt.Sprintf("policy \"q\" {\nallow \"q\" { when = true }\n%s\n}\n", g.requirement())
		set := mustLoad(t, source+policyOf(append(slices.Clone(rules), "include = [policy.q]")))
		before, after := access(t, rules, in), set.Evaluate("p", in)
		switch {
		case after.Outcome.access() > before:
			t.Errorf("requiring more than %s admits", rules)
		case (before == Deny.access()) != (after.Outcome == Deny):
			t.Errorf("requiring more than %s denies", rules)
		case after.Outcome == StepUp:
			again := *in
			again.Session.Authenticated, again.Session.AMR = in.Now, after.Need.AMR
			again.Session.ACR = append(after.Need.ACR, "")[0]
			if after.Need.met(in) || !mustLoad(t, source+policyOf([]string{`allow "a" { when = true }`, "include = [policy.q]"})).Evaluate("p", &again).Allowed() {
				t.Errorf("%+v is not what is needed", after.Need)
			}
		}
	})
}

func FuzzOrderNeverMatters(f *testing.F) {
	fuzzRules(f, func(t *testing.T, g *generator, rules []string, in *Input) {
		shuffled := slices.Clone(rules)
		g.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		if access(t, rules, in) != access(t, shuffled, in) {
			t.Errorf("%s and %s decide differently", rules, shuffled)
		}
	})
}

func FuzzWhatIsMissingNeverAdmits(f *testing.F) {
	fuzzRules(f, func(t *testing.T, g *generator, rules []string, in *Input) {
		less := g.without(in)
		if access(t, rules, less) > access(t, rules, in) {
			t.Errorf("%s admits %+v, which is %+v with less", rules, less, in)
		}
	})
}
