package authn

import (
	"math/rand/v2"
	"time"
)

// How a provider that fails is left alone.
const (
	breakAfter = 3                // failures in a row
	restLeast  = time.Second      // then twice as long each time
	restMost   = 30 * time.Second // but no longer, unless it asks for more
	restAsked  = 2 * time.Minute  // what it may ask for (Retry-After)
)

// Circuit is whether an identity provider is asked for what can wait. The zero Circuit is that it is.
type Circuit uint8

// The circuits.
const (
	Closed   Circuit = iota // it is
	HalfOpen                // it has rested: one refresh tries it
	Open                    // it failed time and again, and rests
)

// String is "closed", "half_open" or "open".
func (c Circuit) String() string {
	switch c {
	case HalfOpen:
		return "half_open"
	case Open:
		return "open"
	}
	return "closed"
}

// breaker leaves a provider alone that failed several times in a row, longer each time, and then lets one try before all
// do. The zero breaker is closed.
type breaker struct {
	failures int           // in a row
	rest     time.Duration // how long it was left alone last
	until    time.Time     // zero: it is not left alone
	probes   uint64        // counts the tries of a half-open circuit
	probing  bool          // one is under way
}

func (b *breaker) circuit(now time.Time) Circuit {
	switch {
	case b.until.IsZero():
		return Closed
	case now.Before(b.until):
		return Open
	}
	return HalfOpen
}

// failed counts a failure after which the provider is left alone for at least so long; 0: it did not ask for that. What
// was begun before the circuit opened and fails after says nothing new.
func (b *breaker) failed(now time.Time, atLeast time.Duration) {
	b.failures++
	b.probing = false
	if b.circuit(now) != Open && (b.failures >= breakAfter || atLeast > 0) {
		b.rest = min(max(2*b.rest, restLeast), restMost)
		b.until = now.Add(b.rest * time.Duration(100-jitter(30)) / 100)
	}
	if asked := now.Add(min(atLeast, restAsked)); atLeast > 0 && asked.After(b.until) {
		b.until = asked
	}
}

// enter tells whether the provider may be asked now, and the number of the probe if that is one, else 0.
func (b *breaker) enter(now time.Time) (probe uint64, ok bool) {
	switch b.circuit(now) {
	case Open:
		return 0, false
	case HalfOpen:
		if b.probing {
			return 0, false
		}
		b.probing = true
		b.probes++
		return b.probes, true
	}
	return 0, true
}

// leave ends a probe that came to nothing: the next one may try.
func (b *breaker) leave(probe uint64) {
	if probe != 0 && probe == b.probes {
		b.probing = false
	}
}

// succeeded closes the circuit.
func (b *breaker) succeeded() { *b = breaker{probes: b.probes} }

// backOff is how long after so many failures in a row one session's refresh is left alone.
func backOff(failures int64) time.Duration {
	wait := min(time.Second<<min(failures-1, 10), retryAfter)
	return wait * time.Duration(100-jitter(30)) / 100
}

// jitter is a random number below n: what many do should not be done by all at once.
func jitter(n int) int { return rand.IntN(n) }
