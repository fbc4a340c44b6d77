package ratelimit

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// A message is the version, whether the node leaves, its name, and what was taken: of which limit, by whom, how much. Numbers
// are as encoding/binary has them (varints, but for the limit: 8 bytes, the greatest first); texts have their length before
// them.

const version = 1

// How a caller is written.
const (
	byUser    = 0 // a text follows
	byAddress = 1 // the bytes of an address follow, as a text: 4 or 16
)

// message is what a node tells.
type message struct {
	node   string
	leaves bool
	taken  []taken
}

// taken is what was taken out of one bucket.
type taken struct {
	place
	amount time.Duration
}

// hello begins a message.
func (p *peers) hello() []byte { return appendText([]byte{version, 0}, p.own) }

// bye is the message of a node that leaves. It is counted no more.
func (p *peers) bye() []byte { return appendText([]byte{version, 1}, p.own) }

func appendText(m []byte, s string) []byte {
	return append(binary.AppendUvarint(m, uint64(len(s))), s...)
}

func appendTaken(m []byte, t taken) []byte {
	m = binary.BigEndian.AppendUint64(m, t.limit)
	if t.key.address.IsValid() {
		m = appendText(append(m, byAddress), string(t.key.address.AsSlice()))
	} else {
		m = appendText(append(m, byUser), t.key.user)
	}
	return binary.AppendVarint(m, int64(t.amount))
}

// readMessage reads one, whole or not at all.
func readMessage(text []byte) (m message, ok bool) {
	r := reader{rest: text}
	if r.byte() != version {
		return message{}, false
	}
	leaves := r.byte()
	m.node, m.leaves = r.text(), leaves == 1
	for len(r.rest) > 0 && !r.broken {
		m.taken = append(m.taken, r.taken())
	}
	return m, !r.broken && leaves <= 1 && m.node != ""
}

// reader takes a message apart.
type reader struct {
	rest   []byte
	broken bool // what was read does not count
}

func (r *reader) bytes(n uint64) []byte {
	if r.broken || n > uint64(len(r.rest)) {
		r.broken = true
		return nil
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

func (r *reader) byte() byte {
	if b := r.bytes(1); len(b) == 1 {
		return b[0]
	}
	return 0
}

func (r *reader) number() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.broken = true
		return 0
	}
	r.bytes(uint64(n))
	return v
}

func (r *reader) amount() int64 {
	v, n := binary.Varint(r.rest)
	if n <= 0 {
		r.broken = true
		return 0
	}
	r.bytes(uint64(n))
	return v
}

func (r *reader) text() string { return string(r.bytes(r.number())) }

func (r *reader) taken() (t taken) {
	if limit := r.bytes(8); limit != nil {
		t.limit = binary.BigEndian.Uint64(limit)
	}
	switch r.byte() {
	case byUser:
		t.key.user = r.text()
	case byAddress:
		address, ok := netip.AddrFromSlice([]byte(r.text()))
		t.key.address = address
		r.broken = r.broken || !ok
	default:
		r.broken = true
	}
	t.amount = time.Duration(r.amount())
	return t
}
