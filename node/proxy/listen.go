package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"picket/node/authn"
	"picket/node/config"
	"picket/node/proxy/gate"
	"picket/node/proxy/http1"
	"picket/node/proxy/trust"
)

// front is what a configuration says of one public address. The zero front is none: it trusts nobody and has no
// certificate.
type front struct {
	config.Listener
	certs    certificates
	obtained source // certificates that stand in no file; nil: there are none
	tickets  *tickets
	table    *table
	mute     time.Time // when HTTP/3 ceased to be spoken; zero: it never was, or is

	trust   *trust.Trust            // in clients, where the route says nothing
	ofRoute map[*route]*trust.Trust // of the routes that do
	ofSite  map[*site]*secured      // whose routes ask for certificates
	others  *secured                // for whoever names none of these
}

// newFronts makes ready what a configuration says of its listeners, by listener.key.
func newFronts(p Parts, r *Rules, t *tickets) (map[string]*front, error) {
	var mistakes []error
	from := p.Config.Listeners
	fronts := make(map[string]*front, len(from))
	for i, key := range keys(from) {
		f := &front{Listener: from[i], tickets: t, table: r.table}
		if from[i].Auto {
			f.obtained = p.Certificate
		}
		var err error
		if f.certs, err = newCertificates(from[i].Certificates); err != nil {
			mistakes = append(mistakes, fmt.Errorf("listen %q: %w", from[i].Name, err))
		}
		f.askClients(r.routes)
		fronts[key] = f
	}
	return fronts, errors.Join(mistakes...)
}

// keys tell listeners apart, also after a reload: by their address, and by how many have it before them (port 0 is another
// port each time).
func keys(of []config.Listener) []string {
	before, keys := map[string]int{}, make([]string, len(of))
	for i, l := range of {
		keys[i] = fmt.Sprint(l.Address, "#", before[l.Address])
		before[l.Address]++
	}
	return keys
}

// listener is one public address, open or to be opened. What it does is said by the front of the rules in force.
type listener struct {
	config.Listener // as it was when the listener was made
	key             string
	door            *Door
	gate            *gate.Gate
	speakers        *speakers
	socket          net.Listener // nil: not open
	udp             *overUDP     // guarded by door.mu once others know of the listener; nil: it has not spoken HTTP/3 yet
	said            atomic.Pointer[said]
	done            chan struct{} // closed when it takes no more connections
}

// addListeners makes the listeners of a configuration ready; it opens none.
func (d *Door) addListeners(r *Rules) {
	for i, key := range keys(r.config.Listeners) {
		d.listeners = append(d.listeners, d.newListener(r.config.Listeners[i], key))
	}
}

func (d *Door) newListener(c config.Listener, key string) *listener {
	l := &listener{Listener: c, key: key, door: d, gate: gate.New(limitsOf(c), d.now), done: make(chan struct{})}
	l.speakers = newSpeakers(l, c)
	return l
}

// limitsOf are the bounds of a listener's connections.
func limitsOf(c config.Listener) gate.Limits { return gate.Limits(c.Connections) }

// said is what some rules say of a listener.
type said struct {
	by    *Rules
	front *front // nil: nothing
}

// frontOf is what rules say of this listener; nil: nothing. It is found once for each, and kept.
func (l *listener) frontOf(r *Rules) *front {
	if s := l.said.Load(); s != nil && s.by == r {
		return s.front
	}
	f := r.fronts[l.key]
	l.said.Store(&said{r, f})
	return f
}

// inForce is what is said of this listener now; nil: nothing is, it is to be closed.
func (l *listener) inForce() *front { return l.frontOf(l.door.inForce.Load()) }

// ServeHTTP is the door behind this listener.
func (l *listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.door.serveHTTP(w, r, l)
}

// serveOwn is the door behind this listener for what is read by packages of ours: HTTP/1.1 and HTTP/2.
func (l *listener) serveOwn(r *http1.Request, c http1.Client) { l.door.take(r, c, l) }

// Open opens the addresses, so that one that is in use is an error before anything else is begun. When it fails, nothing
// is open.
func (d *Door) Open(ctx context.Context) error {
	for _, l := range d.listening() {
		if err := l.open(ctx); err != nil {
			return errors.Join(err, d.Close())
		}
	}
	return nil
}

// Close closes what Open opened and Run does not run.
func (d *Door) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	var errs []error
	for _, l := range d.listeners {
		errs = append(errs, l.close())
	}
	return errors.Join(errs...)
}

// close closes what is open.
func (l *listener) close() error {
	var errs []error
	if l.udp != nil {
		errs = append(errs, l.udp.close())
		l.udp = nil
	}
	if l.socket != nil {
		errs = append(errs, l.socket.Close())
		l.socket = nil
	}
	return errors.Join(errs...)
}

// Addresses are the addresses that are open, in the order of the configuration; those that it got later come last.
func (d *Door) Addresses() []string {
	var addresses []string
	for _, l := range d.listening() {
		if l.socket != nil {
			addresses = append(addresses, l.socket.Addr().String())
		}
	}
	return addresses
}

// listening are the listeners now.
func (d *Door) listening() []*listener {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.listeners)
}

// Run serves on what Open opened until ctx ends or a listener fails, and asks again about what is under way. Then it
// takes no more, ends WebSockets, and tunnels when nothing passes through them any more, and lets what is under way come to its end
// within Options.Drain.
func (d *Door) Run(ctx context.Context) error {
	watching, unwatch := context.WithCancel(context.WithoutCancel(ctx))
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return d.watch(watching) })
	g.Go(func() error { return d.upstreams.Run(watching) })
	g.Go(func() error { return d.limits.run(watching, d.untold) })
	g.Go(func() error {
		defer unwatch()
		<-ctx.Done()
		return d.shut(context.WithoutCancel(ctx))
	})
	d.mu.Lock()
	d.serve = g.Go
	for _, l := range d.listeners {
		if l.socket != nil {
			g.Go(l.serve)
		}
		if l.udp != nil {
			g.Go(l.udp.serve)
		}
	}
	d.mu.Unlock()
	return g.Wait()
}

// serve serves until the server is shut.
func (l *listener) serve() error {
	defer close(l.done)
	if err := l.speakers.serve(l.socket); err != nil {
		return fmt.Errorf("listen %q: %w", l.Name, err)
	}
	return nil
}

// shut drains all servers at once. What is still under way after the time for it is cut.
func (d *Door) shut(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, d.drain)
	defer cancel()
	d.mu.Lock()
	d.serve = nil // no more are added
	d.mu.Unlock()
	d.closing.Store(time.Now().UnixNano())
	d.endSockets(d.streams.pick(authn.Change{}))
	var all sync.WaitGroup
	for _, l := range d.listening() {
		all.Go(func() { l.drain(ctx) })
	}
	all.Wait()
	d.streams.drain(ctx) // net/http does not know of tunnels
	d.streams.endAll()
	for _, l := range d.inForce.Load().network() {
		l.closeIdle()
	}
	return nil
}
