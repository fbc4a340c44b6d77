package dev

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// dialTimeout is how long a backend may take to accept before the next one is tried.
const dialTimeout = time.Second

// Balancer is a round-robin TCP balancer. A connection goes to the next backend that is thought well; one that
// refuses it is passed over within the same connection, and tried last until Mark says that it is well again.
type Balancer struct {
	backends []*backend
	next     atomic.Uint64
}

type backend struct {
	address string // HOST:PORT
	down    atomic.Bool
}

// NewBalancer makes a balancer over the addresses, all thought well.
func NewBalancer(addresses ...string) *Balancer {
	b := &Balancer{}
	for _, address := range addresses {
		b.backends = append(b.backends, &backend{address: address})
	}
	return b
}

// Mark says whether a backend is well. One that is not gets connections only when all the others refuse.
func (b *Balancer) Mark(address string, well bool) {
	for _, backend := range b.backends {
		if backend.address == address {
			backend.down.Store(!well)
		}
	}
}

// Serve accepts connections until ctx ends, then cuts all of them and returns nil. It closes the listener.
func (b *Balancer) Serve(ctx context.Context, listener net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	defer group.Wait()
	defer cancel()
	defer context.AfterFunc(ctx, func() { listener.Close() })()
	for {
		client, err := listener.Accept()
		if ctx.Err() != nil {
			if err == nil {
				client.Close() // it came in the last moment
			}
			return nil
		}
		if errors.Is(err, net.ErrClosed) {
			return fmt.Errorf("balancing: %w", err)
		}
		if err != nil { // too many open files, most likely: those that end make room
			pause(ctx, 20*time.Millisecond)
			continue
		}
		group.Go(func() { b.carry(ctx, client) })
	}
}

// carry takes one connection to a backend and back, until both sides have ended.
func (b *Balancer) carry(ctx context.Context, client net.Conn) {
	defer client.Close()
	server, err := b.dial(ctx)
	if err != nil {
		return // the client sees a connection that ends, as it would of a server that is down
	}
	defer server.Close()
	defer context.AfterFunc(ctx, func() { client.Close(); server.Close() })()
	var group sync.WaitGroup
	group.Go(func() { pipe(server, client) })
	pipe(client, server)
	group.Wait()
}

// dial tries every backend once: in turn those that are well, then in turn the others.
func (b *Balancer) dial(ctx context.Context) (net.Conn, error) {
	dialer := net.Dialer{Timeout: dialTimeout}
	err := errors.New("no backend")
	for _, backend := range b.order() {
		conn, dialErr := dialer.DialContext(ctx, "tcp", backend.address)
		if dialErr == nil {
			return conn, nil
		}
		err = dialErr
		backend.down.Store(true)
	}
	return nil, fmt.Errorf("reaching a node: %w", err)
}

// order puts those that are well first, beginning with the one whose turn it is.
func (b *Balancer) order() []*backend {
	var well, down []*backend
	for _, backend := range b.backends {
		if backend.down.Load() {
			down = append(down, backend)
		} else {
			well = append(well, backend)
		}
	}
	turn := b.next.Add(1) - 1
	return append(rotate(well, turn), rotate(down, turn)...)
}

func rotate(backends []*backend, turn uint64) []*backend {
	if len(backends) == 0 {
		return nil
	}
	first := int(turn % uint64(len(backends)))
	return append(backends[first:len(backends):len(backends)], backends[:first]...)
}

// pipe copies until the source ends, and then ends the destination in that direction alone: the answer to a request
// that was closed for writing still comes back. When the copying fails, nothing more can come either way.
func pipe(to, from net.Conn) {
	_, err := io.Copy(to, from)
	if half, ok := to.(interface{ CloseWrite() error }); err == nil && ok {
		_ = half.CloseWrite() // it has gone already
		return
	}
	to.Close()
	from.Close()
}

// pause waits, or until ctx ends; it tells whether it waited to the end.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
