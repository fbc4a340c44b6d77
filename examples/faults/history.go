package faults

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// kind is what a client wanted.
type kind string

const (
	signIn        kind = "sign-in"
	ask           kind = "request"
	revokeSession kind = "revocation of a session"
	revokeUser    kind = "revocation of a person"
	lock          kind = "lock of a session"
	unlock        kind = "removal of a lock"
)

// outcome is what came of it.
type outcome string

const (
	admitted     outcome = "admitted"
	sentToSignIn outcome = "sent to sign in" // nobody is known by this cookie
	denied       outcome = "denied"          // the person is known, and may not
	unavailable  outcome = "503"             // the node said that it cannot tell
	unanswered   outcome = "no answer"       // refused, cut off, or too late
	turnedAway   outcome = "turned away"     // of a sign-in: ended by a page that says why
	done         outcome = "done"            // of a sign-in, a revocation, a lock: acknowledged
	absent       outcome = "not there"       // of a revocation or a removal: nothing to remove
	strange      outcome = "strange"         // anything else, which no fault explains
	underWay     outcome = "under way"       // nobody knows yet
)

// event is one thing that one client did. It happened at some moment from began to ended: neither end is known better.
type event struct {
	kind     kind
	target   string        // the node that was asked, or the balancer
	person   string        // who it is about
	session  string        // id; of a sign-in: what it gave; "": none, or all of the person's
	lock     string        // id, of a lock that was acknowledged and of its removal
	began    time.Duration // since the history began: before anything was sent
	ended    time.Duration // after the whole answer was there
	outcome  outcome
	required bool   // no fault is on: a request must be answered, and rightly
	note     string // what else is known, for people
}

// excuse says which refusals a fault explains. Nothing excuses a wrong admission or a wrong sign-out.
type excuse struct {
	target string // "": any
	writes bool   // sign-ins, revocations, locks
	asks   bool   // requests
	clocks bool   // sign-ins that were turned away: two who disagree about the time cannot finish one together
	from   time.Duration
	to     time.Duration // 0: still on
}

func (x excuse) covers(e event) bool {
	kind := x.writes
	switch {
	case e.kind == ask:
		kind = x.asks
	case e.outcome == turnedAway:
		kind = x.clocks
	}
	return kind && (x.target == "" || x.target == e.target) && e.ended >= x.from && (x.to == 0 || e.began <= x.to)
}

// history is the record of a run. It is safe for concurrent use.
type history struct {
	zero time.Time

	mu      sync.Mutex
	events  []event  // guarded by mu, in the order of their ends
	pending []*event // guarded by mu: changes that are under way, for they may bite before they are acknowledged
	excuses []excuse // guarded by mu
}

func newHistory() *history { return &history{zero: time.Now()} }

// now is the time since the history began, on the monotonic clock.
func (h *history) now() time.Duration { return time.Since(h.zero) }

// add records an event that ends now.
func (h *history) add(e event) event {
	h.mu.Lock()
	defer h.mu.Unlock()
	e.ended = h.now()
	h.events = append(h.events, e)
	return e
}

// begin announces a change, which may be felt before its end; its outcome is for end to record.
func (h *history) begin(e event) *event {
	h.mu.Lock()
	defer h.mu.Unlock()
	e.began, e.outcome = h.now(), underWay
	h.pending = append(h.pending, &e)
	return &e
}

// end records what came of a change that was announced.
func (h *history) end(p *event, o outcome, lock, note string) event {
	e := *p
	e.outcome, e.lock, e.note = o, lock, note
	e = h.add(e)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.pending = slices.DeleteFunc(h.pending, func(other *event) bool { return other == p })
	return e
}

// excuse begins one; the function that it gives ends it.
func (h *history) excuse(x excuse) (end func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	x.from = h.now()
	h.excuses = append(h.excuses, x)
	i := len(h.excuses) - 1
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.excuses[i].to = h.now()
	}
}

// record is a copy of what there is, in the order in which things began.
func (h *history) record() record {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := record{events: slices.Clone(h.events), excuses: slices.Clone(h.excuses)}
	for _, p := range h.pending {
		e := *p
		e.ended = h.now()
		r.events = append(r.events, e)
	}
	slices.SortStableFunc(r.events, func(a, b event) int { return cmp.Compare(a.began, b.began) })
	return r
}

// record is a history that does not change any more.
type record struct {
	events  []event // by began
	excuses []excuse
}
