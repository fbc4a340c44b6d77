package upstream

import (
	"math"
	"sync/atomic"
	"time"
)

// Member is one application of a route, and what is known of it there. It outlives configurations.
type Member struct {
	Endpoint Endpoint

	seed     uint64       // of its place in hashes
	underWay atomic.Int64 // requests; counted where something depends on it
	wrong    atomic.Int32 // errors in a row
	since    atomic.Int64 // of the first of them, by the clock
	out      atomic.Int64 // when it is let in again, by the clock; 0, or past: it is in
	thrown   atomic.Int32 // how often it was ejected of late
}

// isOut tells whether a member is left alone.
func (m *Member) isOut(now int64) bool { return m.out.Load() > now }

// well forgets errors: the next ones are the first.
func (m *Member) well() {
	if m.wrong.Load() != 0 {
		m.wrong.Store(0)
	}
}

// fail counts an error, and tells whether there were enough of them in a row within the window.
func (m *Member) fail(now int64, enough int, window time.Duration) bool {
	if m.wrong.Load() == 0 || now-m.since.Load() > int64(window) {
		m.since.Store(now)
		m.wrong.Store(0)
	}
	return m.wrong.Add(1) >= int32(min(enough, math.MaxInt32))
}

// longestEject is how many times the first span a member is left alone at most.
const longestEject = 10

// eject leaves a member alone for a span that grows with each time; it shrinks again while nothing happens. It gives the
// span.
func (m *Member) eject(now int64, span time.Duration) time.Duration {
	times := int64(m.thrown.Load())
	if back := m.out.Load(); back > 0 && times > 0 {
		times = max(times-(now-back)/int64(span), 0)
	}
	times = min(times+1, longestEject)
	m.thrown.Store(int32(times))
	m.wrong.Store(0)
	span *= time.Duration(times)
	m.out.Store(now + int64(span))
	return span
}
