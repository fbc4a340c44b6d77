//go:build bench

package bench

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// row is one number of the table.
type row struct {
	what     string
	measured float64
	unit     unit
	baseline float64 // in the same unit; zero: there is none
	of       string  // what the baseline is
	reach    goal
}

// goal is the most that a number may be. The zero goal is none.
type goal struct {
	most  float64
	times bool // the baseline, rather than in the unit of the number
	set   bool
}

// atMost is a goal in the unit of the number.
func atMost(most float64) goal { return goal{most: most, set: true} }

// timesBaseline is a goal for the ratio.
func timesBaseline(most float64) goal { return goal{most: most, times: true, set: true} }

func (r row) ratio() float64 { return r.measured / r.baseline }

// reached is yes, no, or nothing when there is no goal.
func (r row) reached() string {
	value := r.measured
	if r.reach.times {
		value = r.ratio()
	}
	switch {
	case !r.reach.set:
		return ""
	case value <= r.reach.most: // false for NaN, too
		return "yes"
	}
	return "no"
}

// cells are the row as it is printed.
func (r row) cells() []string {
	c := []string{r.what, r.unit(r.measured), "", "", "", r.reached()}
	if r.baseline != 0 {
		c[2] = r.unit(r.baseline) + " " + r.of
		c[3] = times(r.ratio())
	}
	switch {
	case !r.reach.set:
	case r.reach.times:
		c[4] = "≤ " + times(r.reach.most)
	default:
		c[4] = "≤ " + r.unit(r.reach.most)
	}
	return c
}

// write prints the rows beneath a heading, aligned: text to the left, numbers to the right.
func write(w io.Writer, rows []row) {
	lines := [][]string{{"what", "measured", "baseline", "ratio", "to reach", "reached"}}
	for _, r := range rows {
		lines = append(lines, r.cells())
	}
	writeAligned(w, lines, func(column int) bool { return column == 0 || column == 2 || column == 5 })
}

// writeAligned prints lines, the first of which is the heading. leftward tells which columns are text.
func writeAligned(w io.Writer, lines [][]string, leftward func(column int) bool) {
	widths := make([]int, len(lines[0]))
	for _, line := range lines {
		for i, cell := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for n, line := range lines {
		fmt.Fprintln(w, strings.TrimRight(align(line, widths, leftward), " "))
		if n == 0 {
			fmt.Fprintln(w, strings.Repeat("─", utf8.RuneCountInString(align(line, widths, leftward))))
		}
	}
}

func align(line []string, widths []int, leftward func(column int) bool) string {
	var out strings.Builder
	for i, cell := range line {
		gap := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
		if leftward(i) {
			out.WriteString(cell + gap)
		} else {
			out.WriteString(gap + cell)
		}
		out.WriteString("  ")
	}
	return out.String()
}
