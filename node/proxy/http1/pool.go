package http1

import (
	"sync"
	"time"
)

// pool keeps connections to applications that are not used, by address; the last one kept is the first one taken.
type pool struct {
	mu    sync.Mutex
	kept  map[string][]*upstream // guarded by mu
	count int                    // guarded by mu: of all that are kept
	ended bool                   // guarded by mu: clear was called, and take not since: nothing is kept
	sweep *time.Timer            // guarded by mu: closes what was kept too long; nil: nothing is kept
}

// take gives a connection that was kept no longer than most; nil: there is none. now is the time of the connections' clock.
func (p *pool) take(address string, most time.Duration, now int64) *upstream {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = false
	all := p.kept[address]
	if len(all) == 0 {
		return nil
	}
	u := all[len(all)-1]
	all[len(all)-1] = nil
	p.kept[address] = all[:len(all)-1]
	p.count--
	if most > 0 && now-u.since > int64(most) {
		p.count -= len(all) - 1
		p.kept[address] = closeAll(append(all[:len(all)-1], u)) // it is the youngest
		return nil
	}
	return u
}

// manyAddresses is how many times what is enough for one address is enough for all. With the PROXY protocol each connection of a
// client counts as an address, and there is no end of them.
const manyAddresses = 8

// keep keeps a connection, unless there are enough of its address, or in all.
func (p *pool) keep(u *upstream, enough int, most time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended || len(p.kept[u.address]) >= enough || p.count >= manyAddresses*enough {
		u.end()
		return
	}
	if p.kept == nil {
		p.kept = map[string][]*upstream{}
	}
	u.since = u.transport.clock.now.Load()
	p.kept[u.address] = append(p.kept[u.address], u)
	p.count++
	if p.sweep == nil && most > 0 {
		p.sweep = time.AfterFunc(most, func() { p.clean(most) })
	}
}

// clean closes what was kept for longer than most, and comes again while something is kept.
func (p *pool) clean(most time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for address, all := range p.kept {
		old := 0
		for old < len(all) && time.Now().UnixNano()-all[old].since >= int64(most) {
			old++
		}
		closeAll(all[:old])
		p.count -= old
		if p.kept[address] = append([]*upstream(nil), all[old:]...); old == len(all) {
			delete(p.kept, address)
		}
	}
	p.sweep = nil
	if len(p.kept) > 0 {
		p.sweep = time.AfterFunc(most, func() { p.clean(most) })
	}
}

// clear closes all. Those in use are closed when they have served, unless they are asked for again.
func (p *pool) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended, p.count = true, 0
	for address, all := range p.kept {
		closeAll(all)
		delete(p.kept, address)
	}
}

func closeAll(all []*upstream) []*upstream {
	for _, u := range all {
		u.end()
	}
	return nil
}
