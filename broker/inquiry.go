package broker

// inquiry is one question for the record of a key, without the asking: what a replica's answer is worth.
//
// A replica answers always, but may be behind, so its answer says how far it is. A record is believed from a replica that is
// at the floor: at least where this node's own feed was when the question began. That there is none is taken from nobody's
// word: a heartbeat is written through the quorum, and only a replica that has it, and so everything acknowledged
// before, may say so.
type inquiry struct {
	floor uint64 // sequence that a replica must have
	sure  bool   // floor is a write that began after the question: absence may be believed
}

// worth is what an answer is worth.
type worth int

const (
	behind   worth = iota // nothing: another replica, or the same a little later
	doubtful              // absence; to believe it, a write through the quorum comes first
	believed
)

// judge weighs an answer of a replica that has applied all up to upTo.
func (q *inquiry) judge(r stored, upTo uint64) worth {
	switch {
	case upTo < q.floor:
		return behind
	case r.present(), q.sure:
		return believed
	}
	return doubtful
}

// wrote takes the sequence of a write that began after the question and that a quorum has.
func (q *inquiry) wrote(sequence uint64) { q.floor, q.sure = max(q.floor, sequence), true }
