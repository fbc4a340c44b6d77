package http1

import (
	"crypto/tls"
	"net"
	"syscall"
)

// What waits to be sent is in the hands of the kernel, which has room for megabytes, and says that there is more of it only when a
// large part was taken. A peer that takes little may do so all the time.

// acked is how many bytes the peer of a connection has acknowledged, ever; 0: that cannot be told.
func acked(conn net.Conn) (n uint64) {
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	of, ok := conn.(syscall.Conn)
	if !ok {
		return 0
	}
	raw, err := of.SyscallConn()
	if err != nil {
		return 0
	}
	_ = raw.Control(func(socket uintptr) { n = ackedNow(socket) }) // of a connection that is closed nothing is told
	return n
}

// Acked is how many bytes the client has acknowledged, of this connection; 0: that cannot be told.
func (w *response) Acked() uint64 { return acked(w.conn.input.conn) }

// Acked is how many bytes the other end of what is held has acknowledged, where that is a connection; 0: that cannot be told.
func (l *Life) Acked() uint64 {
	l.mu.Lock()
	held, _ := l.held.(net.Conn)
	l.mu.Unlock()
	if held == nil {
		return 0
	}
	return acked(held)
}

// drains has the time for a write that waits begin anew when it is over, and the peer took enough in the second half of it. It is called
// each tick, by which write it was is known about.
func (l *limits) drains(now int64) {
	by, s := l.write.by.Load(), &l.slow
	if by <= 0 {
		return
	}
	if s.by != by {
		*s = slow{by: by, began: now}
	}
	most := by - s.began
	if !s.half && now >= s.began+most/2 {
		s.half, s.acked = true, acked(l.conn)
	}
	if now >= by && acked(l.conn) >= s.acked+EnoughAcked {
		l.write.by.CompareAndSwap(by, now+most)
	}
}

// EnoughAcked is how many bytes a peer is to acknowledge in half of the time for which nothing may happen, so that it counts as one that
// goes on: as many as it has to take in that time of what it is given in pieces (passStep).
const EnoughAcked = passStep / 2

// slow is a write that waits, as the clock has seen it.
type slow struct {
	by, began int64  // ns
	half      bool   // half of its time is over
	acked     uint64 // by then
}
