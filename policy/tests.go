package policy

import (
	"fmt"
	"time"
)

// Test is what somebody expects of a policy: a test block.
type Test struct {
	Name   string
	Policy string
	Input  *Input
	Expect Outcome
	Rule   string // the rule that is expected to decide; "": any
	Source Place
}

// Result is what came of a Test.
type Result struct {
	Name        string       `json:"name"`
	Source      Place        `json:"source"`
	Passed      bool         `json:"passed"`
	Expect      Outcome      `json:"expect"`
	Rule        string       `json:"rule,omitempty"` // as in Test
	Explanation *Explanation `json:"explanation"`    // what was decided, and why
}

// testNow is what the clock says in a test that does not say it: noon of a Thursday.
func testNow() time.Time { return time.Date(2026, time.January, 1, 12, 0, 0, 0, time.UTC) }

// Run decides, and compares with what is expected.
func (t *Test) Run(s *Set) Result {
	explanation := s.Explain(t.Policy, t.Input)
	got := explanation.Decision
	return Result{
		Name: t.Name, Source: t.Source, Expect: t.Expect, Rule: t.Rule, Explanation: explanation,
		Passed: got.Outcome == t.Expect && (t.Rule == "" || got.Rule == t.Rule),
	}
}

// String says in one line what was expected, and what it is: want deny by "from away", got allow by "on call" of production.
func (r Result) String() string {
	want := r.Expect.String()
	if r.Rule != "" {
		want += fmt.Sprintf(" by %q", r.Rule)
	}
	return fmt.Sprintf("want %s, got %s", want, r.Explanation.Decision)
}
