package policy

import (
	"slices"
	"strings"
	"time"
)

// attribute is a name that expressions may ask for.
type attribute struct {
	name    string // "user.email"
	doc     string // what it is, for the reference
	example string // an expression that asks for it
	kind    kind
	run     any                       // as in node
	never   func(value string) string // for texts: why it can never be this value, "" when it can; nil: it can be all
}

// ofCaller tells whether it is the same for as long as User and Session are: what is written down of them is, and the domain that
// is taken from there. Of what is told nothing here it is not known, as of session.age, which the clock changes.
func (a *attribute) ofCaller() bool {
	root, name, _ := strings.Cut(a.name, ".")
	if root != "user" && root != "session" {
		return false
	}
	return a.name == "user.email_domain" || slices.ContainsFunc(sections(), func(s section) bool {
		return s.name == root && slices.ContainsFunc(s.facts, func(f fact) bool { return f.name == name })
	})
}

// attributes is the table of all of them. An attribute that is empty, or the zero time, is missing, and so unknown.
func attributes() []attribute {
	return slices.Concat(
		generalAttributes(), userAttributes(), sessionAttributes(), requestAttributes(), certificateAttributes(), machineAttributes(),
	)
}

func generalAttributes() []attribute {
	return []attribute{
		{"authenticated", "Whether somebody is signed in.", `authenticated`,
			boolean, eval[bool](func(f *frame) (bool, bool) { return f.in.Authenticated, true }), nil},
		{"now", "The instant of the decision.", `now < date("2030-01-01", "UTC")`,
			instant, timeOf(func(in *Input) time.Time { return in.Now }), nil},
	}
}

func timeOf(of func(*Input) time.Time) eval[time.Time] {
	return func(f *frame) (time.Time, bool) {
		value := of(f.in)
		return value, !value.IsZero()
	}
}

func listOf(of func(*Input) []string) eval[[]string] {
	return func(f *frame) ([]string, bool) {
		value := of(f.in)
		return value, value != nil
	}
}
