package http2

import "time"

// budget is what a client may spend: it is full at first, and fills again with time. The zero budget is empty.
type budget struct {
	most   float64
	rate   float64 // a second
	left   float64
	filled time.Time
}

func newBudget(most, rate float64) budget { return budget{most: most, rate: rate, left: most} }

// spend takes one away, and tells whether there was one.
func (b *budget) spend(now time.Time) bool {
	if !b.filled.IsZero() {
		b.earn(b.rate * now.Sub(b.filled).Seconds())
	}
	b.filled = now
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}

// earn gives some back.
func (b *budget) earn(some float64) { b.left = min(b.most, b.left+some) }
