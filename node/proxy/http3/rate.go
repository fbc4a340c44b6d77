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

// take counts one more, and tells whether it was not too many.
func (r *rate) take(now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.at.IsZero() {
		r.taken = max(0, r.taken-now.Sub(r.at).Seconds()*r.each)
	}
	r.at = now
	if r.taken+1 > r.most {
		return false
	}
	r.taken++
	return true
}
