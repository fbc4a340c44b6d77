package http1

import (
	"sync"
	"time"
)

// pool keeps connections to applications that are not used, by address; the last one kept is the first one taken.
type pool struct {
	mu    sync.Mutex
	kept  map[string]*shelf // guarded by mu
	last  *shelf            // guarded by mu: that was last looked for, of kept; nil: look for it. Most pools have one
	count int               // guarded by mu: of all that are kept
	ended bool              // guarded by mu: clear was called, and take not since: nothing is kept
	sweep *time.Timer       // guarded by mu: closes what was kept too long; nil: nothing is kept
}

// shelf is what is kept of one address, the oldest first.
type shelf struct {
	address string
	kept    []*upstream
}

// shelf finds the shelf of an address; nil: there is none. p.mu is held.
func (p *pool) shelf(address string) *shelf {
	if p.last == nil || p.last.address != address {
		p.last = p.kept[address]
	}
	return p.last
}

// take gives a connection that was kept no longer than most; nil: there is none. now is the time of the connections' clock.
func (p *pool) take(address string, most time.Duration, now int64) *upstream {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = false
	s := p.shelf(address)
	if s == nil || len(s.kept) == 0 {
		return nil
	}
	last := len(s.kept) - 1
	u := s.kept[last]
	if most > 0 && now-u.since > int64(most) { // it is the youngest
		p.count -= len(s.kept)
		s.clear()
		return nil
	}
	s.kept[last] = nil
	s.kept = s.kept[:last]
	p.count--
	return u
}

// manyAddresses is how many times what is enough for one address is enough for all. With the PROXY protocol each connection of a
// client counts as an address, and there is no end of them.
const manyAddresses = 8

// keep keeps a connection, unless there are enough of its address, or in all.
func (p *pool) keep(u *upstream, enough int, most time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.shelf(u.address)
	if p.ended || s != nil && len(s.kept) >= enough || p.count >= manyAddresses*enough {
		u.end()
		return
	}
	if s == nil {
		s = p.build(u.address)
	}
	u.since = u.transport.clock.now.Load()
	s.kept = append(s.kept, u)
	p.count++
	if p.sweep == nil && most > 0 {
		p.sweep = time.AfterFunc(most, func() { p.clean(most) })
	}
}

// build makes the shelf of an address. p.mu is held.
func (p *pool) build(address string) *shelf {
	if p.kept == nil {
		p.kept = map[string]*shelf{}
	}
	p.last = &shelf{address: address}
	p.kept[address] = p.last
	return p.last
}

// clean closes what was kept for longer than most, and comes again while something is kept.
func (p *pool) clean(most time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now().UnixNano()
	for address, s := range p.kept {
		old := 0
		for old < len(s.kept) && now-s.kept[old].since >= int64(most) {
			s.kept[old].end()
			old++
		}
		p.count -= old
		if s.kept = append([]*upstream(nil), s.kept[old:]...); len(s.kept) == 0 {
			delete(p.kept, address)
		}
	}
	p.last, p.sweep = nil, nil
	if len(p.kept) > 0 {
		p.sweep = time.AfterFunc(most, func() { p.clean(most) })
	}
}

// clear closes all. Those in use are closed when they have served, unless they are asked for again.
func (p *pool) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended, p.count, p.last = true, 0, nil
	for _, s := range p.kept {
		s.clear()
	}
	clear(p.kept)
}

// clear closes all.
func (s *shelf) clear() {
	for _, u := range s.kept {
		u.end()
	}
	s.kept = nil
}
