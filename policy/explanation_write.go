package policy

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The colours of a terminal (ECMA-48, SGR).
const (
	plain  = "0"
	bold   = "1"
	dim    = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
)

// maxValue is how many characters of a value are shown.
const maxValue = 120

// Write writes an Explanation for people: the decision, then each policy with its rules, and below each rule the parts of
// its condition with their values. Constants that stand as they were written are left out.
func (e *Explanation) Write(w io.Writer, colour bool) error {
	t := &tree{w: bufio.NewWriter(w), colour: colour}
	t.line(0, t.paint(e.Decision.Outcome.colour(), e.Decision.String()))
	if e.Decision.Message != "" {
		t.line(1, clean(e.Decision.Message))
	}
	t.line(0)
	if e.Policy != nil {
		t.policy(0, "policy ", e.Policy)
	} else {
		t.line(0, "There is no such policy, or the policies have mistakes.")
	}
	return t.w.Flush()
}

// tree is an Explanation being written.
type tree struct {
	w      *bufio.Writer // keeps the first error, for Flush
	colour bool
}

func (t *tree) line(depth int, words ...string) {
	fmt.Fprintln(t.w, strings.TrimRight(strings.Repeat("  ", depth)+strings.Join(words, "  "), " "))
}

// paint colours words, where colours are wanted.
func (t *tree) paint(colour, words string) string {
	if !t.colour || words == "" {
		return words
	}
	return "\x1b[" + colour + "m" + words + "\x1b[" + plain + "m"
}

func (t *tree) policy(depth int, role string, p *ExplainedPolicy) {
	name := role + p.Name
	if p.Shadow {
		name += " (shadow)"
	}
	if p.Again {
		t.line(depth, t.paint(bold, name), t.paint(dim, "as above"))
		return
	}
	t.line(depth, t.paint(bold, name), t.paint(dim, clean(p.Source.String())))
	for i := range p.Rules {
		t.rule(depth+1, &p.Rules[i])
	}
	if p.Decided {
		t.line(depth+1, t.paint(red, "no allow rule is true")+decided(true))
	}
	if p.Require != nil {
		t.requirement(depth+1, p.Require)
	}
	for _, included := range p.Includes {
		t.policy(depth+1, "includes policy ", included)
	}
}

func (t *tree) rule(depth int, r *ExplainedRule) {
	name := fmt.Sprintf("%s %q", r.Effect, clean(r.Name))
	t.line(depth, name, t.paint(r.colour(), r.Outcome.String())+decided(r.Decided), t.paint(dim, clean(r.Source.String())))
	if !r.Condition.literal() {
		t.condition(depth+1, &r.Condition)
	}
}

func (t *tree) requirement(depth int, r *ExplainedRequirement) {
	met, colour := "met", green
	if !r.Met {
		met, colour = "not met", yellow
	}
	t.line(depth, "require "+clean(r.Requirement.String()), t.paint(colour, met)+decided(r.Decided), t.paint(dim, clean(r.Source.String())))
}

func decided(is bool) string {
	if is {
		return " ← decided"
	}
	return ""
}

func (t *tree) condition(depth int, c *ExplainedCondition) {
	what := clean(c.Text)
	if what == "" {
		what = fmt.Sprintf("%s at %d:%d", c.Type, c.Source.Line, c.Source.Column)
	}
	t.line(depth, what+" = "+t.value(c))
	for i := range c.Parts {
		if !c.Parts[i].literal() {
			t.condition(depth+1, &c.Parts[i])
		}
	}
}

// literal tells whether a part is a constant whose value stands there as it is, quoted or within a longer text.
func (c *ExplainedCondition) literal() bool {
	return c.Plain && len(c.Parts) == 0 && (c.Text == c.Value || asJSON(c.Text) == c.Value)
}

func (t *tree) value(c *ExplainedCondition) string {
	switch {
	case !c.Known:
		return t.paint(yellow, "unknown ("+c.Why+")")
	case c.Hidden:
		return t.paint(dim, "(hidden)")
	case c.Why != "":
		return shortened(clean(c.Value)) + t.paint(yellow, " ("+c.Why+")")
	case c.Value == "true":
		return t.paint(green, c.Value)
	case c.Value == "false":
		return t.paint(red, c.Value)
	}
	return shortened(clean(c.Value))
}

// colour is red for what refuses, green for what admits, and yellow for what is unknown.
func (r *ExplainedRule) colour() string {
	switch {
	case r.Outcome == Unknown:
		return yellow
	case (r.Outcome == True) == (r.Effect == "allow"):
		return green
	}
	return red
}

func (o Outcome) colour() string {
	switch o {
	case Allow:
		return green
	case StepUp:
		return yellow
	}
	return red
}

// clean shows characters that a terminal would obey, or hide, as U+FFFD.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return utf8.RuneError
	}, s)
}

// shortened leaves out the end of a long value.
func shortened(s string) string {
	if utf8.RuneCountInString(s) <= maxValue {
		return s
	}
	return string([]rune(s)[:maxValue]) + "…"
}
