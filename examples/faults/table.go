package faults

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// row is what happened from the beginning of a fault until nothing was left of it.
type row struct {
	fault       string
	requests    int
	admitted    int
	unavailable int // 503s
	unanswered  int
	signIns     int // acknowledged
	revocations int // acknowledged, locks included
	outlived    []time.Duration
	stall       time.Duration // the longest time without an acknowledged write
	back        time.Duration // from the end of the fault until every node was well again
	violations  int
}

// measure counts what began within a span of a record.
func measure(r record, from, to time.Duration) row {
	var m row
	var acknowledged []time.Duration
	for _, e := range r.events {
		if e.began < from || e.began > to {
			continue
		}
		switch {
		case e.kind == ask:
			m.asked(e.outcome)
		case e.outcome == done && e.kind == signIn:
			m.signIns++
		case e.outcome == done && e.kind != unlock:
			m.revocations++
		}
		if e.outcome == done {
			acknowledged = append(acknowledged, e.ended)
		}
	}
	m.outlived = outlived(r, from, to)
	m.stall = longestGap(acknowledged, from, to)
	return m
}

func (m *row) asked(o outcome) {
	m.requests++
	switch o {
	case admitted:
		m.admitted++
	case unavailable:
		m.unavailable++
	case unanswered:
		m.unanswered++
	}
}

// outlived is, for every acknowledged revocation in a span, how long after the acknowledgement the last request began that
// some node still admitted, with a session that was there when the revocation began. Sorted.
func outlived(r record, from, to time.Duration) []time.Duration {
	last, sessions := map[string]time.Duration{}, map[string][]event{} // sign-ins by person
	for _, e := range r.events {
		switch {
		case e.kind == ask && e.outcome == admitted:
			last[e.session] = max(last[e.session], e.began)
		case e.kind == signIn && e.outcome == done:
			sessions[e.person] = append(sessions[e.person], e)
		}
	}
	var all []time.Duration
	for _, e := range r.events {
		if e.outcome != done || e.kind != revokeSession && e.kind != revokeUser || e.began < from || e.began > to {
			continue
		}
		longest := time.Duration(0)
		for _, s := range sessions[e.person] {
			if s.ended <= e.began && (e.session == "" || e.session == s.session) {
				longest = max(longest, last[s.session]-e.ended)
			}
		}
		all = append(all, longest)
	}
	slices.Sort(all)
	return all
}

// longestGap is the longest part of a span in which nothing of a list happened.
func longestGap(at []time.Duration, from, to time.Duration) time.Duration {
	slices.Sort(at)
	gap, last := time.Duration(0), from
	for _, t := range append(at, to) {
		gap, last = max(gap, min(t, to)-last), t
	}
	return gap
}

// share is the value below which a part of a sorted list lies; zero of an empty one.
func share(sorted []time.Duration, part float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, int(part*float64(len(sorted))))]
}

// printTable writes a line for every fault.
func printTable(w io.Writer, rows []row) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\trequests\tadmitted\t503\tno answer\tsign-ins\trevoked\toutlived p50\tp99\tmax\twrite stall\tback after\tverdict\t")
	for _, m := range rows {
		verdict := "PASS"
		if m.violations > 0 {
			verdict = fmt.Sprintf("FAIL (%d)", m.violations)
		}
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t\n", m.fault, m.requests, m.admitted, m.unavailable, m.unanswered,
			m.signIns, m.revocations, ms(share(m.outlived, 0.5)), ms(share(m.outlived, 0.99)), ms(share(m.outlived, 1)), seconds(m.stall), seconds(m.back), verdict)
	}
	return t.Flush()
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond)) }

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
