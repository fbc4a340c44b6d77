package proxy

import (
	"cmp"
	"context"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"picket/node/authn"
)

// streams are the admitted requests under way, by session. Requests come and go all the time, on all processors: so there are many
// rings, each with a lock of its own, and whoever comes or goes touches one.
type streams struct {
	seed  maphash.Seed
	rings [streamRings]ring // the first is of requests that are nobody's

	shut    atomic.Bool // what comes now is ended at once
	awaited atomic.Bool // somebody waits for all to go
	mu      sync.Mutex
	gone    sync.Cond // on mu: one has gone, while somebody waits for all
}

const streamRings = 1 << 9

// ring is some of them: all of a session are in one.
type ring struct {
	mu    sync.Mutex
	first *stream // guarded by mu; nil: none
	count int     // guarded by mu
}

// stream is one admitted request under way.
type stream struct {
	ask     *ask
	proved  atomic.Int64          // Unix ns when it was found to be admitted still; 0: it was not asked about again
	settled atomic.Pointer[Rules] // by which it was; nil: the same

	patience time.Duration // for which nothing may come from either side; 0: without end
	thinking time.Duration // that the application may take beyond that, once it was asked whole; bounded by others
	unasked  atomic.Bool   // some of the client's body is to come
	answered atomic.Bool   // the application's answer has begun
	since    int64         // Unix ns, about, when it was admitted
	alive    atomic.Int64  // Unix ns, about, when something came; 0: then
	silence  silence       // of the sweep alone

	over atomic.Bool // all of it was carried: nothing is left to be ended, and it is waited for alone

	pace atomic.Pointer[bodyPace] // of the client's body; nil: it has none, or that may come as it likes

	ring       *ring   // nil: it is not under way
	next, prev *stream // guarded by ring.mu
}

func newStreams() *streams {
	t := &streams{seed: maphash.MakeSeed()}
	t.gone.L = &t.mu
	return t
}

// ring is where requests of a session are; "" is nobody's.
func (t *streams) ring(session string) *ring {
	if session == "" {
		return &t.rings[0]
	}
	return &t.rings[1+maphash.String(t.seed, session)%(streamRings-1)]
}

// count is how many there are.
func (t *streams) count() (n int) {
	for i := range t.rings {
		r := &t.rings[i]
		r.mu.Lock()
		n += r.count
		r.mu.Unlock()
	}
	return n
}

// lastProved is when it was last known to be admitted, in Unix ns.
func (s *stream) lastProved() int64 {
	if at := s.proved.Load(); at != 0 {
		return at
	}
	return s.ask.began.UnixNano()
}

// lastSettled are the rules by which it was last known to be admitted.
func (s *stream) lastSettled() *Rules { return cmp.Or(s.settled.Load(), s.ask.rules) }

// lastAlive is about when something came, in Unix ns.
func (s *stream) lastAlive() int64 { return max(s.since, s.alive.Load()) }

// patient is for how long nothing may come from either side now. An application that thinks is no idle client: what bounds that is the
// timeout of its route.
func (s *stream) patient() time.Duration {
	if s.unasked.Load() || s.answered.Load() {
		return s.patience
	}
	return s.patience + s.thinking
}

// noteAlive notes that something came, about now. Most requests are over before that is news.
func (s *stream) noteAlive(now int64) {
	if now > s.lastAlive() {
		s.alive.Store(now)
	}
}

// end ends it, and tells whether it went on until now.
func (s *stream) end(why error) bool { return s.ask.r.Life.End(why) }

// add notes a request that was admitted. about is the time as Door.coarse has it: who had to wait to be admitted is not idle for that.
func (t *streams) add(a *ask, about int64) *stream {
	s := &a.stream
	s.ask = a
	s.since = max(a.began.UnixNano(), about)
	s.ring = t.ring(a.in.Session.ID)
	s.ring.add(s)
	if t.shut.Load() {
		s.end(errGoingAway)
	}
	return s
}

// remove forgets a request that has come to its end.
func (t *streams) remove(s *stream) {
	s.ring.remove(s)
	s.ring = nil
	if t.awaited.Load() {
		t.mu.Lock()
		t.gone.Broadcast()
		t.mu.Unlock()
	}
}

func (r *ring) add(s *stream) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count++
	if r.first == nil {
		s.next, s.prev = s, s
		r.first = s
		return
	}
	s.next, s.prev = r.first, r.first.prev
	s.prev.next, s.next.prev = s, s
}

func (r *ring) remove(s *stream) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count--
	switch {
	case s.next == s:
		r.first = nil
	case r.first == s:
		r.first = s.next
	}
	s.prev.next, s.next.prev = s.next, s.prev
}

// pick gives the requests under way that a change may touch; of the zero change, all.
func (t *streams) pick(c authn.Change) (picked []*stream) {
	if c.Session != "" {
		return t.ring(c.Session).pick(nil, c)
	}
	for i := range t.rings {
		picked = t.rings[i].pick(picked, c)
	}
	return picked
}

// pick adds those of the ring. Whoever is given one holds it, maybe beyond its end.
func (r *ring) pick(to []*stream, c authn.Change) []*stream {
	r.mu.Lock()
	defer r.mu.Unlock()
	for s, n := r.first, r.count; n > 0; s, n = s.next, n-1 {
		if !s.over.Load() && s.touchedBy(c) {
			s.ask.r.Life.Keep()
			to = append(to, s)
		}
	}
	return to
}

// touchedBy tells whether a change may touch a request; the zero change may.
func (s *stream) touchedBy(c authn.Change) bool {
	switch in := &s.ask.in; {
	case c.Session != "":
		return in.Session.ID == c.Session
	case c.User != "":
		return in.User.ID == c.User
	}
	return true
}

// tunnelRest is how long nothing is to pass through a tunnel before a door that closes ends it.
const tunnelRest = 2 * time.Second

// endSockets ends, at a door that closes since a time, what would go on for ever: WebSockets at once, since they are told why; and tunnels,
// or what else a request switched to, and streams of events, once nothing passes through them any more, since nothing in them says that
// they are to end.
func (d *Door) endSockets(all []*stream) {
	since := d.closing.Load()
	if since == 0 {
		return
	}
	now := time.Now().UnixNano()
	for _, s := range all {
		endless := s.answered.Load() && s.ask.listens() || s.ask.wants != "" || s.ask.route.Connect != ""
		rests := now-max(since, s.alive.Load()) > int64(tunnelRest)
		if s.ask.in.Request.WebSocket || endless && rests {
			s.end(errGoingAway)
		}
	}
}

// drain waits until nothing is under way, or ctx ends.
func (t *streams) drain(ctx context.Context) {
	defer context.AfterFunc(ctx, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.gone.Broadcast()
	})()
	t.await(func() bool { return ctx.Err() == nil })
}

// endThrough ends what came through a listener that is about to close its connections.
func (t *streams) endThrough(l *listener) {
	for _, s := range t.pick(authn.Change{}) {
		if s.ask.through == l {
			s.end(errGoingAway)
		}
	}
}

// endAll ends whatever is under way or comes now, and waits until that is done.
func (t *streams) endAll() {
	t.shut.Store(true)
	for _, s := range t.pick(authn.Change{}) {
		s.end(errGoingAway)
	}
	t.await(func() bool { return true })
}

// await waits until nothing is under way, as long as it is to.
func (t *streams) await(wait func() bool) {
	t.awaited.Store(true) // before counting: whoever is counted tells when it goes
	t.mu.Lock()
	defer t.mu.Unlock()
	for wait() && t.count() > 0 {
		t.gone.Wait()
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
