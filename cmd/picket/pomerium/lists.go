package pomerium

import (
	"fmt"
	"strings"
)

// claim compares what the identity provider says of the user: one value, or a list of them.
func (r *reader) claim(c written) formula {
	if c.path == "" {
		return r.lost(c, "it does not say which claim", true)
	}
	claim := claimNamed(c.path)
	has := func(text string) expression {
		return disjunction([]expression{compare(claim, "==", quote(text)), call("has", claim, quote(text))})
	}
	return r.listMatcher(c, has, claim, true)
}

// claimNamed is the claim of that name; where there is none, the part of an object that the name leads to.
func claimNamed(path string) string {
	whole := "user.claims[" + quote(path) + "]"
	steps := strings.FieldsFunc(path, func(r rune) bool { return r == '/' || r == '.' })
	if len(steps) < 2 || len(steps) > 5 || strings.Contains(path, "://") {
		return whole
	}
	nested := "user.claims"
	for _, step := range steps {
		nested += "[" + quote(step) + "]"
	}
	return call("coalesce", whole, nested).text
}

// listMatcher reads an object of operators, all of which must hold; anything else is looked for in the list. has is
// true when a text is in it; single tells that it may be one value instead of a list.
func (r *reader) listMatcher(c written, has func(text string) expression, name string, single bool) formula {
	operators := c.value.entries
	if c.value.kind != mapping {
		operators = []entry{{"has", c.line, c.value}}
	}
	if len(operators) == 0 {
		return r.lost(c, "it is compared with nothing", true)
	}
	whole := junction{all: true}
	for _, o := range operators {
		f, known := r.listOperator(c, o, has, name, single)
		if !known {
			return r.lost(c, fmt.Sprintf("Pomerium has no operator %s for lists", o.key), true)
		}
		whole.parts = append(whole.parts, f)
	}
	r.ledger.keep(c.line, c.name)
	return whole
}

func (r *reader) listOperator(c written, o entry, has func(string) expression, name string, single bool) (f formula, known bool) {
	held := r.held(c, o.value, has, name, single)
	switch o.key {
	case "has":
		return held, true
	case "is":
		return only(held, o.value, name, single), true
	case "exclude":
		return without(held, single), true
	}
	return nil, false
}

// held is true when the value is in the list.
func (r *reader) held(c written, v value, has func(string) expression, name string, single bool) formula {
	t := test{ofUser: true, missing: true}
	switch {
	case v.isText():
		t.holds = has(v.text)
	case single && v.tag == "!!bool":
		t.holds = compare(name, "==", constant(v.isTrue()).text)
	case single && isNumber(v):
		t.holds = compare(name, "==", v.text)
		r.ledger.tell(c.line, c.name, "a number is compared with a claim that is one, not with the items of a list")
	case single && v.kind == scalar:
		return r.lost(c, "picket writes numbers with digits and a point", true)
	default:
		r.ledger.tell(c.line, c.name, "Pomerium compares each item with the whole of it, which none is: write one criterion for each")
		return fact(false)
	}
	return t
}

// isNumber tells whether a value is a number that the language writes the same.
func isNumber(v value) bool {
	return v.kind == scalar && (v.tag == "!!int" || v.tag == "!!float") && decimal.MatchString(v.text)
}

// only is true when what is held is all there is.
func only(held formula, v value, name string, single bool) formula {
	t, ok := held.(test)
	if !ok || single && !v.isText() {
		return held // one value is the only one
	}
	alone := compare(call("length", name).text, "==", "1")
	if single {
		one := compare(name, "==", quote(v.text))
		t.holds = disjunction([]expression{one, conjunction([]expression{alone, call("has", name, quote(v.text))})})
		return t
	}
	t.holds = conjunction([]expression{alone, t.holds})
	return t
}

// without is true when it is not held. A claim that is missing holds nothing; groups that are not known may.
func without(held formula, claim bool) formula {
	t, ok := held.(test)
	if !ok || claim {
		return opposite{held}
	}
	t.holds = negation(t.holds)
	return t
}
