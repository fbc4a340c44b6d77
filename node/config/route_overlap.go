package config

import (
	"slices"
)

// Two expressions may be for the same paths. Which of their routes goes first is defined, and seldom what anybody thought
// of: it is told, with such a path.

// pattern is an expression of a route.
type pattern struct {
	route   block
	methods []string
	place
}

// patternsOf are the expressions of a route.
func patternsOf(b block, r Route, places []place) []pattern {
	var all []pattern
	for _, p := range places {
		if p.Kind == PatternPath {
			all = append(all, pattern{b, r.Methods, p})
		}
	}
	return all
}

// maxPairs bounds how many expressions of one host are held against each other; beyond that it is not told.
const maxPairs = 2000

// overlaps warns of expressions of different routes of one host that take the same path, and name as many segments.
func overlaps(patterns map[Origin][]pattern) {
	for _, all := range patterns {
		pairs := 0
		for i, one := range all {
			for _, other := range all[:i] {
				if one.route.name == other.route.name || one.Text == other.Text || segments(one.Below) != segments(other.Below) || !meet(one.methods, other.methods) {
					continue
				}
				if pairs++; pairs <= maxPairs {
					one.overlap(other)
				}
			}
		}
	}
}

// overlap warns when both take some path, for the one that goes behind.
func (p pattern) overlap(other pattern) {
	path, some := common(anyPath(), p.Pattern, other.Pattern)
	if !some || !below(p.Below, path) || !below(other.Below, path) {
		return
	}
	if p.Before(other.Path) < 0 {
		p, other = other, p
	}
	p.route.warn(pathsOverlap, p.at, "%s is for such as %s too, by %s at %s, and goes first: its expression is the longer, "+
		"or the first in the alphabet.", other.route, path, other.Path, spot(other.at))
}

// meet tells whether two lists of methods have one in common; the empty list has all.
func meet(one, other []string) bool {
	return len(one) == 0 || len(other) == 0 || slices.ContainsFunc(one, func(m string) bool { return slices.Contains(other, m) })
}
