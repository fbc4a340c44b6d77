package policy

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"
)

func TestDecisionIsReadAsItWasWritten(t *testing.T) {
	for _, d := range []Decision{
		{},
		{Outcome: Allow, Policy: "p", Rule: "r"},
		{Policy: "p", Rule: "r", Message: "m"},
		{Outcome: StepUp, Policy: "p", Need: &Requirement{MaxAge: 90 * time.Minute, ACR: []string{"phr"}, AMR: []string{"mfa"}}},
		{Outcome: StepUp, Policy: "p", Need: &Requirement{AMR: []string{"mfa"}}},
	} {
		written, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		var read Decision
		if err := json.Unmarshal(written, &read); err != nil || !reflect.DeepEqual(read, d) {
			t.Errorf("%s is read as %+v (%v)", written, read, err)
		}
	}
	for _, wrong := range []string{`{"outcome": "maybe"}`, `{"need": {"max_age": "soon"}}`, `{"need": {"acr": 3}}`} {
		if err := json.Unmarshal([]byte(wrong), new(Decision)); err == nil {
			t.Errorf("%s is read", wrong)
		}
	}
}

func TestDecisionsTellWhatDecided(t *testing.T) {
	for want, d := range map[string]Decision{
		"deny":                               {},
		"deny, as no rule of p admits":       {Policy: "p"},
		`allow by "r" of p`:                  {Outcome: Allow, Policy: "p", Rule: "r"},
		"step_up by what p requires":         {Outcome: StepUp, Policy: "p"},
		`deny by "public"`:                   {Rule: "public"},
		"deny, as no rule of weekend admits": {Outcome: 7, Policy: "weekend"},
	} {
		if d.String() != want {
			t.Errorf("it tells %s, want %s", d, want)
		}
	}
	need := Requirement{MaxAge: time.Hour, ACR: []string{"a", "b"}, AMR: []string{"c", "d"}}
	if want := "max_age 1h0m0s, acr a or b, amr c and d"; need.String() != want {
		t.Errorf("it tells %s, want %s", need.String(), want)
	}
}

func TestChangesAreOfAccess(t *testing.T) {
	deny, stepUp, allow := Decision{}, Decision{Outcome: StepUp}, Decision{Outcome: Allow}
	for _, c := range []struct {
		before, after Decision
		want          Change
		told          string
	}{
		{deny, deny, Same, "same"}, {deny, stepUp, Gains, "gains"}, {stepUp, allow, Gains, "gains"}, {allow, stepUp, Loses, "loses"},
		{allow, deny, Loses, "loses"}, {allow, Decision{Outcome: Allow, Rule: "another"}, Same, "same"},
	} {
		change := Compare(c.before, c.after)
		if told, _ := change.MarshalText(); change != c.want || string(told) != c.told {
			t.Errorf("%s after %s is %s, want %s", c.after, c.before, change, c.want)
		}
	}
}

func TestShadowsAreKnown(t *testing.T) {
	set := mustLoad(t, `
		policy "candidate" {
			mode = "shadow"
			allow "anyone" { when = true }
		}
		policy "staff" {
			mode = "enforce"
			allow "anyone" { when = true }
		}
	`)
	if !set.Shadow("candidate") || set.Shadow("staff") || set.Shadow("unknown") || (*Set)(nil).Shadow("staff") {
		t.Error("Shadow does not tell what mode is")
	}
	if !set.Evaluate("candidate", new(Input)).Allowed() {
		t.Error("a shadow is not decided as it says")
	}
}

func TestNothingOfASetWithMistakesIsMissedByTests(t *testing.T) {
	set, diags := load(`policy "wrong" {
		allow "anyone" { when = user.emial == "a" }
	}`)
	if !diags.HasErrors() {
		t.Fatal("no mistake is found")
	}
	if missed := new(Cover).Missed(set); len(missed) > 0 {
		t.Errorf("%+v is missed", missed)
	}
	var cover Cover
	cover.Add((&Test{Policy: "wrong"}).Run(set))
	if !(&Test{Policy: "wrong", Input: new(Input)}).Run(set).Passed {
		t.Error("a set with mistakes does not deny")
	}
}
