package http2

import (
	"net/http"
	"sync/atomic"
	"time"
)

// clock looks at all connections of a server once a tick, for what has taken too long: setting a deadline on a socket for each wait
// would cost more than serving a short request. A wait ends no sooner than its time, and up to two ticks later.
type clock struct {
	server *Server
	every  time.Duration
	now    atomic.Int64 // Unix ns, of the last tick
	timer  *time.Timer  // guarded by server.mu; nil: there is nothing to look at
}

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

// start begins to tick. server.mu is held.
func (k *clock) start() {
	if k.timer == nil {
		k.now.Store(time.Now().UnixNano())
		k.timer = time.AfterFunc(k.every, k.tick)
	}
}

func (k *clock) tick() {
	now := time.Now().UnixNano()
	k.now.Store(now)
	s := k.server
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.conns) == 0 {
		k.timer = nil
		return
	}
	for c := range s.conns {
		c.tick(now)
	}
	k.timer.Reset(k.every)
}

// by is when so much time has passed, for what begins now; 0: never.
func (k *clock) by(most time.Duration) int64 {
	if most <= 0 {
		return 0
	}
	return k.now.Load() + int64(most+k.every)
}

// passed tells whether a time that by gave has come.
func passed(by *atomic.Int64, now int64) bool {
	at := by.Load()
	return at > 0 && now >= at
}

// date is the value of a Date field, made once a second.
type date struct {
	second int64 // Unix
	text   string
}

func (s *Server) dateNow() string {
	second := s.clock.now.Load() / int64(time.Second)
	d := s.date.Load()
	if d == nil || d.second != second {
		d = &date{second: second, text: time.Unix(second, 0).UTC().Format(http.TimeFormat)}
		s.date.Store(d)
	}
	return d.text
}
