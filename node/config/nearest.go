package config

import (
	"fmt"
	"strings"
)

// suggest is " Did you mean …?" with the nearest known name, or nothing when none is near.
func suggest(given string, known []string) string {
	if near := nearest(given, known); near != "" {
		return fmt.Sprintf(" Did you mean %q?", near)
	}
	return ""
}

// nearest is the known name that the fewest slips of a finger turn into given; "" when it would take too many.
func nearest(given string, known []string) string {
	if given == "" {
		return ""
	}
	best, least := "", 1+(len(given)-1)/4
	for _, name := range known {
		if n := distance(strings.ToLower(given), name); n <= least {
			best, least = name, n-1
		}
	}
	return best
}

// distance counts the insertions, deletions, substitutions and swaps of neighbours between two names
// (Damerau-Levenshtein, optimal string alignment).
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// list is names as a sentence has them: "a, b and c", each in quotes.
func list(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = fmt.Sprintf("%q", name)
	}
	if len(quoted) < 2 {
		return strings.Join(quoted, "")
	}
	last := len(quoted) - 1
	return strings.Join(quoted[:last], ", ") + " and " + quoted[last]
}

// sentence is an error as a sentence of its own.
func sentence(err error) string {
	s := err.Error()
	return strings.ToUpper(s[:1]) + s[1:] + "."
}
