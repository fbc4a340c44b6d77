package http1

import (
	"crypto/tls"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// clock bounds how long many connections wait to read and to write. Setting a deadline on a socket for each wait costs more than
// reading a short request does; here a wait costs an atomic store, and all are looked at once a tick. A wait ends no sooner than
// its time, and up to two ticks later.
type clock struct {
	now atomic.Int64 // ns, of the last tick

	mu    sync.Mutex
	all   map[*limits]struct{} // guarded by mu
	every time.Duration        // a tick; set before the first is added
	timer *time.Timer          // guarded by mu; nil: there is nothing to look at
}

// limits are those of one connection.
type limits struct {
	clock       *clock
	conn        net.Conn
	tls         bool
	to          io.Writer // what writes to conn
	read, write bound
	slow        slow // of the clock alone
}

// bound is when one direction has waited for long enough.
type bound struct {
	by atomic.Int64 // ns; 0: never; expired: that is so
	mu sync.Mutex   // held while the deadline of the socket is changed for it
}

const expired = -1

// ticks are so long for what may wait for some of these times, of which zero is without end.
func ticks(times ...time.Duration) time.Duration {
	tick := time.Second
	for _, t := range times {
		if t > 0 {
			tick = min(tick, max(t/8, 5*time.Millisecond))
		}
	}
	return tick
}

// add takes a connection in, until drop.
func (c *clock) add(conn net.Conn, to io.Writer, every time.Duration) *limits {
	l := &limits{clock: c, conn: conn, to: to}
	_, l.tls = conn.(*tls.Conn)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all == nil {
		c.all = map[*limits]struct{}{}
	}
	c.all[l] = struct{}{}
	if c.every == 0 {
		c.every = every
	}
	if c.timer == nil {
		c.now.Store(time.Now().UnixNano())
		c.timer = time.AfterFunc(c.every, c.tick)
	}
	return l
}

func (l *limits) drop() {
	l.clock.mu.Lock()
	defer l.clock.mu.Unlock()
	delete(l.clock.all, l)
}

func (c *clock) tick() {
	now := time.Now().UnixNano()
	c.now.Store(now)
	c.mu.Lock()
	defer c.mu.Unlock()
	for l := range c.all {
		if l.read.expire(now, l.conn.SetReadDeadline) && l.tls {
			l.write.halt(l.conn.SetWriteDeadline)
		}
		l.drains(now)
		l.write.expire(now, l.conn.SetWriteDeadline)
	}
	if len(c.all) == 0 {
		c.timer = nil
		return
	}
	c.timer.Reset(c.every)
}

// long is the time of the past that wakes whoever waits on a socket.
func long() time.Time { return time.Unix(1, 0) }

// expire wakes whoever has waited for too long, and tells whether somebody had.
func (b *bound) expire(now int64, set func(time.Time) error) bool {
	by := b.by.Load()
	return by > 0 && now >= by && b.wake(by, set)
}

// halt wakes whoever writes without a bound. While a connection is read from, that is TLS itself: it answers some of what it reads
// (KeyUpdate, RFC 8446, section 4.6.3), and a client that does not read that would hold up reading for ever.
func (b *bound) halt(set func(time.Time) error) { b.wake(0, set) }

func (b *bound) wake(by int64, set func(time.Time) error) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	woken := b.by.CompareAndSwap(by, expired)
	if woken {
		_ = set(long()) // a connection that cannot is closed, and whoever waits is told
	}
	return woken
}

// set bounds what is waited for from now on; 0: without end.
func (b *bound) set(c *clock, most time.Duration, unset func(time.Time) error) {
	by := int64(0)
	if most > 0 {
		by = c.now.Load() + int64(most+c.every)
	}
	if b.by.Swap(by) == expired {
		b.mu.Lock()
		defer b.mu.Unlock()
		_ = unset(time.Time{})
	}
}

// reading bounds reading from now on.
func (l *limits) reading(most time.Duration) { l.read.set(l.clock, most, l.conn.SetReadDeadline) }

// writing bounds writing from now on.
func (l *limits) writing(most time.Duration) { l.write.set(l.clock, most, l.conn.SetWriteDeadline) }

// Write writes in a time: a peer that does not read holds nothing up for ever. Mostly there is room for all, and no time passes.
func (l *limits) Write(p []byte, most time.Duration) (n int, err error) {
	if s, ok := l.to.(*socket); ok {
		if n, err = s.writeNow(p); n == len(p) || err != nil {
			return n, err
		}
	}
	l.writing(most)
	more, err := l.to.Write(p[n:])
	l.writing(0)
	return n + more, err
}
