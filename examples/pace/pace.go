// Package pace tells tests of promises about time how slow the machine is just now.
//
// That a session that is revoked is refused within a second is promised of a machine that has time for it. Tests run on all
// kinds, beside others: there a process that has something to do waits for its turn, and what is promised takes many turns.
// So a test measures how long one takes while it waits, and grants what is promised and that many more.
package pace

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	every = 2 * time.Millisecond
	// turns is how many turns of processes, one after the other, lie between what is done and what is to be seen: through the
	// store's quorum, to a node, to a client.
	turns = 25
)

// Pace measures from its start until it is stopped, or the test ends.
type Pace struct {
	worst atomic.Int64
	stop  func()
}

// Start begins to measure.
func Start(t testing.TB) *Pace {
	done := make(chan struct{})
	p := &Pace{stop: sync.OnceFunc(func() { close(done) })}
	t.Cleanup(p.stop)
	go func() {
		for {
			asked := time.Now()
			select {
			case <-done:
				return
			case <-time.After(every):
			}
			p.worst.Store(max(p.worst.Load(), int64(time.Since(asked)-every)))
		}
	}()
	return p
}

// Stop ends the measurement.
func (p *Pace) Stop() { p.stop() }

// Within is how long what is promised within a time may take here.
func (p *Pace) Within(promised time.Duration) time.Duration {
	return promised + turns*time.Duration(p.worst.Load())
}
