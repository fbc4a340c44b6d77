package broker

import (
	"sync/atomic"
	"time"
)

const (
	// clockSlack is how far the wall clock may drift from the running one between two proofs before it counts as a jump.
	clockSlack = 2 * time.Second
	// anchorLife is how long a reading of the running clock is carried on by the cheap ones.
	anchorLife = 100 * time.Millisecond
	// anchorSlack is how far the cheap clocks may drift apart before they are no longer trusted to carry it on.
	anchorSlack = 5 * time.Millisecond
)

// instant is a moment on two clocks: a running one that nobody sets, and the wall clock, which may be set. Where they drift
// apart, neither can be believed.
//
// On Linux the running clock is CLOCK_BOOTTIME, which goes on while the machine is suspended. Elsewhere it is Go's
// monotonic one, which may stand still; the wall clock tells then.
//
// A process that is stopped (SIGSTOP) or starved has nothing to notice: both clocks went on. Neither sees a virtual machine
// whose hypervisor stopped all its clocks; on such a machine the hypervisor's agent sets the wall clock at waking, and that
// is a jump. Where nothing sets it, the first heartbeat after waking mends what is known, in milliseconds.
type instant struct {
	running time.Duration
	wall    time.Duration // since 1970
}

// clock gives instants. Reading CLOCK_BOOTTIME is a system call of a third of a microsecond, too much for each request: a
// reading of it is carried on for a tenth of a second by the process's own two clocks, while these agree. A suspension
// stops the one and not the other, and so is never carried over.
type clock struct {
	anchor atomic.Pointer[anchor] // nil: none yet
}

// anchor is one moment on all clocks.
type anchor struct {
	process time.Time // monotonic, and wall
	running time.Duration
}

// now is what the clocks say.
func (c *clock) now() instant { return c.at(time.Now()) }

// at is now for who has just read the process's clocks.
func (c *clock) at(now time.Time) instant {
	if a := c.anchor.Load(); a != nil {
		if running, ok := a.carry(now); ok {
			return instant{running: running, wall: time.Duration(now.UnixNano())}
		}
	}
	a := &anchor{process: now, running: running()} // read last: an age is rather too great than too small
	c.anchor.Store(a)
	return instant{running: a.running, wall: time.Duration(now.UnixNano())}
}

// carry gives the running clock at a later moment of the process's clocks; false when it must be read anew.
func (a *anchor) carry(now time.Time) (time.Duration, bool) {
	monotonic, wall := now.Sub(a.process), now.UnixNano()-a.process.UnixNano()
	if drift := time.Duration(wall) - monotonic; monotonic > anchorLife || drift > anchorSlack || drift < -anchorSlack {
		return 0, false
	}
	return a.running + monotonic, true
}
