package upstream

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Names of applications are looked up for each connection that is made, and from time to time.
const (
	lookEvery = 10 * time.Second // for as long as there are connections by them
	lookTime  = 5 * time.Second
	goneAfter = 3                // in so many answers in a row an address is not there before it counts as gone: some servers give another part of them each time
	badFor    = 10 * time.Second // after which an address that could not be connected to is tried in its turn again
)

// names are the names of applications that are looked up.
type names struct {
	lookup func(ctx context.Context, host string) ([]netip.Addr, error)
	tell   teller

	mu  sync.Mutex
	all map[string]*name // guarded by mu
}

// systemLookup asks the resolver of the system.
func systemLookup(ctx context.Context, host string) ([]netip.Addr, error) {
	return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
}

// of gives a name.
func (n *names) of(host string) *name {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.all[host] == nil {
		n.all[host] = &name{host: host, names: n, used: map[netip.Addr]*used{}}
	}
	return n.all[host]
}

// keep forgets all names but these.
func (n *names) keep(wanted map[string]bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for host := range n.all {
		if !wanted[host] {
			delete(n.all, host)
		}
	}
}

// run looks names up until ctx ends.
func (n *names) run(ctx context.Context) {
	for {
		next := time.NewTimer(lookEvery - rand.N(lookEvery/10))
		select {
		case <-ctx.Done():
			next.Stop()
			return
		case <-next.C:
		}
		n.look(ctx)
	}
}

// look looks up the names that connections were made by.
func (n *names) look(ctx context.Context) {
	n.mu.Lock()
	var wanted []*name
	for _, one := range n.all {
		if one.inUse() {
			wanted = append(wanted, one)
		}
	}
	n.mu.Unlock()
	var all sync.WaitGroup
	few := make(chan struct{}, 16)
	for _, one := range wanted {
		few <- struct{}{}
		all.Go(func() {
			defer func() { <-few }()
			one.look(ctx)
		})
	}
	all.Wait()
}

// name is the host of applications.
type name struct {
	host       string
	names      *names
	generation atomic.Uint32
	turn       atomic.Uint32

	mu   sync.Mutex
	last []netip.Addr         // guarded by mu: of the last answer
	used map[netip.Addr]*used // guarded by mu: that connections were made to
}

// used is an address that connections were made to.
type used struct {
	absent int       // in so many answers in a row it was not there
	bad    time.Time // when it could not be connected to; zero: it could
}

func (n *name) inUse() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.used) > 0
}

// addresses are those of the name. While that cannot be told, they are those that were.
func (n *name) addresses(ctx context.Context) ([]netip.Addr, error) {
	all, err := n.names.lookup(ctx, n.host)
	if err == nil && len(all) == 0 {
		err = errors.New("it has no address")
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if err == nil {
		n.last = all
		return all, nil
	}
	if len(n.last) > 0 && ctx.Err() == nil {
		return n.last, nil
	}
	return nil, fmt.Errorf("looking up %s: %w", n.host, err)
}

// look learns whether addresses are gone that connections were made to. Where that cannot be told, they are not.
func (n *name) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	all, err := n.names.lookup(ctx, n.host)
	if err != nil || len(all) == 0 {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.last = all
	gone := false
	for address, u := range n.used {
		u.absent++
		if slices.ContainsFunc(all, func(a netip.Addr) bool { return a.Unmap() == address }) {
			u.absent = 0
		}
		if u.absent >= goneAfter {
			gone = true
		}
	}
	if !gone {
		return
	}
	n.used = map[netip.Addr]*used{} // connections are made anew, all of them
	n.generation.Add(1)
	n.names.tell.moved(n.host, all)
}

// dial connects to one of the addresses, each time beginning with another; those that could not be reached of late come last.
func (n *name) dial(ctx context.Context, d *net.Dialer, addresses []netip.Addr, port string) (net.Conn, error) {
	var mistakes []error
	order := n.order(addresses, time.Now())
	for i, address := range order {
		conn, err := dialOne(ctx, d, net.JoinHostPort(address.String(), port), len(order)-i)
		if ctx.Err() == nil || err == nil {
			n.remember(address, err)
		}
		if err == nil {
			return conn, nil
		}
		mistakes = append(mistakes, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, errors.Join(mistakes...)
}

// dialOne connects to one of so many addresses that are left, within its part of the time.
func dialOne(ctx context.Context, d *net.Dialer, address string, left int) (net.Conn, error) {
	if until, ok := ctx.Deadline(); ok && left > 1 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, max(time.Until(until)/time.Duration(left), time.Second))
		defer cancel()
	}
	return d.DialContext(ctx, "tcp", address)
}

// order is the order in which addresses are tried.
func (n *name) order(addresses []netip.Addr, now time.Time) []netip.Addr {
	first := int(n.turn.Add(1)-1) % len(addresses)
	n.mu.Lock()
	defer n.mu.Unlock()
	var fine, bad []netip.Addr
	for i := range addresses {
		address := addresses[(first+i)%len(addresses)].Unmap()
		if u := n.used[address]; u != nil && now.Sub(u.bad) < badFor {
			bad = append(bad, address)
			continue
		}
		fine = append(fine, address)
	}
	return append(fine, bad...)
}

// remember notes how connecting to an address went.
func (n *name) remember(address netip.Addr, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	u := n.used[address]
	if u == nil {
		u = &used{}
		n.used[address] = u
	}
	u.bad = time.Time{}
	if err != nil {
		u.bad = time.Now()
	}
}
