package config

import (
	"encoding/binary"
	"regexp"
	"regexp/syntax"
	"slices"
	"unicode"
)

// maxSteps bounds the search for a text that expressions have in common.
const maxSteps = 4000

// common finds a text of visible ASCII that all expressions match, a shortest one; ok is false when there is none, or none
// was found in maxSteps. The expressions run side by side, as automata (Thompson's), each at a set of places.
func common(expressions ...*regexp.Regexp) (text string, ok bool) {
	var s search
	for _, e := range expressions {
		tree, err := syntax.Parse(e.String(), syntax.Perl)
		if err != nil {
			return "", false
		}
		machine, err := syntax.Compile(tree.Simplify())
		if err != nil {
			return "", false
		}
		s.machines = append(s.machines, machine)
	}
	open, seen, bytes := []standing{s.start()}, map[string]bool{}, s.bytes()
	for steps := 0; len(open) > 0 && steps < maxSteps; steps++ {
		at := open[0]
		open = open[1:]
		matches := func(e *regexp.Regexp) bool { return e.MatchString(at.text) }
		if !slices.ContainsFunc(expressions, func(e *regexp.Regexp) bool { return !matches(e) }) {
			return at.text, true
		}
		for _, c := range bytes {
			next, ok := s.step(at, c)
			if ok && !seen[next.key()] {
				seen[next.key()] = true
				open = append(open, next)
			}
		}
	}
	return "", false
}

// search are the machines that run side by side.
type search struct{ machines []*syntax.Prog }

// standing is where the machines are after a text.
type standing struct {
	text   string
	places [][]uint32 // of each machine, sorted
}

// key is the same for those from which the same can follow.
func (s standing) key() string {
	var b []byte
	for _, places := range s.places {
		b = binary.AppendUvarint(b, uint64(len(places)))
		for _, p := range places {
			b = binary.AppendUvarint(b, uint64(p))
		}
	}
	return string(b)
}

func (s search) start() standing {
	var at standing
	for _, m := range s.machines {
		at.places = append(at.places, reach(m, nil, uint32(m.Start), true))
	}
	return at
}

// step takes one byte; ok is false when some machine cannot match whatever follows it.
func (s search) step(at standing, c byte) (next standing, ok bool) {
	next.text = at.text + string(rune(c))
	for i, m := range s.machines {
		var places []uint32
		for _, p := range at.places[i] {
			switch in := &m.Inst[p]; in.Op {
			case syntax.InstMatch: // whatever follows
				places = reach(m, places, p, false)
			case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
				if in.MatchRune(rune(c)) {
					places = reach(m, places, in.Out, false)
				}
			}
		}
		if len(places) == 0 {
			return next, false
		}
		slices.Sort(places)
		next.places = append(next.places, places)
	}
	return next, true
}

// reach adds the places that a machine gets to without taking a byte. Whether a word ends there is not asked: a text that is
// found is held against the expressions themselves.
func reach(m *syntax.Prog, places []uint32, p uint32, first bool) []uint32 {
	if slices.Contains(places, p) {
		return places
	}
	in := &m.Inst[p]
	switch in.Op {
	case syntax.InstFail:
		return places
	case syntax.InstEmptyWidth:
		if syntax.EmptyOp(in.Arg)&syntax.EmptyBeginText != 0 && !first {
			return places
		}
	}
	places = append(places, p)
	switch in.Op {
	case syntax.InstAlt, syntax.InstAltMatch:
		places = reach(m, places, in.Out, first)
		return reach(m, places, in.Arg, first)
	case syntax.InstCapture, syntax.InstNop:
		return reach(m, places, in.Out, first)
	case syntax.InstEmptyWidth:
		if syntax.EmptyOp(in.Arg)&syntax.EmptyEndText == 0 { // behind the end nothing follows
			return reach(m, places, in.Out, first)
		}
	}
	return places
}

// bytes are one of each kind of byte that the machines tell apart: letters and digits where there are such.
func (s search) bytes() []byte {
	const first, behind = '!', 0x7f
	edges := []rune{first, behind}
	for _, m := range s.machines {
		for i := range m.Inst {
			for _, r := range m.Inst[i].Rune {
				other := unicode.SimpleFold(r) // the same letter, small or in capitals
				edges = append(edges, r, r+1, other, other+1)
			}
		}
	}
	slices.Sort(edges)
	edges = slices.Compact(edges)
	var all []byte
	for i, from := range edges[:len(edges)-1] {
		if from < first || from >= behind {
			continue
		}
		all = append(all, plainest(byte(from), byte(min(edges[i+1], behind))))
	}
	return all
}

// plainest is a letter or digit between two bytes (the latter excluded), else the first of them.
func plainest(from, behind byte) byte {
	for c := from; c < behind; c++ {
		if 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' {
			return c
		}
	}
	return from
}
