package faults

import (
	"fmt"
	"strings"
	"time"
)

// The rules that a history may break.
const (
	tooLate    = "admitted after the session was revoked, and the bound had passed"
	risen      = "let in again by a node that had refused the session"
	trespass   = "admitted, whom no policy admits"
	mistaken   = "taken for somebody else"
	signedOut  = "signed out without cause"
	lost       = "an acknowledged session is lost"
	shutOut    = "denied without cause"
	refused    = "refused, and no fault explains it"
	stillThere = "a revoked session is not refused though all is well"
	unlocked   = "admitted though the session was locked, and the bound had passed"
	odd        = "an answer that no fault explains"
)

// violation is a rule and the event that breaks it.
type violation struct {
	rule  string
	event event
	why   string
}

// String tells it in a line.
func (v violation) String() string {
	e := v.event
	text := fmt.Sprintf("%s: %s of %s", v.rule, e.kind, e.person)
	if e.session != "" {
		text += " with session " + e.session[:min(len(e.session), 8)]
	}
	text += fmt.Sprintf(" at %s, from %s to %s: %s", e.target, e.began.Round(time.Millisecond), e.ended.Round(time.Millisecond), e.outcome)
	for _, more := range []string{e.note, v.why} {
		if more != "" {
			text += "; " + strings.TrimSpace(more)
		}
	}
	return text
}

// rules are what a run was promised.
type rules struct {
	bound     time.Duration   // max_staleness
	strangers map[string]bool // people whom no policy admits
}

// lingering is how long a revocation that nobody acknowledged may still come into force after the client gave up.
const lingering = time.Minute

// promptly is how soon a revocation is known everywhere when all is well: milliseconds, and some patience with the machine.
const promptly = 2 * time.Second

// life is what is known of one session.
type life struct {
	begun event
	// ends are the revocations that may have ended it, whatever came of them.
	ends []event
	// over is when it was known to be revoked: the first acknowledgement, or the first node that refused it.
	over    time.Duration
	revoked bool // over is set
	// refusedBy is when each node first refused it.
	refusedBy map[string]time.Duration
	// locks are those that somebody at least tried to put on it.
	locks []*span
}

// span is a lock, from its beginning to its removal.
type span struct {
	lock    event
	removal *event // the first attempt; nil: nobody has tried
}

// judge finds everything that breaks a rule, in the order of the events.
func judge(r record, u rules) []violation {
	lives := follow(r.events)
	var all []violation
	for _, e := range r.events {
		rule, why := u.broken(e, lives[e.session])
		if rule == "" && e.fruitless() && !excused(r.excuses, e) {
			rule = refused
		}
		if rule != "" {
			all = append(all, violation{rule: rule, event: e, why: why})
		}
	}
	return all
}

// fruitless tells whether somebody got nothing that they ought to get.
func (e event) fruitless() bool {
	return e.outcome == unavailable || e.outcome == unanswered || e.outcome == turnedAway
}

func excused(all []excuse, e event) bool {
	if e.required {
		return false
	}
	for _, x := range all {
		if x.covers(e) {
			return true
		}
	}
	return false
}

// follow gathers what is known of every session.
func follow(events []event) map[string]*life {
	lives, of := map[string]*life{}, map[string][]*life{}
	for _, e := range events {
		if e.kind == signIn && e.outcome == done {
			l := &life{begun: e, refusedBy: map[string]time.Duration{}}
			lives[e.session] = l
			of[e.person] = append(of[e.person], l)
		}
	}
	spans := map[string]*span{} // by lock
	for _, e := range events {
		switch e.kind {
		case lock:
			if l := lives[e.session]; l != nil {
				s := &span{lock: e}
				l.locks = append(l.locks, s)
				spans[e.lock] = s
			}
		case unlock:
			if s := spans[e.lock]; s != nil && s.removal == nil {
				s.removal = &e
			}
		case revokeSession:
			if l := lives[e.session]; l != nil {
				l.endedBy(e)
			}
		case revokeUser:
			for _, l := range of[e.person] {
				l.endedBy(e)
			}
		}
	}
	for _, e := range events {
		if l := lives[e.session]; l != nil && e.kind == ask && e.outcome == sentToSignIn && l.cause(e) {
			l.refused(e)
		}
	}
	return lives
}

