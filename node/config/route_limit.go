package config

import (
	"fmt"
	"time"
)

// RateLimit is how often one caller may ask for a route. The zero RateLimit is none.
type RateLimit struct {
	Rate  int64
	Per   time.Duration // that Rate is for
	Burst int64         // at once; at least 1
	Key   LimitKey
}

// LimitKey is by what a rate limit knows a caller.
type LimitKey uint8

// What a rate limit counts by.
const (
	LimitByUser    LimitKey = iota // whoever is signed in; by address who is not
	LimitByAddress                 // of IPv6 by its /64
)

// shortestLimit and longestLimit bound what a rate is for. Bursts are bounded by how long they take to come back.
const (
	shortestLimit = time.Millisecond
	longestLimit  = 24 * time.Hour
	longestBurst  = 7 * 24 * time.Hour
)

// rateLimit reads the block limit of a route; without one there is no limit.
func (b block) rateLimit() (r RateLimit) {
	l := b.child("limit")
	if l.absent {
		return RateLimit{}
	}
	r.Per = l.duration("per", time.Second, shortestLimit)
	switch l.choice("key", "user", "ip") {
	case "ip":
		r.Key = LimitByAddress
	}
	rate, written := l.count("rate", 0)
	if !l.has("rate") {
		l.without("rate", "how many requests may come in the time of per, such as 100")
	}
	if written && rate < 1 {
		l.fail(outOfRange, l.place("rate"), "rate is at least 1: how many requests may come in %s. To let nobody in, write a policy.", spanText(r.Per))
		written = false
	}
	burst, _ := l.count("burst", rate)
	if l.has("burst") && !l.wrong("burst") && burst < 1 {
		l.fail(outOfRange, l.place("burst"), "burst is at least 1: how many requests may come at once.")
		burst = max(rate, 1)
	}
	if !written {
		return RateLimit{}
	}
	if r.Per > longestLimit {
		l.fail(outOfRange, l.place("per"), "per is at most %s.", spanText(longestLimit))
		return RateLimit{}
	}
	if most := int64(r.Per) / 1000; int64(rate) > most { // below a microsecond nobody can tell
		l.fail(outOfRange, l.place("rate"), "rate is at most %d in %s.", most, spanText(r.Per))
		return RateLimit{}
	}
	r.Rate, r.Burst = int64(rate), int64(burst)
	if back := r.Per / time.Duration(rate); r.Burst > int64(longestBurst/back) {
		l.fail(outOfRange, l.place("burst"), "%s", fmt.Sprintf("A burst of %d takes longer than a week to come back. Write %d at most.", burst, int64(longestBurst/back)))
		return RateLimit{}
	}
	return r
}
