package proxy

import (
	"time"

	"picket/node/proxy/http1"
)

// silence is a time in which nothing came from either side of a request, as the sweep has seen it.
type silence struct {
	since int64  // Unix ns; 0: none was long
	acked uint64 // when half of what is allowed was over
}

// endIdle ends those of which nothing came from either side for too long: about a second later than their routes say.
func (d *Door) endIdle(all []*stream, now time.Time) {
	for _, s := range all {
		if s.patience > 0 && s.isIdle(now.UnixNano()) {
			s.end(errIdle)
		}
	}
}

// isIdle tells whether nothing came for too long. One side may be slow to take what the kernel holds for it, which is megabytes, and
// all that comes from the other waits for that: it is asked halfway, and in the end, how much was taken.
func (s *stream) isIdle(now int64) bool {
	since, most := s.lastAlive(), int64(s.patient()+sweepEvery)
	switch {
	case now-since <= most/2:
		return false
	case s.silence.since != since:
		s.silence = silence{since, s.acked()}
		return false
	case now-since <= most:
		return false
	case s.acked() < s.silence.acked+http1.EnoughAcked:
		return true
	}
	s.noteAlive(now)
	return false
}

// acked is how many bytes client and application have acknowledged, as far as can be told: of what has a connection of its own.
func (s *stream) acked() uint64 {
	n := s.ask.r.Life.Acked()
	if c, ok := s.ask.w.Client.(interface{ Acked() uint64 }); ok {
		n += c.Acked()
	}
	return n
}
