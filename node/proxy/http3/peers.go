package http3

import (
	"context"
	"math"
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
	conn   *quic.Conn
	rest   time.Duration    // how long it may ask for nothing
	look   time.Duration    // how often it is looked at meanwhile
	idle   *time.Timer      // does that, and ends the connection
	calmed func(why string) // ends it for what it did

	resets  rate
	mu      sync.Mutex
	active  int       // guarded by mu: requests under way
	next    int64     // guarded by mu: the number of the stream behind the last that a request was read from
	since   time.Time // guarded by mu: when the last one ended
	leaving bool      // guarded by mu: it is to come again by another connection
	heard   uint64    // guarded by mu: bytes that had come when it was looked at last; unheard: it was not
}

// unheard is for a client that has just been served: what it sends now may still belong to that.
const unheard = math.MaxUint64

// murmur is how much, in bytes, a client sends from one look to the next that asks for nothing: acknowledgements, probes, signs of
// life. One that sends more has begun requests and does not finish their headers, of which quic-go tells nobody.
const murmur = 32 << 10

// restTime is how long, beside the time of the way, nothing is under way on a connection that is closed.
const restTime = 250 * time.Millisecond

// peerKey is where the context of a request has its client.
type peerKey struct{}

// expect makes a client known, until forget.
func (p *peers) expect(conn *quic.Conn, o *Options) {
	q := &peer{conn: conn, rest: o.IdleTimeout, look: min(o.HeaderTimeout, o.IdleTimeout), since: time.Now(), resets: rate{most: resets, each: resetRate}}
	q.calmed = func(why string) { o.calm(q, why) }
	q.mu.Lock() // the timer is set before it is looked for
	q.idle = time.AfterFunc(q.look, q.rested)
	q.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.all == nil {
		p.all = map[*quic.Conn]*peer{}
	}
	p.all[conn] = q
}

func (p *peers) forget(conn *quic.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all[conn].idle.Stop()
	delete(p.all, conn)
}

// meet gives the requests of a connection their client.
func (p *peers) meet(ctx context.Context, conn *quic.Conn) context.Context {
	p.mu.Lock()
	defer p.mu.Unlock()
	return context.WithValue(ctx, peerKey{}, p.all[conn])
}

func (p *peers) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.all)
}

// close closes those connections for which which is true.
func (p *peers) close(code http3.ErrCode, why string, which func(*peer) bool) {
	p.mu.Lock()
	var chosen []*peer
	for _, q := range p.all {
		if which(q) {
			chosen = append(chosen, q)
		}
	}
	p.mu.Unlock()
	for _, q := range chosen {
		q.close(code, why)
	}
}

// begin counts a request by the number of its stream, and gives how many are under way, and how many streams before it have not
// brought one: streams are opened in order. One that was late gives -1.
func (q *peer) begin(number int64) (active, missing int) {
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
func (q *peer) end() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.active--; q.active == 0 {
		q.since = time.Now()
		q.heard = unheard
		if q.leaving {
			q.idle.Reset(q.patience())
		} else {
			q.idle.Reset(q.look)
		}
	}
}

// leave has the connection closed when what is under way has ended.
func (q *peer) leave() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.leaving = true
}

// rested looks at a client with nothing under way: it is ended when that is so for long enough, or when it sends much all the same.
func (q *peer) rested() {
	heard := q.conn.ConnectionStats().BytesReceived
	q.mu.Lock()
	defer q.mu.Unlock()
	left := q.rest - time.Since(q.since)
	switch {
	case q.active > 0: // begun just now
	case q.leaving || left <= 0:
		q.close(http3.ErrCodeNoError, "idle")
	case q.heard != unheard && heard-q.heard > murmur:
		q.calmed("headers that do not end")
	default:
		q.heard = heard
		q.idle.Reset(min(q.look, left))
	}
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
