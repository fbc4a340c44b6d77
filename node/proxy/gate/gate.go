// Package gate counts the connections that come to one public address: how many are open, and how fast new ones come, from one
// client and in all.
//
// It promises that what it holds is bounded, however many clients there are, and that one client cannot take the places of all
// others. It closes nothing itself.
package gate

import (
	"net/netip"
	"sync"
	"time"
)

// Limits are how many connections may come. A zero limit is none.
type Limits struct {
	Open  int // open at once
	Rate  int // new ones a second
	Burst int // new ones at once, when there were none for a while; 0: Rate

	AddressOpen  int // the same three of one client
	AddressRate  int
	AddressBurst int
}

// Reason is why a connection is not let in.
type Reason string

// Reasons. The zero Reason is none: the connection is let in.
const (
	TooMany            Reason = "too_many"
	TooFast            Reason = "too_fast"
	TooManyFromAddress Reason = "too_many_from_address"
	TooFastFromAddress Reason = "too_fast_from_address"
)

// mostKnown is how many clients without a connection are remembered.
const mostKnown = 32 << 10

// Gate counts. Its limits can change at any time.
type Gate struct {
	now func() time.Time

	mu      sync.Mutex
	limits  Limits                    // guarded by mu
	open    int                       // guarded by mu
	all     bucket                    // guarded by mu
	clients map[netip.Addr]*newcomers // guarded by mu
}

// newcomers are the connections of one client.
type newcomers struct {
	open   int
	bucket bucket
}

// New makes a gate. now is the clock.
func New(l Limits, now func() time.Time) *Gate {
	return &Gate{now: now, limits: l, clients: make(map[netip.Addr]*newcomers)}
}

// Use puts other limits in force. What is open stays so.
func (g *Gate) Use(l Limits) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.limits = l
}

// Open is how many connections are open.
func (g *Gate) Open() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.open
}

// Enter counts a connection before it is known whose it is. With no reason against it, Leave has to follow at its end.
func (g *Gate) Enter() Reason {
	g.mu.Lock()
	defer g.mu.Unlock()
	l := &g.limits
	switch {
	case l.Open > 0 && g.open >= l.Open:
		return TooMany
	case !g.all.take(g.now(), l.Rate, l.Burst):
		return TooFast
	}
	g.open++
	return ""
}

// Leave ends what Enter began.
func (g *Gate) Leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open--
}

// EnterFrom counts a connection as one of a client. With no reason against it, LeaveFrom has to follow at its end.
func (g *Gate) EnterFrom(client netip.Addr) Reason {
	key := keyOf(client)
	g.mu.Lock()
	defer g.mu.Unlock()
	l := &g.limits
	c := g.clients[key]
	if c == nil {
		g.forgetSome()
		c = &newcomers{}
		g.clients[key] = c
	}
	switch {
	case l.AddressOpen > 0 && c.open >= l.AddressOpen:
		return TooManyFromAddress
	case !c.bucket.take(g.now(), l.AddressRate, l.AddressBurst):
		return TooFastFromAddress
	}
	c.open++
	return ""
}

// LeaveFrom ends what EnterFrom began.
func (g *Gate) LeaveFrom(client netip.Addr) {
	g.mu.Lock()
	defer g.mu.Unlock()
	c := g.clients[keyOf(client)]
	if c == nil {
		return
	}
	if c.open--; c.open == 0 && g.limits.AddressRate == 0 {
		delete(g.clients, keyOf(client))
	}
}

// forgetSome makes room when too many clients are remembered: for some that have no connection, that they had one lately is
// forgotten. Ranging over a map begins anywhere. g.mu is held.
func (g *Gate) forgetSome() {
	if len(g.clients) < mostKnown {
		return
	}
	looked := 0
	for key, c := range g.clients {
		if c.open == 0 {
			delete(g.clients, key)
		}
		if looked++; looked == 8 {
			return
		}
	}
}

// keyOf is what counts as one client: an IPv4 address, or the 64 bits of an IPv6 address that are one network.
func keyOf(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if a.Is4() {
		return a
	}
	network, err := a.Prefix(64)
	if err != nil { // the zero Addr
		return a
	}
	return network.Addr()
}

// bucket holds what may still come. The zero bucket is full.
type bucket struct {
	taken float64 // of the burst
	at    time.Time
}

// take takes one, and tells whether there was one. It fills again by rate a second.
func (b *bucket) take(now time.Time, rate, burst int) bool {
	if rate <= 0 {
		return true
	}
	burst = max(burst, rate)
	if !b.at.IsZero() {
		b.taken = max(0, b.taken-now.Sub(b.at).Seconds()*float64(rate))
	}
	b.at = now
	if b.taken+1 > float64(burst) {
		return false
	}
	b.taken++
	return true
}
