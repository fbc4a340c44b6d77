package broker

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// startServer starts the embedded server. A node that is no peer runs it too, without JetStream: it routes only, and so
// finds whichever peer is alive without a list of client ports.
func (b *Broker) startServer(ctx context.Context) error {
	kind, err := b.prepareStore()
	if err != nil {
		return err
	}
	if kind == loneStore && b.options.clustered() {
		if err := b.grow(ctx); err != nil {
			return fmt.Errorf("making this node one of several: %w", err)
		}
	}
	if kind == emptyStore && b.options.clustered() && b.options.stores() {
		if err := b.mayJoin(ctx); err != nil {
			return err
		}
	}
	return b.serve(ctx)
}

// serve starts the server that stays.
func (b *Broker) serve(ctx context.Context) error {
	authority, err := newAuthority(b.keys, b.options.Cluster, b.options.Node)
	if err != nil {
		return err
	}
	opts, err := b.serverOptions(authority)
	if err != nil {
		return fmt.Errorf("configuring the embedded broker: %w", err)
	}
	if b.options.clustered() {
		if err := b.routeOptions(opts, authority); err != nil {
			return fmt.Errorf("configuring the embedded broker: %w", err)
		}
	}
	if err := b.run(ctx, opts); err != nil {
		return err
	}
	return b.ownStore()
}

// run starts a server and waits until it listens.
func (b *Broker) run(ctx context.Context, opts *server.Options) error {
	srv, err := server.NewServer(opts)
	if err != nil {
		return fmt.Errorf("making the embedded broker: %w", err)
	}
	fatal := make(chan string, 1)
	b.strangers.open()
	lines := &serverLog{log: b.log.With().Str("part", "nats").Logger(), strangers: b.strangers, fatal: fatal, writes: b.writes}
	srv.SetLoggerV2(lines, false, false, false)
	b.server = srv
	srv.Start()
	for !srv.ReadyForConnections(50 * time.Millisecond) {
		select {
		case why := <-fatal:
			return fmt.Errorf("starting the embedded broker: %s", why)
		case <-ctx.Done():
			return fmt.Errorf("starting the embedded broker: %w", context.Cause(ctx))
		default:
		}
	}
	select {
	case why := <-fatal: // it listens, and yet something it needs is not there
		return fmt.Errorf("starting the embedded broker: %s", why)
	default:
		return nil
	}
}

func (b *Broker) serverOptions(a *authority) (*server.Options, error) {
	users, err := b.users()
	if err != nil {
		return nil, err
	}
	opts := &server.Options{}
	if err := opts.ProcessConfigString(users); err != nil {
		return nil, err
	}
	opts.ServerName = b.options.Node
	opts.NoSigs = true
	opts.TLSConfig = a.tlsConfig()
	opts.TLS = true
	opts.TLSVerify = true
	opts.TLSTimeout = 5
	opts.AuthTimeout = 6
	opts.MaxPayload = 4 << 20
	opts.DisableJetStreamBanner = true
	opts.LameDuckDuration = time.Second
	opts.LameDuckGracePeriod = 100 * time.Millisecond
	if opts.Host, opts.Port, err = hostPort(b.options.Client); err != nil {
		return nil, fmt.Errorf("client address: %w", err)
	}
	return opts, b.storeOptions(opts)
}

// storeOptions turn JetStream on where this node stores.
func (b *Broker) storeOptions(opts *server.Options) error {
	if !b.options.stores() {
		return nil
	}
	opts.JetStream = true
	opts.StoreDir = b.options.Store
	if opts.StoreDir == "" {
		dir, err := os.MkdirTemp("", "picket-memory-")
		if err != nil {
			return fmt.Errorf("making a scratch folder: %w", err)
		}
		b.scratch, opts.StoreDir = dir, dir
	}
	opts.SyncAlways = b.options.Sync == 0
	opts.SyncInterval = b.options.Sync
	opts.JetStreamMaxStore = b.options.Limit
	return nil
}

// routeOptions join the server to its peers. Its own address is among them: of an empty store, the server expects as many
// peers as it has routes, and a majority of the others must not begin without this one.
func (b *Broker) routeOptions(opts *server.Options, a *authority) (err error) {
	var routes []*url.URL
	for _, p := range b.options.Peers {
		if p.Name == b.options.Node {
			opts.Cluster.Advertise = p.Address
		}
		routes = append(routes, &url.URL{Scheme: "nats-route", Host: p.Address})
	}
	return b.meshOptions(opts, a, routes)
}

// meshOptions let the server have routes, by mutual TLS. A peer that is down is asked for ever, since it is in the list; a
// node that stores nothing and is gone is not: it comes back by itself, at another port perhaps.
func (b *Broker) meshOptions(opts *server.Options, a *authority, routes []*url.URL) (err error) {
	opts.Cluster.Name = b.options.Cluster
	if opts.Cluster.Host, opts.Cluster.Port, err = hostPort(b.options.Listen); err != nil {
		return fmt.Errorf("listen address: %w", err)
	}
	opts.Cluster.TLSConfig = a.tlsConfig()
	opts.Cluster.TLSTimeout = 5
	opts.Cluster.PingInterval = 2 * time.Second
	opts.Cluster.MaxPingsOut = 2
	opts.Cluster.ConnectRetries = 3
	opts.Cluster.PoolSize = 1 // beside it the servers' own account has one: every node has a route to every other
	opts.Routes = routes
	return nil
}

// dialOwn connects to the embedded server without a socket.
func (b *Broker) dialOwn() (*nats.Conn, error) { return b.dialAs("broker user") }

// dialAs connects to the embedded server as a user that is derived under that label.
func (b *Broker) dialAs(label string, options ...nats.Option) (*nats.Conn, error) {
	pair, err := userKey(b.keys.derive(label)[0])
	if err != nil {
		return nil, err
	}
	public, err := pair.PublicKey()
	if err != nil {
		return nil, err
	}
	options = append(append(b.connOptions(), nats.InProcessServer(b.server), nats.Nkey(public, pair.Sign)), options...)
	conn, err := nats.Connect("", options...)
	if err != nil {
		return nil, fmt.Errorf("connecting to the embedded broker: %w", err)
	}
	return conn, nil
}

// hostPort reads HOST:PORT; "" is a free port of the loopback (the server does not route without a listener).
func hostPort(address string) (string, int, error) {
	if address == "" {
		return "127.0.0.1", -1, nil
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, err
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("port %q: %w", port, err)
	}
	if n == 0 {
		return host, -1, nil
	}
	return host, int(n), nil
}

// retreat tells the others that this server goes, and stops what it stores. Nothing is led here any more, or nobody would
// take it.
func (b *Broker) retreat(ctx context.Context) {
	if b.server == nil || !b.options.clustered() || !b.options.stores() {
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.server.LameDuckShutdown()
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// shut ends everything. A server that does not come to an end in time is left to end with the process: what was
// acknowledged is on disk.
func (b *Broker) shut(ctx context.Context) {
	if b.conn != nil {
		b.conn.Close()
	}
	if b.server != nil {
		b.strangers.close()
		done := make(chan struct{})
		go func() {
			defer close(done)
			b.server.Shutdown()
			b.server.WaitForShutdown()
		}()
		select {
		case <-done:
		case <-ctx.Done():
			b.log.Warn().Msg("the embedded broker does not end; leaving it")
		}
	}
	if b.scratch != "" {
		if err := os.RemoveAll(b.scratch); err != nil {
			b.log.Warn().Err(err).Msg("removing the scratch folder")
		}
	}
}
