package broker

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// account holds the buckets; system is the server's own. Nobody else has one.
const (
	account = "PICKET"
	system  = "SYSTEM"
)

// startServer starts the embedded server. A node that is no peer runs it too, without JetStream: it routes only, and so
// finds whichever peer is alive without a list of client ports.
func (b *Broker) startServer(ctx context.Context) error {
	authority, err := newAuthority(b.keys, b.options.Cluster, b.options.Node)
	if err != nil {
		return err
	}
	opts, err := b.serverOptions(authority)
	if err != nil {
		return fmt.Errorf("configuring the embedded broker: %w", err)
	}
	srv, err := server.NewServer(opts)
	if err != nil {
		return fmt.Errorf("making the embedded broker: %w", err)
	}
	fatal := make(chan string, 1)
	b.strangers = newStrangers(b.log)
	srv.SetLoggerV2(&serverLog{log: b.log.With().Str("part", "nats").Logger(), strangers: b.strangers, fatal: fatal}, false, false, false)
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
	if err := b.storeOptions(opts); err != nil {
		return nil, err
	}
	if b.options.clustered() {
		return opts, b.routeOptions(opts, a)
	}
	return opts, nil
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

// routeOptions join the server to its peers by mutual TLS.
func (b *Broker) routeOptions(opts *server.Options, a *authority) (err error) {
	opts.Cluster.Name = b.options.Cluster
	if opts.Cluster.Host, opts.Cluster.Port, err = hostPort(b.options.Listen); err != nil {
		return fmt.Errorf("listen address: %w", err)
	}
	opts.Cluster.TLSConfig = a.tlsConfig()
	opts.Cluster.TLSTimeout = 5
	opts.Cluster.PingInterval = 2 * time.Second
	opts.Cluster.MaxPingsOut = 2
	opts.Cluster.ConnectRetries = 1 << 30 // a peer that is down is asked for as long as this node lives
	for _, p := range b.options.Peers {
		if p.Name == b.options.Node {
			opts.Cluster.Advertise = p.Address
			continue
		}
		opts.Routes = append(opts.Routes, &url.URL{Scheme: "nats-route", Host: p.Address})
	}
	return nil
}

// users is the account part of the server's configuration: a node may use its buckets and their feeds, and nothing else.
// Each secret has a user, so that nodes with an old and a new first secret meet while secrets are rotated.
func (b *Broker) users() (string, error) {
	var list strings.Builder
	for _, seed := range b.keys.derive("broker user") {
		pair, err := userKey(seed)
		if err != nil {
			return "", err
		}
		public, err := pair.PublicKey()
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&list, `{nkey: %s, permissions: {publish: ["%s"], subscribe: ["_INBOX.>", "%s.>"]}}, `, public, strings.Join(b.publishes, `", "`), feedSubject)
	}
	return fmt.Sprintf("accounts { %s { jetstream: enabled, users: [%s] }, %s {} }\nsystem_account: %s\n", account, list.String(), system, system), nil
}

// mayPublish are the subjects that a node needs: its buckets and logs, and of JetStream what makes, reads and walks them.
// Nothing deletes or purges a stream, or takes a message out of one. The same is asked of an external NATS.
var mayPublish = [...]string{
	"$KV.*.>", logSubject + ".>",
	"$JS.API.STREAM.INFO.*", "$JS.API.STREAM.CREATE.*", "$JS.API.STREAM.UPDATE.*", "$JS.API.STREAM.MSG.GET.*", "$JS.API.DIRECT.GET.>",
	"$JS.API.CONSUMER.CREATE.>", "$JS.API.CONSUMER.DELETE.>", "$JS.API.CONSUMER.MSG.NEXT.>",
}

func userKey(seed []byte) (nkeys.KeyPair, error) {
	pair, err := nkeys.FromRawSeed(nkeys.PrefixByteUser, seed)
	if err != nil {
		return nil, fmt.Errorf("deriving the broker user: %w", err)
	}
	return pair, nil
}

// dialOwn connects to the embedded server without a socket.
func (b *Broker) dialOwn() (*nats.Conn, error) {
	pair, err := userKey(b.keys.derive("broker user")[0])
	if err != nil {
		return nil, err
	}
	public, err := pair.PublicKey()
	if err != nil {
		return nil, err
	}
	conn, err := nats.Connect("", append(b.connOptions(), nats.InProcessServer(b.server), nats.Nkey(public, pair.Sign))...)
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

// handOver gives leadership away before the server stops. It takes about a second where this node led something.
func (b *Broker) handOver(ctx context.Context) {
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