// endedBy takes in a revocation that may be about the session.
func (l *life) endedBy(e event) {
	last := e.ended
	if e.outcome != done && e.outcome != absent {
		last += lingering
	}
	if last < l.begun.began {
		return // it was over when the sign-in began
	}
	l.ends = append(l.ends, e)
	if e.outcome == done && e.began >= l.begun.ended {
		l.known(e.ended)
	}
}

// refused takes in a node that sent the session to sign in, with cause.
func (l *life) refused(e event) {
	if at, ok := l.refusedBy[e.target]; !ok || e.ended < at {
		l.refusedBy[e.target] = e.ended
	}
	l.known(e.ended)
}

func (l *life) known(at time.Duration) {
	if !l.revoked || at < l.over {
		l.over, l.revoked = at, true
	}
}

// cause tells whether some revocation can explain that the session was not good any more by the end of e.
func (l *life) cause(e event) bool {
	for _, end := range l.ends {
		if end.began < e.ended {
			return true
		}
	}
	return false
}

// broken is the rule that an event breaks, whatever fault was on; "": none.
func (u rules) broken(e event, l *life) (rule, why string) {
	if e.outcome == strange {
		return odd, ""
	}
	switch e.kind {
	case revokeSession:
		if e.outcome == absent && l != nil && !l.causeBeside(e) {
			return lost, "a node did not find it, and nobody had revoked it"
		}
	case unlock:
		if e.outcome == absent {
			return lost, "a node did not find the lock, and nobody had removed it"
		}
	case ask:
		if l == nil {
			return odd, "nobody signed in to that session"
		}
		switch e.outcome {
		case admitted:
			return u.wronglyAdmitted(e, l)
		case sentToSignIn:
			return l.wronglySignedOut(e)
		case denied:
			if !u.strangers[e.person] && !u.locked(e, l) {
				return shutOut, ""
			}
		}
	}
	return "", ""
}

// causeBeside tells whether a revocation other than e can have ended the session before e.
func (l *life) causeBeside(e event) bool {
	for _, end := range l.ends {
		if end != e && end.began < e.ended {
			return true
		}
	}
	return false
}

func (u rules) wronglyAdmitted(e event, l *life) (rule, why string) {
	if u.strangers[e.person] {
		return trespass, ""
	}
	if e.note != "" && e.note != e.person {
		return mistaken, ""
	}
	if e.person != l.begun.person {
		return mistaken, "the session is " + l.begun.person + "'s"
	}
	if at, ok := l.refusedBy[e.target]; ok && e.began > at && e.target != balancer {
		return risen, fmt.Sprintf("it had refused it by %s", at.Round(time.Millisecond))
	}
	for _, s := range l.locks {
		if s.lock.outcome == done && e.began > s.lock.ended+u.lag(e) && (s.removal == nil || s.removal.began > e.ended) {
			return unlocked, fmt.Sprintf("locked by %s", s.lock.ended.Round(time.Millisecond))
		}
	}
	if l.revoked && e.began > l.over+u.bound {
		return tooLate, fmt.Sprintf("revoked by %s", l.over.Round(time.Millisecond))
	}
	if l.revoked && e.required && e.began > l.over+promptly {
		return stillThere, fmt.Sprintf("revoked by %s", l.over.Round(time.Millisecond))
	}
	return "", ""
}

// locked tells whether some lock can explain that the session was denied.
func (u rules) locked(e event, l *life) bool {
	for _, s := range l.locks {
		over := s.removal != nil && s.removal.outcome == done && s.removal.ended+u.lag(e) < e.began
		if s.lock.began < e.ended && !over {
			return true
		}
	}
	return false
}

// lag is how old what a node knows may be.
func (u rules) lag(e event) time.Duration {
	if e.required {
		return promptly
	}
	return u.bound
}

func (l *life) wronglySignedOut(e event) (rule, why string) {
	if l.cause(e) {
		return "", ""
	}
	if e.required {
		return lost, "all is well, and nobody had revoked it"
	}
	return signedOut, "nobody had revoked it"
}

// balancer is the target that stands for any node.
const balancer = "balancer"
