package authn

import (
	"crypto/subtle"
	"strings"
	"sync/atomic"

	"picket/node/config"
)

// A browser shows the same cookie with each request. A session that this node has in memory remembers the tags that were
// verified for it, so that verifying one again is a comparison: in constant time, as the first was. They stand and fall with
// the session as it was read (a change brings another, its end none), and with the cookies that verified them, which know the
// secrets. What is not remembered is verified as if nothing were: no answer but a yes comes from here.

// mostProven is how many tags a session remembers: of a person who has several applications open. Others are verified anew.
const mostProven = 4

// proven are the tags that were verified for one session. The zero proven has none.
type proven struct{ tags atomic.Value } // of []provenTag, which never changes once it is here

// provenTag is a tag that was verified for a session.
type provenTag struct {
	by     *cookies
	origin config.Origin
	text   [tagText]byte
}

// has tells whether a tag was verified, by these cookies for this origin.
func (p *proven) has(by *cookies, o config.Origin, tag string) bool {
	known, _ := p.tags.Load().([]provenTag)
	for i := range known {
		if k := &known[i]; k.by == by && k.origin == o && len(tag) == len(k.text) {
			var shown [tagText]byte
			copy(shown[:], tag)
			if subtle.ConstantTimeCompare(shown[:], k.text[:]) == 1 {
				return true
			}
		}
	}
	return false
}

// add notes a tag that was verified now, in place of the oldest where there is no room. Of two that come at once, one may be lost.
func (p *proven) add(by *cookies, o config.Origin, tag string) {
	known, _ := p.tags.Load().([]provenTag)
	if len(known) == mostProven {
		known = known[1:]
	}
	more := make([]provenTag, len(known), len(known)+1)
	copy(more, known)
	o.Host = strings.Clone(o.Host) // below a wildcard it may be a part of a request's bytes
	one := provenTag{by: by, origin: o}
	copy(one.text[:], tag)
	p.tags.Store(append(more, one))
}

// opened is the session id in a cookie that was made for an origin by these cookies, and the session where this node has it in
// memory; nil: it may be there or not.
func (a *Authn) opened(by *cookies, o config.Origin, cookie string) (id string, held *Session, ok bool) {
	id, tag, ok := cutCookie(cookie)
	if !ok {
		return "", nil, false
	}
	held = a.recent.held(id, a.knownSessions)
	if held != nil && held.proven.has(by, o, tag) {
		return id, held, true
	}
	if _, ok := by.open(o, cookie); !ok {
		return "", nil, false
	}
	if held != nil {
		held.proven.add(by, o, tag)
	}
	return id, held, true
}
