package http3

import (
	"sync"
	"time"
)

// rate is how often something may happen: most times at once, and each times a second in the long run. The zero rate is never.
type rate struct {
	most, each float64

	mu    sync.Mutex
	taken float64   // guarded by mu
	at    time.Time // guarded by mu
}

// take counts n more, and tells whether they were not too many. Fewer than none are given back.
func (r *rate) take(now time.Time, n int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.at.IsZero() {
		r.taken = max(0, r.taken-now.Sub(r.at).Seconds()*r.each)
	}
	r.at = now
	if n > 0 && r.taken+float64(n) > r.most {
		return false
	}
	r.taken = max(0, r.taken+float64(n))
	return true
}
