package pomerium

import (
	"slices"
	"strings"
)

// action is what a rule does.
type action string

const (
	allow action = "allow"
	deny  action = "deny"
)

// formula is a condition of a policy. Conditions of Pomerium are true or false; where picket knows a third, unknown,
// an expression is written so that the decision is Pomerium's.
type formula interface {
	// write is the expression that is true, in a rule of the action, where the formula is as wanted.
	write(wanted bool, a action) expression
	// personal tells whether somebody must be signed in for it to be asked.
	personal() bool
}

// fact is true or false whatever is asked.
type fact bool

func (f fact) write(wanted bool, _ action) expression { return constant(bool(f) == wanted) }
func (fact) personal() bool                           { return false }

// test is an expression of picket.
type test struct {
	holds   expression
	wider   expression // where it cannot be told exactly: true whenever holds is, and whenever Pomerium's is; zero: holds
	ofUser  bool       // it is about who is signed in
	missing bool       // it is unknown where the one who is signed in has no such thing, and Pomerium's is false there
}

func (t test) personal() bool { return t.ofUser }

func (t test) write(wanted bool, a action) expression {
	e := t.holds
	if t.wider.text != "" && (a == deny) == wanted {
		e = t.wider
	}
	// Unknown is not true in an allow rule and true in a deny rule. Where that is what Pomerium decides of something
	// that is missing, the expression stands by itself.
	if t.missing && (a == deny) == wanted {
		e = call("coalesce", e.text, "false")
	}
	if !wanted {
		return negation(e)
	}
	return e
}

// opposite is true where another formula is false.
type opposite struct{ of formula }

func (o opposite) personal() bool { return o.of.personal() }

func (o opposite) write(wanted bool, a action) expression {
	e := o.of.write(!wanted, a)
	if wanted && a == allow && o.personal() {
		return conjunction([]expression{atom("authenticated"), e})
	}
	return e
}

// junction is true where all of its parts are, or where any is.
type junction struct {
	all   bool
	parts []formula
}

func (j junction) personal() bool { return slices.ContainsFunc(j.parts, formula.personal) }

func (j junction) write(wanted bool, a action) expression {
	parts := make([]expression, len(j.parts))
	for i, part := range j.parts {
		parts[i] = part.write(wanted, a)
	}
	if j.all == wanted {
		return conjunction(parts)
	}
	return disjunction(parts)
}

// untold is what cannot be carried over: not fulfilled where that would admit, fulfilled where that would refuse.
type untold struct {
	line   int
	what   string
	why    string
	ofUser bool
}

func (u untold) personal() bool                    { return u.ofUser }
func (u untold) write(_ bool, a action) expression { return constant(a == deny) }

// untolds are those in a formula.
func untolds(f formula) []untold {
	switch f := f.(type) {
	case untold:
		return []untold{f}
	case opposite:
		return untolds(f.of)
	case reversed:
		return untolds(f.of)
	case junction:
		var all []untold
		for _, part := range f.parts {
			all = append(all, untolds(part)...)
		}
		return all
	}
	return nil
}

// tellable is a formula without what cannot be carried over; ok is false when nothing is left.
func tellable(f formula) (told formula, ok bool) {
	switch f := f.(type) {
	case untold:
		return nil, false
	case opposite:
		told, ok = tellable(f.of)
		return opposite{told}, ok
	case reversed:
		told, ok = tellable(f.of)
		return reversed{told}, ok
	case junction:
		left := junction{all: f.all}
		for _, part := range f.parts {
			if told, ok := tellable(part); ok {
				left.parts = append(left.parts, told)
			}
		}
		return left, len(left.parts) > 0
	}
	return f, true
}

// expression is one of picket's language.
type expression struct {
	text    string
	binds   int      // how tightly its outermost operator does: or, and, comparison, the rest
	parts   []string // of a conjunction or disjunction, which is broken over lines when it is long
	inverse string   // the comparison that is true where this one is false; "": it is none, or has none
}

const (
	bindsOr = iota + 1
	bindsAnd
	bindsComparison
	bindsTightly
)

func atom(text string) expression { return expression{text: text, binds: bindsTightly} }

func constant(v bool) expression {
	if v {
		return atom("true")
	}
	return atom("false")
}

func call(function string, args ...string) expression {
	return atom(function + "(" + strings.Join(args, ", ") + ")")
}

func compare(left, operator, right string) expression {
	e := expression{text: left + " " + operator + " " + right, binds: bindsComparison}
	if operator == "==" {
		e.inverse = left + " != " + right
	}
	return e
}

// within is the text of an expression beside an operator.
func (e expression) within(binds int) string {
	if e.binds < binds {
		return "(" + e.text + ")"
	}
	return e.text
}

func negation(e expression) expression {
	switch e.text {
	case "true":
		return constant(false)
	case "false":
		return constant(true)
	}
	if e.inverse != "" {
		return expression{text: e.inverse, binds: bindsComparison, inverse: e.text}
	}
	return atom("!" + e.within(bindsTightly))
}

func conjunction(parts []expression) expression {
	return joined(parts, " && ", bindsAnd, "true", "false")
}
func disjunction(parts []expression) expression {
	return joined(parts, " || ", bindsOr, "false", "true")
}

// joined puts an operator between expressions. The neutral one is left out, and the one that decides stands for all.
func joined(parts []expression, operator string, binds int, neutral, decides string) expression {
	var texts []string
	var last expression
	for _, e := range parts {
		switch e.text {
		case decides:
			return atom(decides)
		case neutral:
			continue
		}
		inner := []string{e.within(binds)}
		if e.binds == binds {
			inner = e.parts
		}
		for _, text := range inner {
			if !slices.Contains(texts, text) {
				texts, last = append(texts, text), e
			}
		}
	}
	switch len(texts) {
	case 0:
		return atom(neutral)
	case 1:
		return last
	}
	return expression{text: strings.Join(texts, operator), binds: binds, parts: texts}
}

// widest is how many characters a condition has on one line.
const widest = 96

// lines is the expression, broken over lines in parentheses when it is long.
func (e expression) lines() string {
	if len(e.text) <= widest || len(e.parts) < 2 {
		return e.text
	}
	operator := " ||\n"
	if e.binds == bindsAnd {
		operator = " &&\n"
	}
	return "(\n" + strings.Join(e.parts, operator) + "\n)"
}
