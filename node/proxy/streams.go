package proxy

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"picket/node/authn"
)

// streams are the admitted requests under way, by session.
type streams struct {
	metrics *metrics
	mu      sync.Mutex
	empty   sync.Cond          // on mu: first has become empty
	first   map[string]*stream // guarded by mu: by session id, "" for nobody's; a ring through next and prev
	shut    bool               // guarded by mu: what comes now is ended at once
}

// stream is one admitted request under way.
type stream struct {
	ask     *ask
	proved  atomic.Int64          // Unix ns when it was last known to be admitted
	settled atomic.Pointer[Rules] // by which it was last known to be admitted

	patience time.Duration // for which nothing may come from either side; 0: without end
	alive    atomic.Int64  // Unix ns, about, when something came

	pace atomic.Pointer[bodyPace] // of the client's body; nil: it has none, or that may come as it likes

	next, prev *stream // guarded by streams.mu
}

func newStreams(m *metrics) *streams {
	t := &streams{metrics: m, first: make(map[string]*stream)}
	t.empty.L = &t.mu
	return t
}

// end ends it.
func (s *stream) end(why error) { s.ask.r.Life.End(why) }

// add notes a request that was admitted. about is the time as Door.coarse has it: who had to wait to be admitted is not idle for that.
func (t *streams) add(a *ask, about int64) *stream {
	s := &a.stream
	s.ask = a
	began := a.began.UnixNano()
	s.proved.Store(began)
	s.alive.Store(max(began, about))
	s.settled.Store(a.rules)
	t.metrics.opened()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.shut {
		s.end(errGoingAway)
	}
	first := t.first[a.in.Session.ID]
	if first == nil {
		s.next, s.prev = s, s
		t.first[a.in.Session.ID] = s
		return s
	}
	s.next, s.prev = first, first.prev
	s.prev.next, s.next.prev = s, s
	return s
}

// remove forgets a request that has come to its end.
func (t *streams) remove(s *stream) {
	t.metrics.closed()
	t.mu.Lock()
	defer t.mu.Unlock()
	id := s.ask.in.Session.ID
	if s.next == s {
		delete(t.first, id)
	} else if t.first[id] == s {
		t.first[id] = s.next
	}
	s.prev.next, s.next.prev = s.next, s.prev
	if len(t.first) == 0 {
		t.empty.Broadcast()
	}
}

// pick gives the requests under way that a change may touch; of the zero change, all.
func (t *streams) pick(c authn.Change) []*stream {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c.Session != "" {
		return appendRing(nil, t.first[c.Session])
	}
	var picked []*stream
	for _, first := range t.first {
		if c.User == "" || first.ask.in.User.ID == c.User { // one session is of one user
			picked = appendRing(picked, first)
		}
	}
	return picked
}

// appendRing adds a ring. Whoever is given one holds it, maybe beyond its end.
func appendRing(to []*stream, first *stream) []*stream {
	if first == nil {
		return to
	}
	for s := first; ; s = s.next {
		s.ask.r.Life.Keep()
		if to = append(to, s); s.next == first {
			return to
		}
	}
}

// tunnelRest is how long nothing is to pass through a tunnel before a door that closes ends it.
const tunnelRest = 2 * time.Second

// endSockets ends, at a door that closes since a time, what would go on for ever: WebSockets at once, since they are told why; and tunnels,
// or what else a request switched to, once nothing passes through them any more, since nothing in them says that they are to end.
func (d *Door) endSockets(all []*stream) {
	since := d.closing.Load()
	if since == 0 {
		return
	}
	now := time.Now().UnixNano()
	for _, s := range all {
		tunnel := s.ask.wants != "" || s.ask.route.Connect != ""
		rests := now-max(since, s.alive.Load()) > int64(tunnelRest)
		if s.ask.in.Request.WebSocket || tunnel && rests {
			s.end(errGoingAway)
		}
	}
}

// drain waits until nothing is under way, or ctx ends.
func (t *streams) drain(ctx context.Context) {
	defer context.AfterFunc(ctx, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.empty.Broadcast()
	})()
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.first) > 0 && ctx.Err() == nil {
		t.empty.Wait()
	}
}

// endAll ends whatever is under way or comes now, and waits until that is done.
func (t *streams) endAll() {
	t.mu.Lock()
	t.shut = true
	t.mu.Unlock()
	for _, s := range t.pick(authn.Change{}) {
		s.end(errGoingAway)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.first) > 0 {
		t.empty.Wait()
	}
}

// changes are the sessions and users that changed and whose requests were not yet asked about. Adding never waits; what
// is added twice is asked about once.
type changes struct {
	heard atomic.Uint64 // how many were added, ever
	wake  chan struct{} // holds one token while there is something
	mu    sync.Mutex
	news  map[authn.Change]struct{} // guarded by mu
}

func newChanges() *changes {
	return &changes{wake: make(chan struct{}, 1), news: make(map[authn.Change]struct{})}
}

func (c *changes) add(change authn.Change) {
	c.heard.Add(1)
	c.mu.Lock()
	c.news[change] = struct{}{}
	c.mu.Unlock()
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// take gives what there is, and forgets it.
func (c *changes) take() map[authn.Change]struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	news := c.news
	c.news = make(map[authn.Change]struct{})
	return news
}
