package policy

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/json"
)

func TestNilSetKnowsNothingAndDenies(t *testing.T) {
	var none *Set
	if none.Has("staff") || none.Names() != nil {
		t.Error("the nil Set knows a policy")
	}
	if d := none.Evaluate("staff", new(Input)); d != (Decision{Policy: "staff"}) {
		t.Errorf("the nil Set decides %+v", d)
	}
}

func TestSetKnowsItsNames(t *testing.T) {
	set := mustLoad(t, `
		policy "staff" {}
		policy "admins" {}
	`)
	if want := []string{"admins", "staff"}; !slices.Equal(set.Names(), want) {
		t.Errorf("names are %q, want %q", set.Names(), want)
	}
	if !set.Has("staff") || set.Has("staf") {
		t.Error("Has does not tell what Names tells")
	}
}

func TestNoInputIsDenied(t *testing.T) {
	set := mustLoad(t, `
		policy "open" {
			allow "anyone" { when = true }
		}
	`)
	if set.Evaluate("open", nil).Allowed() {
		t.Error("a request without an input is admitted")
	}
	if d := set.Evaluate("open", new(Input)); !d.Allowed() || d.Rule != "anyone" || d.Outcome.String() != "allow" {
		t.Errorf("a request with an input is decided %+v", d)
	}
}

func TestManyMayEvaluateAtOnce(t *testing.T) {
	set, in := mustLoad(t, busyRules), benchInput()
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 200 {
				if !set.Evaluate("busy", in).Allowed() {
					t.Error("an input is denied beside others")
				}
			}
		})
	}
	group.Wait()
}

func TestZeroDecisionDenies(t *testing.T) {
	if d := (Decision{}); d.Allowed() || d.Outcome.String() != "deny" {
		t.Errorf("it is %s", d.Outcome)
	}
}

func TestSetWithMistakesKnowsTheNamesAndDenies(t *testing.T) {
	set, diags := load(`
		policy "open" {
			allow "anyone" { when = true }
		}
		policy "wrong" {
			allow "anyone" { when = user.emial == "a" }
		}
	`)
	if !diags.HasErrors() {
		t.Fatal("no mistake is found")
	}
	if !set.Has("open") || !set.Has("wrong") {
		t.Error("names are not known")
	}
	if set.Evaluate("open", new(Input)).Allowed() {
		t.Error("a set with mistakes admits")
	}
}

func TestSyntaxErrorIsLeftToTheParserAndDenies(t *testing.T) {
	source := "policy \"p\" {\n allow \"a\" { when = true }\n deny \"b\" {\n when = user.\n}\n}\n"
	blocks, diags := parse(source)
	if !diags.HasErrors() {
		t.Fatal("the parser has found no mistake")
	}
	set, diags := Load(blocks, Options{})
	if diags.HasErrors() {
		t.Errorf("it is reported twice: %s", diags)
	}
	if set.Evaluate("p", &Input{Authenticated: true}).Allowed() {
		t.Error("a policy of which a rule could not be read admits")
	}
}

func TestNodeWithAMistakeIsUnknown(t *testing.T) {
	if _, ok := run[bool](node{})(newFrame()); ok {
		t.Error("it has a value")
	}
}

func TestRequestWithoutHeadersHasNone(t *testing.T) {
	template := mustTemplate(t, `request.headers["accept"]`)
	if value, ok := template.Value(new(Input)); ok {
		t.Errorf("its Accept is %q", value)
	}
}

func TestJSONSyntaxIsRefused(t *testing.T) {
	file, diags := json.Parse([]byte(`{"policy": {"p": {"allow": {"a": {"when": "true"}}}}}`), "p.json")
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	content, _ := file.Body.Content(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "policy", LabelNames: []string{"name"}}}})
	_, diags = Load(content.Blocks, Options{})
	if !diags.HasErrors() || !strings.Contains(diags.Error(), "native syntax") {
		t.Errorf("it is told %s", diags)
	}
}

func TestMistakesComeInTheOrderOfTheSource(t *testing.T) {
	source := `policy "p" {
		zeta = 1
		allow "a" { when = usr }
		alpha = 1
		include = [policy.q]
		bloc {}
	}`
	for range 20 {
		_, diags := load(source)
		if !slices.IsSortedFunc(diags, func(a, b *hcl.Diagnostic) int { return a.Subject.Start.Line - b.Subject.Start.Line }) || len(diags) != 5 {
			t.Fatal(diags.Errs())
		}
	}
}

func TestNearestIsTheKnownNameOfFewestEdits(t *testing.T) {
	known := []string{"in_group", "in_cidr", "has", "has_any"}
	for wrong, want := range map[string]string{
		"in_groups": "in_group", "in_cird": "in_cidr", "hs": "has", "hasany": "has_any", "HAS": "has", "regex": "", "": "",
	} {
		if got := nearest(wrong, known); got != want {
			t.Errorf("nearest to %q is %q, want %q", wrong, got, want)
		}
	}
}
