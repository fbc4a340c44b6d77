package pomerium

import (
	"cmp"
	"slices"
)

// ledger counts what is carried over and what is not. What is said twice, because one policy is used by several
// routes, counts once.
type ledger struct {
	notes   []Note
	carried map[place]bool
	missing map[place]bool
}

// place is a setting in the source.
type place struct {
	line int
	what string
}

// keep counts something as carried over.
func (l *ledger) keep(line int, what string) {
	if l.carried == nil {
		l.carried = make(map[place]bool)
	}
	l.carried[place{line, what}] = true
}

// lose counts something as not carried over, and says why.
func (l *ledger) lose(line int, what, why string) {
	if l.missing == nil {
		l.missing = make(map[place]bool)
	}
	l.missing[place{line, what}] = true
	l.note(Note{Line: line, What: what, Why: why})
}

// tell says what is to be known of something that is carried over.
func (l *ledger) tell(line int, what, why string) {
	l.note(Note{Line: line, What: what, Why: why, Carried: true})
}

func (l *ledger) note(n Note) {
	n.What = oneLine(n.What)
	n.Why = oneLine(n.Why)
	if !slices.Contains(l.notes, n) {
		l.notes = append(l.notes, n)
	}
}

func (l *ledger) sorted() []Note {
	slices.SortStableFunc(l.notes, func(a, b Note) int { return cmp.Compare(a.Line, b.Line) })
	return l.notes
}
