package broker

import (
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

// follower is the protocol of freshness: what a node makes of what it hears of one bucket's stream. It is a state machine:
// it reads no clock, starts nothing and asks nobody, so that the model in the tests drives the very code that runs.
//
// Messages come at most once, so each must follow its predecessor by one: whatever was missed shows as a gap, at the latest
// with the next heartbeat, and a gap is closed by forgetting all that was known and reading anew.
//
// Freshness is proved: a heartbeat is written through the stream's quorum, and when all up to its sequence is applied,
// everything acknowledged before it was sent is. The proof is dated to the moment before sending.
//
// One goroutine drives it; floor, passed and proof may be read by any.
type follower struct {
	key   string       // of this node's heartbeats
	tell  func(change) // hands a change on; one with an empty key: anything may have changed
	whole func() bool  // false: something that was missed is still being read, and nothing is proved

	floor  atomic.Uint64           // sequence that a read must be at; raised before what is older is forgotten
	passed atomic.Uint64           // sequence up to which all is applied; 0: not begun
	proof  atomic.Pointer[instant] // when the last proved heartbeat was sent; nil: never

	beaten  uint64    // sequence of the last acknowledged heartbeat
	awaited beat      // acknowledged, and not proved yet; zero: none
	own     uint64    // sequence of the last of our heartbeats that was applied; 0: not known
	echoes  []uint64  // sequences of our heartbeats that were heard since, at most maxEchoes
	latest  time.Time // when the store took the latest message that was applied; zero: not known
}

// maxEchoes is far more heartbeats than a node writes, for itself and for what it lists, while one waits for its answer.
const maxEchoes = 1024

// change is one message of a bucket's stream as the feed hands it on. An empty key means: anything may have changed.
type change struct {
	key      string
	revision uint64
	removed  bool
	header   nats.Header
	data     []byte
}

// news is a message as the stream republished it.
type news struct {
	change
	previous uint64    // sequence of the message of the same key before it; 0: none
	taken    time.Time // when the store took it, on the clock of its leader then
}

// beat is a heartbeat that a quorum has acknowledged.
type beat struct {
	sequence uint64
	sent     instant // read before it was sent
}

// doubt is why knowledge was not proved fresh, or was given up.
type doubt struct{ label, text string }

func (d *doubt) Error() string { return d.text }

func missed() *doubt { return &doubt{"missed", "changes of the store were missed; reading anew"} }
func wentBack() *doubt {
	return &doubt{"went_back", "the store went back: it was made anew or restored, or lost what it had; reading anew"}
}
func unread() *doubt { return &doubt{"reading", "what was missed is still being read"} }

// begin takes the stream as it stands: what comes later will be heard.
func (f *follower) begin(last uint64, taken time.Time) {
	f.latest = taken
	f.floor.Store(last)
	f.passed.Store(max(last, 1))
}

// live tells whether the feed has begun: before, nothing may be cached.
func (f *follower) live() bool { return f.passed.Load() > 0 }

// hear takes a republished message. A doubt says that all that was known had to be forgotten.
func (f *follower) hear(n news) *doubt {
	passed := f.passed.Load()
	own := n.key == f.key
	switch {
	case n.revision <= passed && !f.latest.IsZero() && n.taken.After(f.latest):
		defer f.resume(n) // an old number on a new message: another stream is counting
		return f.restart(n.revision)
	case n.revision <= passed:
		return nil // again, or late
	case n.revision > passed+1:
		f.forget(n.revision)
		f.resume(n)
		return missed()
	case own && (f.own != 0 && n.previous != f.own || n.revision > f.beaten && n.previous < f.beaten):
		defer f.resume(n) // it follows a heartbeat that was not our last: part of the stream is another
		return f.restart(n.revision)
	}
	f.resume(n)
	if !strings.HasPrefix(n.key, heartbeatKey) {
		f.tell(n.change)
	}
	f.floor.Store(n.revision)
	f.passed.Store(n.revision)
	return nil
}

// resume goes on from a message.
func (f *follower) resume(n news) {
	if n.key == f.key {
		f.own = n.revision
		if len(f.echoes) == maxEchoes {
			f.echoes = slices.Delete(f.echoes, 0, maxEchoes/2)
		}
		f.echoes = append(f.echoes, n.revision)
	}
	if n.taken.After(f.latest) {
		f.latest = n.taken
	}
}

// acknowledged takes a heartbeat that a quorum has. A doubt says that it proves nothing. One whose sequence is passed
// already must have been heard: else it is another stream that gave it this number.
func (f *follower) acknowledged(b beat) *doubt {
	if unheard := b.sequence <= f.passed.Load() && !slices.Contains(f.echoes, b.sequence); unheard || b.sequence <= f.beaten {
		why := f.restart(b.sequence)
		f.own = b.sequence
		return why
	}
	var d *doubt
	if f.awaited.sequence != 0 && !f.owing() {
		d = unread() // the one before has come back and yet proved nothing
	}
	f.beaten, f.awaited = b.sequence, b
	f.echoes = slices.DeleteFunc(f.echoes, func(sequence uint64) bool { return sequence <= b.sequence })
	return d
}

// owing tells whether a heartbeat was acknowledged that has not come back.
func (f *follower) owing() bool { return f.awaited.sequence > f.passed.Load() }

// tire ends the waiting for a heartbeat that does not come back: what was missed is read anew.
func (f *follower) tire() *doubt {
	if !f.owing() {
		return nil
	}
	f.forget(f.awaited.sequence)
	f.own = f.awaited.sequence
	return missed()
}

// settle proves freshness if all up to an acknowledged heartbeat is applied.
func (f *follower) settle() (proved beat, ok bool) {
	if f.awaited.sequence == 0 || f.owing() || !f.whole() {
		return beat{}, false
	}
	proved, f.awaited = f.awaited, beat{}
	f.proof.Store(&proved.sent)
	return proved, true
}

// forget closes a gap: all that was known of the bucket is dropped, and read anew when it is asked for.
func (f *follower) forget(upTo uint64) {
	f.own, f.echoes, f.latest = 0, nil, time.Time{}
	f.floor.Store(upTo)
	f.tell(change{revision: upTo})
	f.passed.Store(upTo)
}

// restart is for a stream that does not go on from what it was. What it proved before was about another: it is void.
func (f *follower) restart(at uint64) *doubt {
	f.proof.Store(nil)
	f.beaten, f.awaited = 0, beat{}
	f.forget(at)
	return wentBack()
}

// age is how old this feed's knowledge may be.
func (f *follower) age(now instant) time.Duration {
	proof := f.proof.Load()
	if proof == nil {
		return never
	}
	age, wall := now.running-proof.running, now.wall-proof.wall
	if drift := wall - age; drift > clockSlack || drift < -clockSlack {
		return never
	}
	return max(age, wall) // a short suspension is time, too
}
