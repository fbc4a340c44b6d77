package authz

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
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
	r, in := asked.Route, asked.Input
	dst = append(dst, `{"at":"`...)
	dst = in.Now.UTC().AppendFormat(dst, time.RFC3339Nano)
	dst = appendText(append(dst, `","node":`...), a.node)
	dst = appendText(append(dst, `,"request_id":`...), asked.RequestID)
	dst = appendText(append(dst, `,"route":`...), r.Name)
	dst = append(dst, `,"policies":[`...)
	for i, name := range r.Policies {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendText(dst, name)
	}
	dst = appendText(append(dst, `],"access":`...), accessName(r.Access))
	dst = appendDecision(append(dst, `,"decision":`...), v.Decision)
	if len(v.Shadow) > 0 {
		dst = appendShadows(append(dst, `,"shadow":`...), v.Shadow)
	}
	names := r.Policies
	if len(r.Shadow) > 0 {
		names = slices.Concat(r.Policies, r.Shadow)
	}
	return append(a.policies.AppendRecord(append(dst, `,"input":`...), in, names...), '}')
}

// accessName is who a route is for, in a word.
func accessName(a config.Access) string {
	switch a {
	case config.Public:
		return "public"
	case config.AnyUser:
		return "any_user"
	}
	return "policy"
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

// appendText writes a text as encoding/json does.
func appendText(dst []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			quoted, _ := json.Marshal(s) // a text always can be
			return append(dst, quoted...)
		}
	}
	return append(append(append(dst, '"'), s...), '"')
}
