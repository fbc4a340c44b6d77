package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"picket/policy"
)

// replayReport is what would change, as -o json prints it.
type replayReport struct {
	First      time.Time  `json:"first,omitzero"` // of the decisions
	Last       time.Time  `json:"last,omitzero"`
	Decisions  int        `json:"decisions"`
	Same       int        `json:"same"`
	Unreadable int        `json:"unreadable"`
	Loses      []*changed `json:"loses"`
	Gains      []*changed `json:"gains"`
	Notes      []string   `json:"notes"`
}

func (t *tally) report() *replayReport {
	r := &replayReport{
		First: t.first, Last: t.last, Decisions: t.decisions, Same: t.same, Unreadable: t.unreadable,
		Loses: []*changed{}, Gains: []*changed{}, Notes: t.notes(),
	}
	for _, c := range t.changes {
		if policy.Compare(c.Before, c.After) == policy.Loses {
			r.Loses = append(r.Loses, c)
		} else {
			r.Gains = append(r.Gains, c)
		}
	}
	slices.SortFunc(r.Loses, byUser)
	slices.SortFunc(r.Gains, byUser)
	return r
}

// byUser sorts by user, then by route, then the more frequent first.
func byUser(a, b *changed) int {
	return cmp.Or(strings.Compare(a.User, b.User), strings.Compare(a.Route, b.Route), b.Times-a.Times, a.line-b.line)
}

// notes are what keeps the answer from being the whole truth.
func (t *tally) notes() []string {
	notes := []string{}
	if t.unreadable > 0 {
		notes = append(notes, fmt.Sprintf("%s could not be read; the first is %v", count(t.unreadable, "record"), t.bad))
	}
	if t.decisions == 0 {
		return notes
	}
	for _, name := range t.headers {
		notes = append(notes, fmt.Sprintf("policies read the header %s, which stands in no record: it counts as not sent", name))
	}
	for _, name := range t.blocks {
		notes = append(notes, fmt.Sprintf("data.%s stands in no record: a rule that asks for it is unknown", name))
	}
	return notes
}

// write tells a person: what changes by route and rule, then for whom, then how much of all that is.
func (r *replayReport) write(w io.Writer, colour bool) error {
	p := &pages{w: w}
	p.changes(cell{"WOULD LOSE ACCESS", red}, r.Loses, colour)
	p.changes(cell{"WOULD GAIN ACCESS", green}, r.Gains, colour)
	for _, note := range r.Notes {
		p.line("%s", paint(cell{"note: " + printable(note), yellow}, colour))
	}
	if r.Decisions == 0 {
		p.line("There is no recorded decision.")
		return p.err
	}
	p.line("%s from %s to %s: %s would stay as they are", count(r.Decisions, "decision"), clock(r.First), clock(r.Last), thousands(r.Same))
	p.line("%s", paint(cell{summed(r.Loses) + " would lose access", red}.when(len(r.Loses) > 0), colour))
	p.line("%s", paint(cell{summed(r.Gains) + " would gain access", green}.when(len(r.Gains) > 0), colour))
	return p.err
}

// when is a cell that is coloured only then.
func (c cell) when(coloured bool) cell {
	if !coloured {
		c.colour = plain
	}
	return c
}

// summed is how many requests groups are about, and of how many users.
func summed(groups []*changed) string {
	if len(groups) == 0 {
		return "nobody"
	}
	times, users := 0, map[string]bool{}
	for _, g := range groups {
		times += g.Times
		users[g.User] = true
	}
	const signedOut = "people who are not signed in"
	whose := count(len(users), "user")
	if users[""] {
		whose = signedOut
		if others := len(users) - 1; others > 0 {
			whose = count(others, "user") + " and of " + signedOut
		}
	}
	return count(times, "request") + " of " + whose
}

// changes writes the groups of one kind, twice: by what changes, and by whom it is about.
func (p *pages) changes(heading cell, groups []*changed, colour bool) {
	if len(groups) == 0 || p.err != nil {
		return
	}
	p.line("%s\n", paint(heading, colour))
	list := table{headings: []string{"ROUTE", "BEFORE", "AFTER", "USERS", "REQUESTS"}}
	for _, c := range byRule(groups) {
		list.add(cell{c.route, bold}, text(said(c.before)), text(c.after), text(thousands(c.users)), text(thousands(c.requests)))
	}
	list.print(p.w, colour)
	user := ""
	for i, g := range groups {
		if i == 0 || g.User != user {
			user = g.User
			p.line("\n%s", paint(cell{printable(orNobody(user)), bold}, colour))
		}
		p.line("  %s  %s, %s → %s", printable(g.Route), count(g.Times, "request"), printable(said(g.Before)), printable(g.after()))
		p.line("    %s", paint(cell{printable(g.shown) + ", " + clock(g.First), faint}, colour))
	}
	p.line("")
}

func orNobody(user string) string {
	if user == "" {
		return "(nobody is signed in)"
	}
	return user
}

// after says what would be decided.
func (c *changed) after() string {
	if c.Gone {
		return "deny, as the route is gone"
	}
	return said(c.After)
}

// ruleChange is a change of all users together.
type ruleChange struct {
	route           string
	before          policy.Decision
	after           string
	users, requests int // those without a user are no users
}

// byRule sums groups up over users, the most requests first.
func byRule(groups []*changed) []*ruleChange {
	sums := map[changeKey]*ruleChange{}
	var all []*ruleChange
	for _, g := range groups {
		key := changeKey{route: g.Route, before: rulingOf(g.Before), after: rulingOf(g.After)}
		sum := sums[key]
		if sum == nil {
			sum = &ruleChange{route: g.Route, before: g.Before, after: g.after()}
			sums[key] = sum
			all = append(all, sum)
		}
		if g.User != "" {
			sum.users++
		}
		sum.requests += g.Times
	}
	slices.SortStableFunc(all, func(a, b *ruleChange) int {
		return cmp.Or(b.requests-a.requests, strings.Compare(a.route, b.route))
	})
	return all
}
