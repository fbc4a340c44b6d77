// Package pomerium reads a configuration of Pomerium, in YAML or JSON, and writes what it says in the language of picket.
//
// It promises that what it writes admits nobody whom Pomerium would not have admitted. What picket has is carried over
// with the same decisions: who is missing a claim, who is not signed in, and what an operator such as nor means are as
// Pomerium has them. What picket does not have stands in the output as a comment with the reason, and in the notes. A
// rule that cannot be carried whole does not become wider: of an allow rule the part that cannot be told counts as not
// fulfilled, of a deny rule as fulfilled.
//
// Secrets are never copied: in their place stands env() or file(). Whether the output can be run is left to
// `picket check`, and which of the two files to use to the reader.
package pomerium

import (
	"errors"
	"fmt"
)

// Result is a configuration of picket made of one of Pomerium.
type Result struct {
	HCL   []byte // formatted as `picket fmt` would
	Notes []Note // in the order of the source: what was not carried over, and what to look at

	Routes      int // that picket has now; those that stand in comments are not counted
	Policies    int
	CarriedOver int // settings and criteria that are in force in the output
	NotCarried  int // those that are comments
}

// Note is something that a person should read before the output is used.
type Note struct {
	Line    int    // of the source, from 1
	What    string // the setting or criterion, as Pomerium calls it
	Why     string // the reason, a sentence
	Carried bool   // it is in force in the output, and yet not quite the same; false: it is not in force
}

// String is the note on one line, without the name of the file.
func (n Note) String() string {
	if n.Carried {
		return fmt.Sprintf("line %d: %s: %s", n.Line, n.What, n.Why)
	}
	return fmt.Sprintf("line %d: %s was not carried over: %s", n.Line, n.What, n.Why)
}

// ErrNotPomerium is wrapped by the errors of Import: the text is not a configuration that Pomerium would read.
var ErrNotPomerium = errors.New("not a configuration of Pomerium")

// Import translates a configuration. The name is that of the file, for the comment at the top of the output. An error
// wraps ErrNotPomerium.
func Import(name string, src []byte) (*Result, error) {
	root, err := parse(src)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w: %w", name, ErrNotPomerium, err)
	}
	l := new(ledger)
	s := readSettings(root, l)
	routes := readRoutes(root, s, l)
	w := write(name, s, routes, l)
	hcl, err := w.bytes()
	if err != nil {
		return nil, fmt.Errorf("writing what %s says: %w", name, err)
	}
	return &Result{
		HCL: hcl, Notes: l.sorted(), Routes: w.routes, Policies: w.policies,
		CarriedOver: len(l.carried), NotCarried: len(l.missing),
	}, nil
}
