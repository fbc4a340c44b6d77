package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
)

// Prepared is a configuration made ready beside the one in force: its rules are made, and its new addresses are open. It is
// ended by Use or by Discard, one of them, once.
type Prepared struct {
	door   *Door
	before *Rules
	rules  *Rules
	added  []*listener
}

// Prepare makes a configuration ready. With an error nothing is left of it. One is prepared at a time.
func (d *Door) Prepare(ctx context.Context, parts Parts) (*Prepared, error) {
	p := &Prepared{door: d, before: d.inForce.Load()}
	var err error
	if p.rules, err = newRules(parts, p.before, d.tickets); err != nil {
		return nil, err
	}
	for i, key := range keys(parts.Config.Listeners) {
		if p.before.fronts[key] != nil {
			continue
		}
		l := d.newListener(parts.Config.Listeners[i], key)
		if err := l.open(ctx); err != nil {
			p.Discard()
			return nil, err
		}
		p.added = append(p.added, l)
	}
	return p, nil
}

// Discard closes what was opened.
func (p *Prepared) Discard() {
	for _, l := range p.added {
		_ = l.socket.Close() // nobody was told of it
	}
}

// Use puts the rules in force, at one point: each request that begins from now on is decided by them, and what is under way
// is asked about again. Addresses that are new are served, others take no more connections, and finish what they have.
func (p *Prepared) Use() {
	d := p.door
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.serve == nil { // closing, or not yet open
		p.Discard()
		p.added = nil
	}
	d.inForce.Store(p.rules)
	d.Changed()
	for _, l := range p.added {
		d.serve(l.serve)
	}
	kept := slices.DeleteFunc(slices.Clone(d.listeners), func(l *listener) bool { return p.rules.fronts[l.key] == nil })
	for _, l := range d.listeners {
		if d.serve != nil && l.socket != nil && !slices.Contains(kept, l) {
			d.serve(func() error { d.retire(l); return nil })
			<-l.done // its address is free
		}
	}
	d.listeners = append(kept, p.added...)
	p.closeIdle()
}

// closeIdle closes the connections to applications that no route leads to any more. Those in use are closed when they have
// served.
func (p *Prepared) closeIdle() {
	kept := p.rules.transports()
	for pool, t := range p.before.transports() {
		if kept[pool] == nil {
			t.CloseIdleConnections()
		}
	}
}

// retire closes an address that the configuration no longer has: what is under way there may come to its end. WebSockets
// have none, and are cut when they are asked about.
func (d *Door) retire(l *listener) {
	ctx, cancel := context.WithTimeout(context.Background(), d.drain)
	defer cancel()
	l.drain(ctx)
}

// open opens the address.
func (l *listener) open(ctx context.Context) error {
	socket, err := new(net.ListenConfig).Listen(ctx, "tcp", l.Address)
	if err != nil {
		return fmt.Errorf("listen %q: %w", l.Name, err)
	}
	l.socket = socket
	return nil
}

// drain takes no more, and lets what is under way come to its end until ctx does; then it is cut.
func (l *listener) drain(ctx context.Context) {
	if l.socket != nil {
		_ = l.socket.Close()
	}
	if err := l.speakers.shutdown(ctx); err != nil {
		l.door.log.Warn().Err(err).Str("listen", l.Name).Msg("requests under way were cut")
	}
}

// errClosed is for TLS handshakes with an address that is being closed.
var errClosed = errors.New("this address is being closed")
