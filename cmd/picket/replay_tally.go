package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"picket/policy"
)

// record is a decision as it was recorded.
type record struct {
	At       time.Time       `json:"at"`
	Route    string          `json:"route"`
	Decision policy.Decision `json:"decision"`
	Input    json.RawMessage `json:"input"`
}

// tally is what one core has counted.
type tally struct {
	*replay
	decisions, same, unreadable int
	bad                         mistake   // the first that could not be read
	first, last                 time.Time // of the decisions
	changes                     map[changeKey]*changed
	headers, blocks             []string // what policies read of, and no record has
}

// mistake is what is wrong with a line.
type mistake struct {
	line int // 0: nothing is
	err  error
}

func newTally(r *replay) *tally {
	return &tally{replay: r, changes: map[changeKey]*changed{}, headers: r.set.Headers(), blocks: slices.Clone(r.blocks)}
}

// changeKey is what changes are grouped by.
type changeKey struct {
	user, route   string
	before, after ruling
}

// ruling is a decision without what is the same for all that are decided so.
type ruling struct {
	outcome      policy.Outcome
	policy, rule string
}

func rulingOf(d policy.Decision) ruling { return ruling{d.Outcome, d.Policy, d.Rule} }

// changed is a group of requests that would be decided otherwise.
type changed struct {
	User    string          `json:"user"` // email address, else id; of machines the subject or name; "": nobody
	Route   string          `json:"route"`
	Gone    bool            `json:"gone,omitempty"` // the route is no more
	Before  policy.Decision `json:"before"`
	After   policy.Decision `json:"after"`
	Times   int             `json:"times"`
	First   time.Time       `json:"first"`
	Last    time.Time       `json:"last"`
	Example json.RawMessage `json:"example"` // the record of the first

	line  int    // of the example
	shown string // the request of the example, for people
}

// take decides the records of a piece.
func (t *tally) take(p piece) {
	number := p.first - 1
	for line := range bytes.Lines(p.text) {
		number++
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		if err := t.record(number, line); err != nil {
			t.unreadable++
			t.bad = t.bad.or(mistake{number, err})
		}
	}
}

// or is the mistake of the earlier line.
func (m mistake) or(other mistake) mistake {
	if m.line == 0 || other.line != 0 && other.line < m.line {
		return other
	}
	return m
}

func (m mistake) Error() string { return fmt.Sprintf("line %d: %v", m.line, m.err) }

func (t *tally) record(number int, line []byte) error {
	var was record
	if err := json.Unmarshal(line, &was); err != nil {
		return err
	}
	if was.Route == "" || was.Input == nil {
		return errors.New("it is no recorded decision: it has no route, or no input")
	}
	if was.At.Before(t.since) {
		return nil
	}
	in, err := policy.ParseInput(was.Input)
	if err != nil {
		return err
	}
	if in.Now.IsZero() {
		in.Now = was.At
	}
	t.decisions++
	t.span(was.At, was.At)
	t.see(in)
	is, gone := t.decide(was.Route, in)
	if policy.Compare(was.Decision, is) == policy.Same {
		t.same++
		return nil
	}
	t.change(&changed{User: who(in), Route: was.Route, Gone: gone, Before: was.Decision, After: is,
		Times: 1, First: was.At, Last: was.At, Example: line, line: number}, in)
	return nil
}

// change counts a request that would be decided otherwise. What it keeps of the line, it copies.
func (t *tally) change(c *changed, in *policy.Input) {
	key := changeKey{c.User, c.Route, rulingOf(c.Before), rulingOf(c.After)}
	if known := t.changes[key]; known != nil {
		known.add(c)
		return
	}
	c.Example, c.shown = bytes.Clone(c.Example), requestOf(in)
	t.changes[key] = c
}

// add counts what another group of the same key has. The example is the first that was recorded.
func (c *changed) add(other *changed) {
	c.Times += other.Times
	c.First, c.Last = earlier(c.First, other.First), later(c.Last, other.Last)
	if other.line < c.line {
		c.Example, c.shown, c.line = other.Example, other.shown, other.line
	}
}

// add counts what another core has counted.
func (t *tally) add(other *tally) {
	t.decisions += other.decisions
	t.same += other.same
	t.unreadable += other.unreadable
	t.bad = t.bad.or(other.bad)
	t.span(other.first, other.last)
	t.headers = both(t.headers, other.headers)
	t.blocks = both(t.blocks, other.blocks)
	for key, c := range other.changes {
		if known := t.changes[key]; known != nil {
			known.add(c)
		} else {
			t.changes[key] = c
		}
	}
}

func (t *tally) span(first, last time.Time) {
	t.first, t.last = earlier(t.first, first), later(t.last, last)
}

// see notes which headers and data the records have.
func (t *tally) see(in *policy.Input) {
	if header := in.Request.Header; header != nil && len(t.headers) > 0 {
		t.headers = slices.DeleteFunc(t.headers, func(name string) bool { _, sent := header.Field(name); return sent })
	}
	if len(t.blocks) > 0 {
		t.blocks = slices.DeleteFunc(t.blocks, func(name string) bool { return in.Data.Block(name) != nil })
	}
}

// both are the names that both lists have.
func both(a, b []string) []string {
	return slices.DeleteFunc(a, func(name string) bool { return !slices.Contains(b, name) })
}

// earlier is the earlier of two instants; the zero time is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// who is the one who asks, as people call them; "" is nobody.
func who(in *policy.Input) string {
	return cmp.Or(in.User.Email, in.User.ID, in.Workload.Subject, in.Service.Name, in.Service.ID, in.Certificate.Subject)
}

// requestOf is a request in a few words.
func requestOf(in *policy.Input) string {
	r := in.Request
	out := cmp.Or(r.Method, "?") + " " + r.Host + r.Path
	if r.IP.IsValid() {
		out += " from " + r.IP.String()
	}
	return out
}
