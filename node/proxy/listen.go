package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"

	"golang.org/x/sync/errgroup"

	"picket/node/config"
)

// maxStreams is how many requests one HTTP/2 connection may have open.
const maxStreams = 250

// listener is one public address. The zero listener is none: it trusts nobody and has no certificate.
type listener struct {
	config.Listener
	door   *Door
	certs  certificates
	server *http.Server
	socket net.Listener // nil: not open
}

// addListeners makes the listeners ready; it opens none.
func (d *Door) addListeners(from []config.Listener) error {
	var mistakes []error
	for _, c := range from {
		l := &listener{Listener: c, door: d}
		var err error
		if l.certs, err = newCertificates(c.Certificates); err != nil {
			mistakes = append(mistakes, fmt.Errorf("listen %q: %w", c.Name, err))
		}
		l.server = &http.Server{
			Handler:                      l,
			ReadHeaderTimeout:            c.HeaderTimeout,
			IdleTimeout:                  c.IdleTimeout,
			MaxHeaderBytes:               c.HeaderBytes,
			ErrorLog:                     d.plainLog,
			HTTP2:                        &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
			DisableGeneralOptionsHandler: true,
		}
		if c.TLS() {
			l.server.TLSConfig = l.certs.config()
		}
		d.listeners = append(d.listeners, l)
	}
	return errors.Join(mistakes...)
}

// ServeHTTP is the door behind this listener.
func (l *listener) ServeHTTP(w http.ResponseWriter, r *http.Request) { l.door.serve(w, r, l) }

// Open opens the addresses, so that one that is in use is an error before anything else is begun. When it fails, nothing
// is open.
func (d *Door) Open(ctx context.Context) error {
	for _, l := range d.listeners {
		socket, err := new(net.ListenConfig).Listen(ctx, "tcp", l.Address)
		if err != nil {
			return errors.Join(fmt.Errorf("listen %q: %w", l.Name, err), d.Close())
		}
		l.socket = socket
	}
	return nil
}

// Close closes what Open opened and Run does not run.
func (d *Door) Close() error {
	var errs []error
	for _, l := range d.listeners {
		if l.socket != nil {
			errs = append(errs, l.socket.Close())
			l.socket = nil
		}
	}
	return errors.Join(errs...)
}

// Addresses are the addresses that are open, in the order of the configuration.
func (d *Door) Addresses() []string {
	var addresses []string
	for _, l := range d.listeners {
		if l.socket != nil {
			addresses = append(addresses, l.socket.Addr().String())
		}
	}
	return addresses
}

// Run serves on what Open opened until ctx ends or a listener fails, and asks again about what is under way. Then it
// takes no more, ends WebSockets, and lets what is under way come to its end within Options.Drain.
func (d *Door) Run(ctx context.Context) error {
	watching, unwatch := context.WithCancel(context.WithoutCancel(ctx))
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return d.watch(watching) })
	for _, l := range d.listeners {
		if l.socket != nil {
			g.Go(l.serve)
		}
	}
	g.Go(func() error {
		defer unwatch()
		<-ctx.Done()
		return d.shut(context.WithoutCancel(ctx))
	})
	return g.Wait()
}

// serve serves until the server is shut.
func (l *listener) serve() error {
	serve := l.server.Serve
	if l.TLS() {
		serve = func(s net.Listener) error { return l.server.ServeTLS(s, "", "") }
	}
	if err := serve(l.socket); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("listen %q: %w", l.Name, err)
	}
	return nil
}

// shut drains all servers at once. What is still under way after the time for it is cut.
func (d *Door) shut(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, d.drain)
	defer cancel()
	d.streams.endSockets()
	var all sync.WaitGroup
	for _, l := range d.listeners {
		all.Go(func() {
			if err := l.server.Shutdown(ctx); err != nil {
				d.log.Warn().Err(err).Str("listen", l.Name).Msg("requests under way were cut")
				_ = l.server.Close()
			}
		})
	}
	all.Wait()
	d.streams.endAll()
	for _, r := range d.routes {
		r.transport.CloseIdleConnections()
	}
	return nil
}
