package authz

import (
	"math/rand/v2"
	"time"

	"picket/node/config"
	"picket/policy"
)

// Asked is a request about which a verdict was given.
type Asked struct {
	RequestID string
	Route     *config.Route
	Input     *policy.Input // as it was decided on
}

// Record hands a verdict to Options.Records, unless sampling leaves it out: as one object of JSON with all that deciding
// anew takes. What of the input no policy reads is not in it, nor are secrets. Of its arguments it keeps texts alone.
func (a *Authz) Record(asked Asked, v Verdict) {
	if a.records == nil || a.sample < 1 && rand.Float64() >= a.sample {
		return
	}
	of := v.of
	if of == nil {
		of = a.routes.of(asked.Route)
	}
	a.records.add(a, asked, v, of)
}

// room is where one record is written: what it has for itself, and all of its parts.
type room struct {
	own   []byte
	parts [5][]byte
}

const (
	recordSize = 1 << 10  // bytes, which most records take
	maxRoom    = 16 << 10 // bytes, that are kept for the next
)

// write makes the parts of a record, whose second and fourth are what others have in common with it. What the first grows out
// of stays as it is, so that a part may be taken before the next is written.
func (a *Authz) write(to *room, asked Asked, v Verdict, of *known) {
	in := asked.Input
	own := a.begin(to, in.Now, asked.RequestID)
	said := of.said(v.Decision)
	if said == nil {
		own = of.append(own, v.Decision)
	} else {
		to.parts[1] = said.text
	}
	to.parts[0] = own
	from := len(own)
	if len(v.Shadow) > 0 {
		own = appendShadows(append(own, `,"shadow":`...), v.Shadow)
	}
	own, at, caller := a.policies.AppendRecordApart(append(own, inputField...), in, of.names...)
	to.end(own, from, at, caller)
}

// writeKept is write of a record that waited.
func (a *Authz) writeKept(to *room, r *record) {
	own := a.begin(to, r.input.Now(), r.id)
	to.parts[0], to.parts[1] = own, r.said.text
	from := len(own)
	own, at, caller := a.policies.AppendKept(append(own, inputField...), &r.input)
	to.end(own, from, at, caller)
}

const inputField = `,"input":`

// begin writes when and about which request was decided.
func (a *Authz) begin(to *room, now time.Time, id string) []byte {
	to.parts = [5][]byte{} // here, as the one before may have failed
	own := a.policies.AppendTime(append(to.own[:0], `{"at":"`...), now)
	return policy.AppendText(append(own, a.named...), id)
}

// end makes parts of what stands in own from a place on, with what is told of the caller at another.
func (to *room) end(own []byte, from, at int, caller []byte) {
	own = append(own, '}')
	to.own, to.parts[2], to.parts[3], to.parts[4] = own, own[from:at], caller, own[at:]
}

func appendShadows(dst []byte, all []Shadow) []byte {
	before := byte('[')
	for _, s := range all {
		dst = policy.AppendText(append(append(dst, before), `{"policy":`...), s.Policy)
		dst = appendDecision(append(dst, `,"decision":`...), s.Decision)
		dst = append(policy.AppendText(append(dst, `,"change":`...), s.Change.String()), '}')
		before = ','
	}
	return append(dst, ']')
}

// appendDecision writes a decision as an object of JSON, with the names that encoding/json gives its fields.
func appendDecision(dst []byte, d policy.Decision) []byte {
	dst = policy.AppendText(append(dst, `{"outcome":`...), d.Outcome.String())
	dst = policy.AppendText(append(dst, `,"policy":`...), d.Policy)
	if d.Rule != "" {
		dst = policy.AppendText(append(dst, `,"rule":`...), d.Rule)
	}
	if d.Message != "" {
		dst = policy.AppendText(append(dst, `,"message":`...), d.Message)
	}
	if d.Need != nil {
		need, _ := d.Need.MarshalJSON() // of texts alone
		dst = append(append(dst, `,"need":`...), need...)
	}
	return append(dst, '}')
}
