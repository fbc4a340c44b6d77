package proxy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"
)

// Prepared is a configuration made ready beside the one in force: its rules are made, and its new addresses are open. It is
// ended by Use or by Discard, one of them, once.
type Prepared struct {
	door   *Door
	before *Rules
	rules  *Rules
	added  []*listener
	udp    map[*listener]*overUDP // what those get that are to speak HTTP/3, and did not before
}

// Prepare makes a configuration ready. With an error nothing is left of it. One is prepared at a time.
func (d *Door) Prepare(ctx context.Context, parts Parts) (*Prepared, error) {
	p := &Prepared{door: d, before: d.inForce.Load(), udp: map[*listener]*overUDP{}}
	var err error
	if p.rules, err = newRules(parts, p.before, d.tickets, d.upstreams); err != nil {
		return nil, err
	}
	p.rules.leaveHTTP3(p.before, d.now())
	for i, key := range keys(parts.Config.Listeners) {
		if p.before.fronts[key] != nil {
			if err := p.prepareUDP(ctx, key); err != nil {
				p.Discard()
				return nil, err
			}
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
		_ = l.close() // nobody was told of it
	}
	for _, udp := range p.udp {
		_ = udp.close()
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
		p.added, p.udp = nil, nil
	}
	d.inForce.Store(p.rules)
	d.upstreams.Use(p.rules.plan)
	d.Changed()
	select {
	case d.reloaded <- struct{}{}:
	default: // told already
	}
	for _, l := range p.added {
		d.serve(l.serve)
		if l.udp != nil {
			d.serve(l.udp.serve)
		}
	}
	for l, udp := range p.udp {
		l.udp = udp
		d.serve(udp.serve)
	}
	kept := slices.DeleteFunc(slices.Clone(d.listeners), func(l *listener) bool { return p.rules.fronts[l.key] == nil })
	for _, l := range d.listeners {
		if d.serve != nil && l.socket != nil && !slices.Contains(kept, l) {
			_ = l.socket.Close() // when this returns, and not when accepting does, its address is free
			d.serve(func() error { d.retire(l); return nil })
			<-l.done
		}
	}
	d.listeners = append(kept, p.added...)
	for _, l := range kept {
		d.adjust(l, p.rules.fronts[l.key])
	}
	p.closeIdle()
}

// prepareUDP opens the UDP half of a listener that stays, when it is to have one and has none.
func (p *Prepared) prepareUDP(ctx context.Context, key string) error {
	if !p.rules.fronts[key].HTTP3 {
		return nil
	}
	for _, l := range p.door.listening() {
		if l.key != key || l.socket == nil || l.overUDP() != nil {
			continue
		}
		udp, err := l.openUDP(ctx)
		if err != nil {
			return err
		}
		p.udp[l] = udp
	}
	return nil
}

// overUDP is the half that speaks HTTP/3; nil: there is none.
func (l *listener) overUDP() *overUDP {
	l.door.mu.Lock()
	defer l.door.mu.Unlock()
	return l.udp
}

// adjust makes a listener that stays do what is said of it now. d.mu is held.
func (d *Door) adjust(l *listener, f *front) {
	l.gate.Use(limitsOf(f.Listener))
	switch {
	case l.udp == nil || d.serve == nil:
	case f.HTTP3:
		l.udp.server.Resume()
	default:
		end := l.udp.server.Pause()
		d.serve(func() error { d.endUDP(end); return nil })
	}
}

// endUDP lets what is under way over UDP come to its end.
func (d *Door) endUDP(end func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.Background(), d.drain)
	defer cancel()
	if err := end(ctx); err != nil {
		d.log.Warn().Err(err).Msg("requests under way over HTTP/3 were cut")
	}
}

// closeIdle closes the connections to applications that no route leads to any more. Those in use are closed when they have
// served.
func (p *Prepared) closeIdle() {
	kept := p.rules.network()
	for pool, l := range p.before.network() {
		if kept[pool] == nil {
			l.closeIdle()
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
	var err error
	for range portTries {
		if err = l.openOnce(ctx); err == nil || !anyPort(l.Address) {
			return err
		}
	}
	return err
}

// portTries is how often a port is looked for that is free for TCP and for UDP, where the address does not say which.
const portTries = 16

func anyPort(address string) bool {
	_, port, err := net.SplitHostPort(address)
	return err == nil && port == "0"
}

func (l *listener) openOnce(ctx context.Context) error {
	socket, err := new(net.ListenConfig).Listen(ctx, "tcp", l.Address)
	if err != nil {
		return fmt.Errorf("listen %q: %w", l.Name, err)
	}
	l.socket = socket
	if !l.HTTP3 {
		return nil
	}
	if l.udp, err = l.openUDP(ctx); err != nil {
		return errors.Join(err, l.close())
	}
	return nil
}

// farewell is how long before the end of a drain what is still under way is cut, if there is so much time: it is to be told why, as by
// a status of gRPC or of a request that has no answer yet, before its connection is closed.
const farewell = time.Second

// drain takes no more, and lets what is under way come to its end until shortly before ctx does; then it is cut.
func (l *listener) drain(ctx context.Context) {
	if until, ok := ctx.Deadline(); ok {
		left := time.Until(until)
		defer time.AfterFunc(left-cmp.Or(l.door.farewell, min(farewell, left/4)), func() { l.door.streams.endThrough(l) }).Stop()
	}
	if l.socket != nil {
		_ = l.socket.Close()
	}
	var udp error
	var all sync.WaitGroup
	if three := l.overUDP(); three != nil {
		all.Go(func() { udp = three.drain(ctx) })
	}
	err := l.speakers.shutdown(ctx)
	all.Wait()
	if err := errors.Join(err, udp); err != nil {
		l.door.log.Warn().Err(err).Str("listen", l.Name).Msg("requests under way were cut")
	}
}

// errClosed is for TLS handshakes with an address that is being closed.
var errClosed = errors.New("this address is being closed")
