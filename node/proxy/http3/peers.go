package http3

import (
	"context"
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
	conn *quic.Conn
	rest time.Duration // how long it may ask for nothing
	idle *time.Timer   // ends the connection then

	resets rate
	mu     sync.Mutex
	active int       // guarded by mu: requests under way
	since  time.Time // guarded by mu: when the last one ended
}

// peerKey is where the context of a request has its client.
type peerKey struct{}

// expect makes a client known, until forget.
func (p *peers) expect(conn *quic.Conn, rest time.Duration) {
	q := &peer{conn: conn, rest: rest, since: time.Now(), resets: rate{most: resets, each: resetRate}}
	q.idle = time.AfterFunc(rest, func() { q.close(http3.ErrCodeNoError, "idle") })
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

// begin counts a request, and gives how many are under way.
func (q *peer) begin() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.active++
	q.idle.Stop()
	return q.active
}

// end ends what begin began.
func (q *peer) end() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.active--; q.active == 0 {
		q.since = time.Now()
		q.idle.Reset(q.rest)
	}
}

// restsSince tells for how long nothing is under way.
func (q *peer) restsSince(now time.Time) time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.active > 0 {
		return 0
	}
	return now.Sub(q.since)
}

func (q *peer) close(code http3.ErrCode, why string) {
	_ = q.conn.CloseWithError(quic.ApplicationErrorCode(code), why)
}
