package http3

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

// What a client may do on one connection, beside what QUIC bounds.
const (
	resets    = 500 // requests that it takes back before they were answered
	resetRate = 100 // more of them a second
	backlog   = 4   // times as many requests as it may have streams open: those that it took back, and that have not ended yet
)

// peers are the clients of one period.
type peers struct {
	mu  sync.Mutex
	all map[*quic.Conn]*peer // guarded by mu
}

// peer is one client.
type peer struct {
	conn  *quic.Conn
	http  *http3.Server // of its own: quic-go's counting of several connections of one is not safe while they end
	heads *heads
	rest  time.Duration // how long it may ask for nothing
	idle  *time.Timer   // ends it then

	resets  rate
	mu      sync.Mutex
	active  int       // guarded by mu: requests under way
	next    int64     // guarded by mu: the number of the stream behind the last that a request was read from
	since   time.Time // guarded by mu: when the last one ended
	leaving bool      // guarded by mu: it is to come again by another connection
	heard   uint64    // guarded by mu: packets that had come when it was told to ask for nothing more
}

// restTime is how long, beside the time of the way, nothing is under way on a connection that is closed.
const restTime = 250 * time.Millisecond

// peerKey is where the context of a request has its client.
type peerKey struct{}

// answerTime is for a client that is there to say anything at all when it is told that the server ends, beside the time of the way.
const answerTime = 3 * time.Second

// expect makes a client known, until forget.
func (p *peers) expect(conn *quic.Conn, o *Options) *peer {
	q := &peer{conn: conn, rest: o.IdleTimeout, since: time.Now(), resets: rate{most: resets, each: resetRate}}
	q.http = o.newHTTP(q)
	q.mu.Lock() // the timer is set before it is looked for
	q.idle = time.AfterFunc(q.rest, q.rested)
	q.mu.Unlock()
	q.heads, _ = conn.QlogTrace().(*heads) // Options.trace made it
	later := func(why string) func() {     // it is QUIC that tells, and that would have to end
		return func() { time.AfterFunc(0, func() { o.calm(q, why) }) }
	}
	q.heads.tell(func() { o.calm(q, "headers that do not end") }, func() { q.useless(later("too many streams of no use")) }, later("too many frames that carry nothing"))
	q.heads.client.tell(q.moved)
	q.heads.waste.tell(later("bodies in too many pieces"))
	q.heads.fields.tell(func(why string) { later(why)() })
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.all == nil {
		p.all = map[*quic.Conn]*peer{}
	}
	p.all[conn] = q
	return q
}

func (p *peers) forget(conn *quic.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all[conn].idle.Stop()
	delete(p.all, conn)
}

func (p *peers) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.all)
}

// every does something with each.
func (p *peers) every(do func(*peer)) {
	p.mu.Lock()
	all := slices.Collect(maps.Values(p.all))
	p.mu.Unlock()
	for _, q := range all {
		do(q)
	}
}

// begin counts a request by its stream, and gives how many are under way, and how many streams before it have not
// brought one: streams are opened in order. One that was late gives -1.
func (q *peer) begin(stream quic.StreamID) (active, missing int) {
	q.heads.came(stream)
	number := int64(stream / streamKinds)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.active++
	q.idle.Stop()
	if number < q.next {
		return q.active, -1
	}
	missing = int(number - q.next)
	q.next = number + 1
	return q.active, missing
}

// end ends what begin began.
func (q *peer) end(stream quic.StreamID) {
	q.heads.handled(stream)
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.active--; q.active == 0 {
		q.since = time.Now()
		if q.leaving {
			q.idle.Reset(q.patience())
		} else {
			q.idle.Reset(q.rest)
		}
	}
}

// leave has the connection closed when what is under way has ended.
func (q *peer) leave() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.leaving = true
}

// rested ends a client with nothing under way for long enough.
func (q *peer) rested() {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch left := q.rest - time.Since(q.since); {
	case q.active > 0: // begun just now
	case q.leaving || left <= 0:
		q.close(http3.ErrCodeNoError, "idle")
	default:
		q.idle.Reset(left)
	}
}

// useless counts a stream that is of no use to anybody.
func (q *peer) useless(many func()) {
	if !q.resets.take(time.Now(), 1) {
		many()
	}
}

// moved ends the connection of a client that has another address now, as the connections of other versions of HTTP end then: what is
// under way was allowed, and counted, for the one that it had.
func (q *peer) moved() {
	time.AfterFunc(0, func() { q.close(http3.ErrCodeNoError, "another address") }) // it is QUIC that tells, and that would have to end
}

// farewell tells a client to ask for nothing more (GOAWAY, RFC 9114, section 5.2), and waits until its connection has ended, or ctx.
func (q *peer) farewell(ctx context.Context) {
	q.mu.Lock()
	q.heard = q.conn.ConnectionStats().PacketsReceived
	q.mu.Unlock()
	_ = q.http.Shutdown(ctx) // fails when ctx ends: then all are cut
}

// isGone tells whether nothing at all has come from a client since it was told, which calls for an answer: it has vanished, and what is
// under way for it would go on for nobody.
func (q *peer) isGone(now, told time.Time) bool {
	way := q.conn.ConnectionStats()
	q.mu.Lock()
	defer q.mu.Unlock()
	return way.PacketsReceived == q.heard && now.Sub(told) > answerTime+2*(way.SmoothedRTT+4*way.MeanDeviation)
}

// isDone tells whether nothing is under way for long enough, on a connection whose client was told at a time to ask for nothing more.
func (q *peer) isDone(now, told time.Time) bool {
	q.mu.Lock()
	idle, since := q.active == 0, q.since
	q.mu.Unlock()
	if since.Before(told) {
		since = told
	}
	return idle && now.Sub(since) > q.patience()
}

// patience is how long nothing is to be under way before a connection is closed: the end of a response may still be on its way, or
// have to be sent again; a request may have been sent before the client heard that none was to come, and it is told that it was not
// read.
func (q *peer) patience() time.Duration {
	way := q.conn.ConnectionStats()
	return restTime + 3*(way.SmoothedRTT+4*way.MeanDeviation)
}

func (q *peer) close(code http3.ErrCode, why string) {
	_ = q.conn.CloseWithError(quic.ApplicationErrorCode(code), why)
}
