package policy

import (
	"errors"
	"strings"
	"testing"
)

// checkExplanation holds that an explanation tells what is decided; that what it tells of rules and requirements leads
// to that decision; and that it names what has decided.
func checkExplanation(t *testing.T, set *Set, name string, in *Input) {
	t.Helper()
	decision, explained := set.Evaluate(name, in), set.Explain(name, in)
	if explained.Decision != decision {
		t.Fatalf("%s is decided %+v, and explained as %+v", name, decision, explained.Decision)
	}
	if explained.Policy == nil {
		if decision != (Decision{Policy: name}) {
			t.Errorf("%s is decided %+v, and not explained", name, decision)
		}
		return
	}
	told := follow(explained.Policy, make(map[string]*ExplainedPolicy))
	if told.outcome() != decision.Outcome {
		t.Errorf("%s is decided %s, but what is told of it leads to %s", name, decision, told.outcome())
	}
	if told.decided != 1 {
		t.Errorf("%s is decided by %d, want one", name, told.decided)
	}
}

// followed is what the tree of an explanation leads to.
type followed struct {
	denied, unadmitted, unmet bool
	decided                   int
}

func (f followed) outcome() Outcome {
	switch {
	case f.denied || f.unadmitted:
		return Deny
	case f.unmet:
		return StepUp
	}
	return Allow
}

func follow(p *ExplainedPolicy, seen map[string]*ExplainedPolicy) (told followed) {
	if p.Again || seen[p.Name] != nil {
		return told
	}
	seen[p.Name] = p
	count := func(is bool) {
		if is {
			told.decided++
		}
	}
	told.unadmitted = true
	count(p.Decided)
	for _, r := range p.Rules {
		told.denied = told.denied || r.Effect == "deny" && r.Outcome != False
		told.unadmitted = told.unadmitted && (r.Effect == "deny" || r.Outcome != True)
		count(r.Decided)
	}
	if p.Require != nil {
		told.unmet = !p.Require.Met
		count(p.Require.Decided)
	}
	for _, included := range p.Includes {
		below := follow(included, seen)
		told = followed{
			told.denied || below.denied, told.unadmitted || below.unadmitted, told.unmet || below.unmet, told.decided + below.decided,
		}
	}
	return told
}

// FuzzExplanationAgrees holds that Explain and Evaluate decide alike, and that the whole of each condition, as explained,
// is what the rule gave.
func FuzzExplanationAgrees(f *testing.F) {
	fuzzRules(f, func(t *testing.T, g *generator, rules []string, in *Input) {
		included := make([]string, 1+g.IntN(3))
		for i := range included {
			included[i] = g.rule(g.pick("allow", "allow", "deny"), i)
		}
		source := "policy \"q\" {\n" + strings.Join(append(included, g.requirement()), "\n") + "\n}\n" +
			policyOf(append(rules, "include = [policy.q]"))
		set := mustLoad(t, source)
		for _, in := range []*Input{in, g.without(in), new(Input)} {
			checkExplanation(t, set, "p", in)
			checkRoots(t, set.Explain("p", in).Policy)
		}
	})
}

func checkRoots(t *testing.T, p *ExplainedPolicy) {
	t.Helper()
	for _, r := range p.Rules {
		c := r.Condition
		if want := truthOf(c.Value == "true", c.Value == "true" || c.Value == "false"); r.Outcome != want && !c.Hidden {
			t.Errorf("%s is %s, and its condition %q", r.Name, r.Outcome, c.Value)
		}
	}
	for _, included := range p.Includes {
		checkRoots(t, included)
	}
}

func TestNobodyExplainsWithoutASetOrAnInput(t *testing.T) {
	set := mustLoad(t, tenRules)
	for _, e := range []*Explanation{(*Set)(nil).Explain("ten", new(Input)), set.Explain("ten", nil), set.Explain("none", new(Input))} {
		if e.Policy != nil || e.Decision.Allowed() {
			t.Errorf("it is explained as %+v", e)
		}
	}
}

func TestExplanationWithoutTheSourceTellsPlaces(t *testing.T) {
	blocks, _ := parse(tenRules)
	set, _ := Load(blocks, testOptions())
	var told strings.Builder
	if err := set.Explain("ten", benchInput()).Write(&told, false); err != nil {
		t.Fatal(err)
	}
	if want := "true or false at 3:27 = false\n"; !strings.Contains(told.String(), want) {
		t.Errorf("%q is not in %s", want, told.String())
	}
}

func TestExplanationOfManyTurnsAndLongValuesIsShortened(t *testing.T) {
	set := mustLoad(t, `policy "p" {
		allow "a" { when = has([for g in user.groups : upper(g)], "X") }
	}`)
	in := &Input{User: User{Groups: strings.Split(strings.Repeat("group ", 100), " ")}}
	explained := set.Explain("p", in)
	if turns := len(explained.Policy.Rules[0].Condition.Parts[0].Parts) - 1; turns != maxTurns {
		t.Errorf("%d turns are explained, want %d", turns, maxTurns)
	}
	var told strings.Builder
	if err := explained.Write(&told, false); err != nil || !strings.Contains(told.String(), "…\n") {
		t.Errorf("it tells %v: %s", err, told.String())
	}
}

func TestExplanationOfAForThroughASecretHidesItsItems(t *testing.T) {
	set := mustLoad(t, `policy "p" {
		allow "a" { when = has([for g in split("0", env("OFFICE")) : upper(g)], user.name) }
	}`)
	var told strings.Builder
	if err := set.Explain("p", &Input{User: User{Name: "1"}}).Write(&told, false); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(told.String(), `= "1"`) || !strings.Contains(told.String(), "(hidden)") {
		t.Errorf("it tells %s", told.String())
	}
}

// full is a device without room.
type full struct{}

var errFull = errors.New("no room")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestWritingAnExplanationTellsThatItCouldNot(t *testing.T) {
	set := mustLoad(t, tenRules)
	if err := set.Explain("ten", benchInput()).Write(full{}, true); !errors.Is(err, errFull) {
		t.Errorf("it tells %v", err)
	}
}

func TestOfALongConditionIsQuotedHowEachPartBegins(t *testing.T) {
	const terms = 500
	long := `user.name == "Zoë"` + strings.Repeat(` || user.name == "Zoë"`, terms)
	set := mustLoad(t, `policy "p" { 
		allow "a" { when = `+long+` }
	}`)
	quoted := 0
	var look func(c *ExplainedCondition)
	look = func(c *ExplainedCondition) {
		if quoted += len(c.Text); !strings.HasPrefix(long, strings.TrimSuffix(c.Text, " …")) && !strings.HasPrefix(c.Text, `"Zoë`) {
			t.Fatalf("%s is quoted", c.Text)
		}
		for i := range c.Parts {
			look(&c.Parts[i])
		}
	}
	look(&set.Explain("p", benchInput()).Policy.Rules[0].Condition)
	if most := terms * 2 * maxText; quoted > most {
		t.Errorf("%d bytes are quoted, want at most %d", quoted, most)
	}
}
