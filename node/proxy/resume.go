package proxy

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"time"
)

// proofTime is how long sessions are resumed with a certificate that the client has proved to have the key of.
const proofTime = 12 * time.Hour

// ticketMark begins what is written into a ticket beside what crypto/tls writes.
const ticketMark = "picket 1 "

// resumption is what is said of tickets on one connection with a client that is asked for a certificate. A ticket holds the
// certificate, so that it is judged anew when the session is resumed; and with it a print of what was asked and of the rules
// (lists of revoked certificates among them), and when the client proved that it has the key: when any of that is another by now,
// or old, the session is not resumed, and the client may choose anew what it shows.
type resumption struct {
	of     *secured
	proved time.Time // zero: on this connection
}

// attach has a configuration of TLS, which is for one connection, say so.
func (r *resumption) attach(c *tls.Config) {
	c.WrapSession, c.UnwrapSession = r.wrap, r.unwrap
}

// noTicket is for sessions that are not to be resumed: no ticket of TLS 1.3 may be empty.
var noTicket = []byte{0}

func (r *resumption) wrap(state tls.ConnectionState, session *tls.SessionState) ([]byte, error) {
	now := r.of.asked.now()
	if !r.of.asked.resumable(state) {
		return bytes.Clone(noTicket), nil
	}
	proved := now
	if state.DidResume {
		proved = r.proved
	}
	mark := append([]byte(ticketMark), r.of.asked.rules[:]...)
	session.Extra = append(session.Extra, binary.BigEndian.AppendUint64(mark, uint64(proved.Unix())))
	return r.of.config.EncryptTicket(state, session)
}

func (r *resumption) unwrap(ticket []byte, state tls.ConnectionState) (*tls.SessionState, error) {
	session, err := r.of.config.DecryptTicket(ticket, state)
	if err != nil || session == nil {
		return nil, nil // not of ours, or too old: as if there were none
	}
	for _, extra := range session.Extra {
		rest, ours := bytes.CutPrefix(extra, append([]byte(ticketMark), r.of.asked.rules[:]...))
		if !ours || len(rest) != 8 {
			continue
		}
		r.proved = time.Unix(int64(binary.BigEndian.Uint64(rest)), 0)
		if r.of.asked.now().Sub(r.proved) < proofTime {
			return session, nil
		}
	}
	return nil, nil
}
