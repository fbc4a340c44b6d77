package pomerium

import (
	"fmt"
	"slices"
	"strings"
)

// rule is an action with one operator of Pomerium's, or one that stands for a setting of a route.
type rule struct {
	action   action
	line     int
	name     string // for people: which criteria it has
	said     string // how it is written in the source, for the comment
	when     formula
	negative bool // its operator is not or nor
	message  string
}

// condition is the expression of the rule.
//
// Pomerium sends whoever is not signed in to sign in, when a criterion about the user had a part in the answer.
func (r rule) condition() expression {
	e := r.when.write(true, r.action)
	switch {
	case !r.when.personal():
		return e
	case r.action == allow && r.negative:
		return conjunction([]expression{atom("authenticated"), e})
	case r.action == deny && !r.negative:
		return disjunction([]expression{atom("!authenticated"), e})
	}
	return e
}

// closed is a rule that refuses everyone, in place of something that cannot be carried over.
func closed(line int, what, why string) rule {
	return rule{
		action: deny, line: line, name: what, said: what,
		when: untold{line: line, what: what, why: why}, message: closedMessage,
	}
}

// closedMessage is what a visitor is told.
const closedMessage = "This is closed until somebody has looked at a rule that could not be carried over."

// policy reads rules in Pomerium's policy language: an object of actions, or a list of those. What Pomerium would not
// read refuses everyone.
func (r *reader) policy(v value) []rule {
	switch v.kind {
	case nothing:
		return nil
	case list:
		var all []rule
		for _, item := range v.items {
			if item.kind != mapping {
				return []rule{r.unread(item.line, "policy", "a rule is an object with allow or deny")}
			}
			all = append(all, r.policy(item)...)
		}
		return all
	case mapping:
		var all []rule
		for _, e := range v.entries {
			all = append(all, r.action(e)...)
		}
		return all
	}
	return []rule{r.unread(v.line, "policy", "it is neither a rule nor a list of rules")}
}

func (r *reader) unread(line int, what, why string) rule {
	r.ledger.lose(line, what, why)
	return closed(line, what, why)
}

// action reads the operators of one action. Each makes a rule of its own, of which one is enough.
func (r *reader) action(e entry) []rule {
	a := action(e.key)
	if a != allow && a != deny {
		return []rule{r.unread(e.line, e.key, "the actions are allow and deny")}
	}
	if e.value.kind != mapping {
		return []rule{r.unread(e.line, e.key, "an action has one of the operators and, or, not and nor")}
	}
	var all []rule
	for _, o := range e.value.entries {
		if o.key == "action" {
			continue // Pomerium takes it and does nothing with it
		}
		if !slices.Contains([]string{"and", "or", "not", "nor"}, o.key) || o.value.kind != list {
			all = append(all, r.unread(o.line, e.key+" "+o.key, "the operators are and, or, not and nor, each with a list of criteria"))
			continue
		}
		if len(o.value.items) > 0 {
			all = append(all, r.operator(a, o))
		}
	}
	return all
}

// operator reads criteria. In Pomerium not is true where all of them are false, nor where at least one is.
func (r *reader) operator(a action, o entry) rule {
	whole := junction{all: o.key == "and" || o.key == "nor"}
	var names []string
	for _, item := range o.value.items {
		c, f := r.criterion(item)
		whole.parts = append(whole.parts, f)
		if !slices.Contains(names, c.name) {
			names = append(names, c.name)
		}
	}
	made := rule{action: a, line: o.line, name: naming(o.key, names), said: string(a) + " " + o.key, when: whole}
	if made.negative = o.key == "not" || o.key == "nor"; made.negative {
		made.when = reversed{whole}
	}
	if a == deny && len(untolds(whole)) > 0 {
		made.message = closedMessage
	}
	return made
}

// reversed is an operator that asks for criteria to be false.
type reversed struct{ of formula }

func (n reversed) personal() bool                         { return n.of.personal() }
func (n reversed) write(wanted bool, a action) expression { return n.of.write(!wanted, a) }

// naming says for people which criteria a rule has.
func naming(operator string, names []string) string {
	switch {
	case operator == "and":
		return strings.Join(names, " and ")
	case operator == "or":
		return strings.Join(names, " or ")
	case len(names) == 1:
		return "not " + names[0]
	case operator == "not":
		return "none of " + strings.Join(names, ", ")
	}
	return "not all of " + strings.Join(names, ", ")
}

// uniquely gives each rule a name of its own, of what a label can have.
func uniquely(rules []rule) []rule {
	taken := map[string]bool{}
	named := slices.Clone(rules)
	for i, r := range named {
		name := plainName(r.name)
		for n := 2; taken[name]; n++ {
			name = fmt.Sprintf("%s (%d)", plainName(r.name), n)
		}
		taken[name] = true
		named[i].name = name
	}
	return named
}

// plainName leaves out what a label would have to escape, and what nobody wants to read.
func plainName(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || strings.ContainsRune("\"\\$%{}", r) {
			return '-'
		}
		return r
	}, s)
	if len(s) > 64 {
		s = s[:61] + "..."
	}
	if s == "" {
		return "rule"
	}
	return s
}
