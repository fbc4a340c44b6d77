package policy

import (
	"fmt"
	"strings"
)

// didYouMean is a sentence, with a space before it, that names the known name nearest to a wrong one; "" when none is near.
func didYouMean(wrong string, known []string) string {
	if name := nearest(wrong, known); name != "" {
		return fmt.Sprintf(" Did you mean %s?", name)
	}
	return ""
}

// nearest is the known name that takes the fewest edits, at most a third of the wrong name's length; "" when there is
// none. Case costs nothing. Of equally near ones it is the first.
func nearest(wrong string, known []string) string {
	best, name := max(1, len(wrong)/3)+1, ""
	for _, k := range known {
		if d := distance(strings.ToLower(wrong), strings.ToLower(k)); d < best {
			best, name = d, k
		}
	}
	return name
}

// distance is the number of bytes to insert, delete or replace to make b of a (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1) // of the part of a that was read: the distance to each part of b
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
