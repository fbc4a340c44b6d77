package authz

import (
	"math/rand/v2"

	"picket/node/config"
	"picket/policy"
)

// Asked is a request about which a verdict was given.
type Asked struct {
	RequestID string
	Route     *config.Route
	Input     *policy.Input // as it was decided on
}

// Record hands a verdict to Options.Record, unless sampling leaves it out: as one object of JSON with all that deciding
// anew takes. What of the input no policy reads is not in it, nor are secrets. It keeps nothing of its arguments.
func (a *Authz) Record(asked Asked, v Verdict) {
	if a.record == nil || a.sample < 1 && rand.Float64() >= a.sample {
		return
	}
	room, ok := a.rooms.Get().(*[]byte)
	if !ok {
		room = new([]byte)
		*room = make([]byte, 0, recordSize)
	}
	*room = a.appendRecord((*room)[:0], asked, v)
	a.record(*room)
	if cap(*room) <= maxRoom {
		a.rooms.Put(room)
	}
}

const (
	recordSize = 1 << 10  // bytes, which most records take
	maxRoom    = 16 << 10 // bytes, that are kept for the next
)

func (a *Authz) appendRecord(dst []byte, asked Asked, v Verdict) []byte {
	in, route := asked.Input, a.routes.of(asked.Route)
	dst = a.policies.AppendTime(append(dst, `{"at":"`...), in.Now)
	dst = appendText(append(dst, a.named...), asked.RequestID)
	dst = appendDecision(append(append(dst, route.record...), `,"decision":`...), v.Decision)
	if len(v.Shadow) > 0 {
		dst = appendShadows(append(dst, `,"shadow":`...), v.Shadow)
	}
	return append(a.policies.AppendRecord(append(dst, `,"input":`...), in, route.names...), '}')
}

func appendShadows(dst []byte, all []Shadow) []byte {
	before := byte('[')
	for _, s := range all {
		dst = appendText(append(append(dst, before), `{"policy":`...), s.Policy)
		dst = appendDecision(append(dst, `,"decision":`...), s.Decision)
		dst = append(appendText(append(dst, `,"change":`...), s.Change.String()), '}')
		before = ','
	}
	return append(dst, ']')
}

// appendDecision writes a decision as encoding/json does.
func appendDecision(dst []byte, d policy.Decision) []byte {
	dst = appendText(append(dst, `{"outcome":`...), d.Outcome.String())
	dst = appendText(append(dst, `,"policy":`...), d.Policy)
	if d.Rule != "" {
		dst = appendText(append(dst, `,"rule":`...), d.Rule)
	}
	if d.Message != "" {
		dst = appendText(append(dst, `,"message":`...), d.Message)
	}
	if d.Need != nil {
		need, _ := d.Need.MarshalJSON() // of texts alone
		dst = append(append(dst, `,"need":`...), need...)
	}
	return append(dst, '}')
}
