package ratelimit

import (
	"context"
	"math"
	"slices"
	"sync"
	"time"
)

const (
	// Coalesce is how long what is to be told at once waits for more.
	Coalesce = 10 * time.Millisecond
	// tellEvery is how often everything is told, and that this node is there.
	tellEvery = time.Second
	// silence is how long a node that says nothing is still taken to be heard.
	silence = 3 * time.Second
	// gone is when a node that says nothing is one that was.
	gone = 10 * time.Minute
	// longest is a message, in bytes, about.
	longest = 64 << 10
)

// Run tells the others what is taken here, until ctx ends. tell sends a message to all nodes, and may lose it; what they
// send is given to Hear.
func (l *Limiter) Run(ctx context.Context, tell func(message []byte)) error {
	if l.peers.own == "" {
		return nil
	}
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	for {
		l.weigh()
		select {
		case <-ctx.Done():
			tell(l.peers.bye())
			return nil
		case <-tick.C:
			l.tellAll(tell)
		case <-l.hot:
			if wait(ctx, Coalesce) {
				l.tellHot(tell)
			}
		}
	}
}

// wait tells whether it waited to its end.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// tellHot sends what cannot wait.
func (l *Limiter) tellHot(tell func([]byte)) {
	m := l.peers.hello()
	for i := range l.shards {
		s := &l.shards[i]
		s.mu.Lock()
		for _, at := range s.hot {
			if b, known := s.find(at); known {
				m = b.told(m)
			}
		}
		s.hot = s.hot[:0]
		s.mu.Unlock()
		if len(m) > longest {
			tell(m)
			m = l.peers.hello()
		}
	}
	tell(m)
}

// tellAll sends all that was taken since it was told last, and if it was nothing, that this node is there.
func (l *Limiter) tellAll(tell func([]byte)) {
	m := l.peers.hello()
	for i := range l.shards {
		s := &l.shards[i]
		for from := 0; from >= 0; {
			m, from = s.tellFrom(m, from)
			if len(m) > longest {
				tell(m)
				m = l.peers.hello()
			}
		}
	}
	tell(m)
}

// tellFrom adds to a message what buckets from one on have to tell, until it is long; then it gives the next, else -1.
func (s *shard) tellFrom(m []byte, from int) ([]byte, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := from; i < len(s.buckets); i++ {
		m = s.buckets[i].told(m)
		if len(m) > longest {
			return m, i + 1
		}
	}
	return m, -1
}

// told adds what was taken to a message, if anything was.
func (b *bucket) told(m []byte) []byte {
	if b.untold == 0 {
		return m
	}
	m = appendTaken(m, taken{b.place, b.untold})
	b.untold, b.taken = 0, 0
	return m
}

// Hear takes what another node tells. A message that cannot be read is not heard at all.
func (l *Limiter) Hear(message []byte) {
	m, ok := readMessage(message)
	if !ok || !l.peers.heard(m) {
		return
	}
	now := l.now()
	for _, t := range m.taken {
		s := l.shard(t.place)
		s.mu.Lock()
		b, known := s.find(t.place)
		if !known {
			b = s.add(t.place, now, &l.forgot)
		}
		b.add(t.amount, now)
		s.mu.Unlock()
	}
	l.weigh()
}

// weigh finds this node's share anew.
func (l *Limiter) weigh() { l.stake.Store(math.Float64bits(l.peers.stake())) }

// peers are the nodes that this one knows of.
type peers struct {
	own string

	mu    sync.Mutex
	names []string             // guarded by mu: that belong to the cluster, heard or not
	last  map[string]time.Time // guarded by mu: when a node was heard; zero: never
}

func (p *peers) meet(own string, names []string) {
	p.own, p.last, p.names = own, map[string]time.Time{}, names
	for _, name := range names {
		if name != own {
			p.last[name] = time.Now() // as if it had been: a node that starts has not had the time to hear anybody
		}
	}
}

// heard takes down that a node is there; false when it is this one.
func (p *peers) heard(m message) bool {
	if m.node == p.own {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if m.leaves {
		delete(p.last, m.node)
		return true
	}
	p.last[m.node] = time.Now()
	return true
}

// stake is what a request takes on this node, against what it takes in the cluster: 1 while it hears most of the nodes.
func (p *peers) stake() float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	hears, all := 1, 1
	for name, last := range p.last {
		age := time.Since(last)
		switch {
		case age <= silence:
			hears++
		case age > gone && !slices.Contains(p.names, name):
			delete(p.last, name)
			continue
		}
		all++
	}
	if 2*hears > all {
		return 1
	}
	return float64(all) / float64(hears)
}
