//go:build bench

package bench

import (
	"fmt"
	"io"
	"testing"
	"time"
)

// contender is a peer in one cell, and what each round showed.
type contender struct {
	cell
	peer    string
	doorway doorway

	cost, rate, p50, p99 []float64 // of the rounds; seconds, but for the rate
}

func newContender(p *peer, c cell) *contender {
	d := p.plain
	if c.safe {
		d = p.safe
	}
	return &contender{cell: c, peer: p.name, doorway: d}
}

// ask loads it once.
func (c *contender) ask(t *testing.T, during time.Duration) load {
	t.Helper()
	if c.h2 {
		return h2load(t, c.doorway, c.path, c.size, during)
	}
	scheme := "http"
	if c.safe {
		scheme = "https"
	}
	// By a name, so that TLS names a host, and one that every resolver knows.
	address := scheme + "://localhost:" + portOf(c.doorway.address) + c.doorway.base + c.path
	headers := []string{"Host: " + c.doorway.authority()}
	if c.doorway.cookie != "" {
		headers = append(headers, "Cookie: "+c.doorway.cookie)
	}
	return wrk(t, address, headers, c.size, during)
}

// round loads it once and takes down what it took.
func (c *contender) round(t *testing.T, during time.Duration) string {
	before := c.doorway.cpu()
	l := c.ask(t, during)
	cost := (c.doorway.cpu() - before).Seconds() / float64(l.Requests)
	c.cost, c.rate = append(c.cost, cost), append(c.rate, l.rate())
	c.p50, c.p99 = append(c.p50, float64(l.P50)/1e6), append(c.p99, float64(l.P99)/1e6)
	return fmt.Sprintf("\n  %-28s %-18s %9s  %s", c.what, c.peer, duration(cost), rate(l.rate()))
}

// print writes the tables.
func (s *door) print(w io.Writer) {
	lines := [][]string{{"requests", "through", "CPU each", "× nginx", "to reach", "reached", "rate", "p50", "p99"}}
	for _, c := range s.contenders {
		lines = append(lines, c.cells(s.baseline(c)))
	}
	if len(s.contenders) > 0 {
		writeAligned(w, lines, func(column int) bool { return column < 2 || column == 5 })
		fmt.Fprintln(w)
	}
	if len(s.rows) > 0 {
		write(w, s.rows)
	}
}

// baseline is nginx in the same cell, or nil.
func (s *door) baseline(of *contender) *contender {
	for _, c := range s.contenders {
		if c.peer == peerNginx && c.cell == of.cell {
			return c
		}
	}
	return nil
}

// cells are its line of the table.
func (c *contender) cells(nginx *contender) []string {
	ratio, reach, reached := "", "", ""
	if nginx != nil && nginx != c {
		r := row{measured: median(quotients(c.cost, nginx.cost)), baseline: 1}
		if c.peer == peerProtected {
			r.reach = timesBaseline(c.most)
			reach = "≤ " + times(c.most)
		}
		ratio, reached = times(r.ratio()), r.reached()
	}
	return []string{c.what, c.peer, duration(median(c.cost)), ratio, reach, reached, rate(median(c.rate)), duration(median(c.p50)), duration(median(c.p99))}
}
