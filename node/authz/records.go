package authz

import (
	"fmt"
	"runtime/debug"
	"sync"

	"picket/policy"
)

// Records takes records of decisions to where they are kept, of all configurations that come one after the other: in the order
// in which they were decided. Most wait until there are some and are written in one go: that takes far less than to write each
// in the midst of its request. They wait for Flush at most, which Soon asks for. It is safe for concurrent use.
type Records struct {
	take func(parts [][]byte)
	soon func() // nil: no record waits

	mu      sync.Mutex   // may be held when writing is taken, and never the other way round
	waiting *[few]record // guarded by mu
	count   int          // guarded by mu: of them
	asked   bool         // guarded by mu: for Flush, since it was called last

	writing sync.Mutex
	spare   *[few]record // guarded by writing: room for those that wait next
	room    room         // guarded by writing
}

// few is how many records wait at most. Each holds on to the head of its request.
const few = 32

// record is one that waits.
type record struct {
	of    *Authz
	id    string // of the request
	said  *told
	input policy.Kept
}

// NewRecords gives what takes records to take, one after the other, in parts, one behind the other; it must not wait. It may keep
// every second part, from the second on: that is what other records have in common with it, one slice for all, and nobody may
// change it. The others it must not keep. Of a record that waits soon is told, unless Flush is awaited already: within moments
// Flush has to be called. Nil: no record waits.
func NewRecords(take func(parts [][]byte), soon func()) *Records {
	return &Records{take: take, soon: soon, waiting: new([few]record), spare: new([few]record), room: room{own: make([]byte, 0, recordSize)}}
}

// Flush writes what waits. Records that were added before it was called are taken when it returns.
func (r *Records) Flush() {
	r.mu.Lock()
	r.asked = false
	batch := r.swap()
	r.mu.Unlock()
	defer r.writing.Unlock()
	r.write(batch)
}

// add takes a record, to wait if it can.
func (r *Records) add(a *Authz, asked Asked, v Verdict, of *known) {
	said := of.said(v.Decision)
	if r.soon == nil || !of.keepable || said == nil || len(v.Shadow) > 0 {
		r.addNow(a, asked, v, of)
		return
	}
	switch waits, tell, batch := r.keep(a, asked, said); {
	case !waits:
		r.addNow(a, asked, v, of)
	case batch != nil:
		defer r.writing.Unlock()
		r.write(batch)
	case tell:
		r.soon()
	}
}

// keep has a record wait; false when it tells of too much. Then Flush is to be asked for, or all that wait are to be written, as swap
// says.
func (r *Records) keep(a *Authz, asked Asked, said *told) (waits, tell bool, batch []record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	next := &r.waiting[r.count]
	if !a.policies.Keep(&next.input, asked.Input) {
		return false, false, nil
	}
	next.of, next.id, next.said = a, asked.RequestID, said
	r.count++
	if r.count == few {
		return true, false, r.swap()
	}
	tell, r.asked = !r.asked, true
	return true, tell, nil
}

// addNow writes a record, behind those that wait.
func (r *Records) addNow(a *Authz, asked Asked, v Verdict, of *known) {
	r.mu.Lock()
	batch := r.swap()
	r.mu.Unlock()
	defer r.writing.Unlock()
	r.write(batch)
	a.write(&r.room, asked, v, of)
	r.give()
}

// swap gives the records that wait, to be written; the caller holds mu, and has writing from here on: so batches are written one after
// the other.
func (r *Records) swap() []record {
	r.writing.Lock()
	batch := r.waiting[:r.count]
	r.waiting, r.spare, r.count = r.spare, r.waiting, 0
	return batch
}

// write writes records and forgets them; the caller holds writing.
func (r *Records) write(batch []record) {
	for i := range batch {
		r.writeKept(&batch[i])
	}
}

// writeKept writes a record that waited, and forgets it. One that shows a bug is left out: whoever writes it is another request, or the
// log, which ends the node when it panics.
func (r *Records) writeKept(one *record) {
	defer func() {
		if why := recover(); why != nil {
			one.of.log.Error().Str("error", fmt.Sprint(why)).Bytes("stack", debug.Stack()).Msg("a decision was not recorded: this is a bug")
		}
		one.of, one.id, one.said = nil, "", nil
		one.input.Forget()
	}()
	one.of.writeKept(&r.room, one)
	r.give()
}

// give has a record taken; the caller holds writing.
func (r *Records) give() {
	r.take(r.room.parts[:])
	if cap(r.room.own) > maxRoom {
		r.room.own = nil
	}
}
