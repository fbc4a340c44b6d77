//go:build faults

package faults

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// healsWithin is when every node is well again after a fault has ended: generous, for it is about speed.
const healsWithin = 3 * time.Minute

// run is one cluster, its workload, and the rows of what was done to it.
type run struct {
	*cluster
	history *history
	work    *workload
	rows    []row
	told    map[violation]bool // those that were found after earlier faults
}

// incident is one fault, from the moment it is about to happen until nothing is left of it.
type incident struct {
	*run
	t    *testing.T
	name string
	ends []func() // of its excuses
	over time.Duration
}

// suffer has a fault happen to the cluster while the work goes on, waits until nothing is left of it, and judges. What
// happen leaves undone (nodes that are down, or frozen) is for it to undo before it returns.
func (r *run) suffer(t *testing.T, name string, happen func(*incident)) {
	t.Helper()
	i := &incident{run: r, t: t, name: name}
	from := r.history.now()
	for _, n := range r.nodes {
		n.log.note("fault: " + name)
	}
	i.explains(excuse{writes: true}) // whatever happens, there may be an election
	defer func() { r.judge(t, name, from, i.over) }()
	happen(i)
	i.over = r.history.now()
	r.well(t, healsWithin)
	for _, end := range i.ends {
		end()
	}
	r.work.goesOn(t)
	r.work.sweep()
}

// explains says which refusals this fault explains, until it is over.
func (i *incident) explains(x excuse) { i.ends = append(i.ends, i.history.excuse(x)) }

// blames excuses nodes that the fault is about from answering anything rightly at once, and the balancer, which may
// still lead to them.
func (i *incident) blames(nodes ...*node) {
	for _, n := range nodes {
		i.explains(excuse{target: n.name, asks: true, writes: true})
	}
	i.explains(excuse{target: balancer, asks: true, writes: true})
}

// lasts lets the fault be for a while.
func (i *incident) lasts(d time.Duration) {
	i.t.Helper()
	if !i.work.pause(d) {
		i.t.Fatal("the work has ended")
	}
}

// biting is how long a fault goes on when a node that it is about ought to have stopped admitting on what it knew.
const biting = 3 * time.Second

// outlasts lets the fault be until some session that was revoked during it, for which an election may be needed first,
// has been over for longer than the bound: only then can a node show that it goes on for too long.
func (i *incident) outlasts() {
	i.t.Helper()
	from := i.history.now()
	eventually(i.t, healsWithin, func() string {
		for _, e := range i.history.record().events {
			if e.kind == revokeSession && e.outcome == done && e.began > from {
				return ""
			}
		}
		return "nobody could revoke a session"
	})
	i.lasts(staleness + biting)
}

// judge adds the row of a fault, and fails with all that breaks a rule.
func (r *run) judge(t *testing.T, name string, from, over time.Duration) {
	t.Helper()
	record, to := r.history.record(), r.history.now()
	found := r.news(judge(record, rules{bound: staleness, strangers: map[string]bool{strangest: true}}))
	m := measure(record, from, to)
	m.fault, m.violations = name, len(found)
	if over > 0 {
		m.back = to - over
	}
	if t.Failed() {
		m.violations = max(m.violations, 1)
	}
	r.rows = append(r.rows, m)
	if len(found) > 0 {
		t.Errorf("%d violations:\n%s", len(found), tellAll(found))
	}
	if t.Failed() {
		r.tell(t)
	}
}

// news are the violations that have not been found before.
func (r *run) news(all []violation) (found []violation) {
	for _, v := range all {
		known := violation{rule: v.rule, event: v.event}
		if !r.told[known] {
			r.told[known] = true
			found = append(found, v)
		}
	}
	return found
}

func tellAll(found []violation) string {
	var b strings.Builder
	for i, v := range found {
		if i == 25 {
			fmt.Fprintf(&b, "    and %d more\n", len(found)-i)
			break
		}
		fmt.Fprintf(&b, "    %s\n", v)
	}
	return b.String()
}

// tell shows what the nodes said last.
func (r *run) tell(t *testing.T) {
	for _, n := range r.nodes {
		t.Logf("── %s said:\n%s", n.name, n.log.String())
	}
}

// report prints the table, the last thing of the run.
func (r *run) report(t *testing.T) {
	var b bytes.Buffer
	if err := printTable(&b, r.rows); err != nil {
		t.Error(err)
	}
	fmt.Fprintf(os.Stdout, "\n%s\n", b.String())
}
