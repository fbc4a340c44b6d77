// Package broker is what the nodes of a cluster share: key-value buckets in NATS JetStream, embedded in the node or an
// external one, and the proof that what a node knows of them is fresh.
//
// It promises three things. A write that returned without an error is held by a quorum, on disk unless the cluster is
// memory only. A cached value is replaced by the feed in the order of the stream, and never by an older read. And Fresh
// is true only while everything acknowledged before Options.MaxStaleness ago has been applied on this node.
//
// What the records mean, who may read them, and what to do when the broker cannot tell is left to its users.
package broker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"
)

// What a bucket's methods return, wrapped; told apart by errors.Is.
var (
	ErrNotFound    = errors.New("not found")         // the store answered: there is no such record
	ErrConflict    = errors.New("changed meanwhile") // the record exists already, or has another revision
	ErrUnavailable = errors.New("store unavailable") // nobody could tell
)

// Peer is one node that stores state.
type Peer struct {
	Name    string
	Address string // HOST:PORT of its route port
}

// Options say where state lives. Embedded when URLs is empty.
type Options struct {
	Cluster string
	Node    string
	Secrets [][]byte // at least one, each at least 32 bytes

	Peers  []Peer        // the nodes that store: none, 1, 3 or 5
	Listen string        // HOST:PORT for routes; "": a free port of the loopback
	Client string        // HOST:PORT for clients; "": a free port of the loopback
	Store  string        // folder; "" without Peers: memory only
	Sync   time.Duration // between fsyncs; 0: before every acknowledgement
	Limit  int64         // bytes of disk; 0: what the disk has

	URLs        []string // of an external NATS
	Credentials []byte   // text of a .creds file; empty: none
	CA          []byte   // PEM, trusted beside the system's for URLs
	Prefix      string   // of bucket names
	Replicas    int      // of an external NATS; embedded: one for each peer

	// MaxStaleness bounds how old the knowledge is that this node calls fresh. 0: 15 s, which outlasts the worst of one fault:
	// when a stream's leader crashes, nobody can prove anything for 4.4 to 8.7 s (nine trials; Raft draws its election timeout
	// between 4 and 9 s), and a heartbeat that just timed out costs up to 3 s more before the next is tried: 12.6 s was the worst
	// seen. Below about ten seconds the survivors of a crash refuse people for a moment.
	MaxStaleness time.Duration
	Log          zerolog.Logger
	Registry     prometheus.Registerer // nil: not counted
}

// external tells whether state lives in a NATS of the operator's.
func (o Options) external() bool { return len(o.URLs) > 0 }

// stores tells whether this node holds state itself.
func (o Options) stores() bool {
	if o.external() {
		return false
	}
	if len(o.Peers) == 0 {
		return true
	}
	for _, p := range o.Peers {
		if p.Name == o.Node {
			return true
		}
	}
	return false
}

// clustered tells whether the embedded server has others to talk to.
func (o Options) clustered() bool {
	return !o.external() && len(o.Peers) > 1
}

func (o Options) replicas() int {
	if o.external() {
		return max(o.Replicas, 1)
	}
	return max(len(o.Peers), 1)
}

// peerNames are the names of the nodes that store, as this node's configuration has them.
func (o Options) peerNames() []string {
	names := make([]string, len(o.Peers))
	for i, p := range o.Peers {
		names[i] = p.Name
	}
	return names
}

func (o Options) storage() jetstream.StorageType {
	if !o.external() && len(o.Peers) == 0 && o.Store == "" {
		return jetstream.MemoryStorage
	}
	return jetstream.FileStorage
}

// Broker is this node's part in what the cluster shares.
type Broker struct {
	options Options
	keys    *Keyring
	metrics *metrics
	clock   clock
	log     zerolog.Logger

	server    *server.Server // nil: external
	copies    bool           // its steward may copy whole streams: see grow.go
	strangers *strangers     // of all servers of this node: one may come before the one that stays
	publishes []string       // subjects that nodes may publish to: mayPublish
	writes    chan string    // that the embedded server could not write a file; for keepStore
	scratch   string         // folder to remove on Close; "": none
	conn      *nats.Conn
	stream    jetstream.JetStream

	retiring sync.Mutex // held while a node is being retired

	mu      sync.Mutex
	buckets []*bucket               // guarded by mu, in the order of opening
	held    []held                  // guarded by mu, in the order of opening
	names   map[string]string       // guarded by mu: of nodes, by their ids
	waiting Waiting                 // guarded by mu
	feeds   atomic.Pointer[[]*feed] // replaced under mu, read without
	added   chan *feed              // for Run to start
	closed  chan struct{}           // closed by Close
	once    sync.Once
}

// New checks the options and derives the keys. It opens nothing.
func New(o Options) (*Broker, error) {
	keys, err := NewKeyring(o.Secrets)
	if err != nil {
		return nil, err
	}
	var wrong []error
	if o.Node == "" || o.Cluster == "" {
		wrong = append(wrong, errors.New("a node and a cluster need names"))
	}
	if n := len(o.Peers); n != 0 && n != 1 && n != 3 && n != 5 {
		wrong = append(wrong, fmt.Errorf("peers are 1, 3 or 5, not %d", n))
	}
	if len(o.Peers) == 1 && !o.external() && !o.stores() {
		wrong = append(wrong, fmt.Errorf("%s is the only peer, keeps its state alone, and has no others: %s cannot join it. Name 3 or 5 peers", o.Peers[0].Name, o.Node))
	}
	if o.stores() && len(o.Peers) > 0 && o.Store == "" {
		wrong = append(wrong, fmt.Errorf("%s is a peer and needs a store", o.Node))
	}
	if len(wrong) > 0 {
		return nil, errors.Join(wrong...)
	}
	if o.MaxStaleness == 0 {
		o.MaxStaleness = 15 * time.Second
	}
	b := &Broker{
		options:   o,
		publishes: mayPublish[:],
		keys:      keys,
		metrics:   newMetrics(o.Registry),
		log:       o.Log,
		strangers: newStrangers(o.Log),
		writes:    make(chan string, 1),
		added:     make(chan *feed, 64),
		closed:    make(chan struct{}),
		names:     map[string]string{},
	}
	b.Introduce(append(o.peerNames(), o.Node)...)
	if o.Registry != nil {
		o.Registry.MustRegister(newStaleness(b))
	}
	return b, nil
}

// Keys are what is derived from the cluster's secrets.
func (b *Broker) Keys() *Keyring { return b.keys }

// Open starts the embedded server, or finds the external one, and waits until JetStream answers or ctx ends.
func (b *Broker) Open(ctx context.Context) error {
	if err := b.connect(ctx); err != nil {
		b.shut(ctx)
		return err
	}
	js, err := jetstream.New(b.conn, jetstream.WithDefaultTimeout(callTimeout))
	if err != nil {
		b.shut(ctx)
		return fmt.Errorf("opening JetStream: %w", err)
	}
	b.stream = js
	return nil
}

func (b *Broker) connect(ctx context.Context) error {
	if b.options.external() {
		conn, err := b.dialExternal(ctx)
		b.conn = conn
		return err
	}
	if err := b.startServer(ctx); err != nil {
		return err
	}
	conn, err := b.dialOwn()
	b.conn = conn
	return err
}

// Run keeps the feeds and their freshness until ctx ends.
func (b *Broker) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return b.keepStore(ctx) })
	group.Go(func() error { return b.keepReplicas(ctx) })
	group.Go(func() error { return b.helpCatchUp(ctx) })
	group.Go(func() error { return b.watchNames(ctx, namesakeEvery) })
	group.Go(func() error {
		for {
			select {
			case <-ctx.Done():
				return nil
			case f := <-b.added:
				life, end := context.WithCancel(ctx)
				group.Go(func() error { f.untilLeft(life, end); return nil })
				group.Go(func() error { return f.run(life) })
			}
		}
	})
	return group.Wait()
}

// never is a staleness beyond every bound.
const never = time.Duration(1<<63 - 1)

// Fresh tells whether everything acknowledged before MaxStaleness ago has been applied here. It costs a few nanoseconds
// for each feed. Before the first proof it is false.
func (b *Broker) Fresh() bool {
	return b.Staleness() <= b.options.MaxStaleness
}

// FreshAt is Fresh for who has just read the time, of time.Now: reading it is most of what Fresh costs.
func (b *Broker) FreshAt(now time.Time) bool {
	return b.staleness(b.clock.at(now)) <= b.options.MaxStaleness
}

// Staleness is the age of the knowledge of the stalest feed; never before the first proof, and when the wall clock
// jumped against the monotonic one (a suspension looks like that) until the next proof.
func (b *Broker) Staleness() time.Duration { return b.staleness(b.clock.now()) }

func (b *Broker) staleness(now instant) time.Duration {
	feeds := b.feeds.Load()
	if feeds == nil || len(*feeds) == 0 {
		return never
	}
	worst := time.Duration(0)
	for _, f := range *feeds {
		worst = max(worst, f.age(now))
	}
	return worst
}

// shutTime is how long the embedded server may take to end, once leadership is handed over.
const shutTime = 5 * time.Second

// Close hands leadership over, so that the others need no election, and stops the embedded server.
func (b *Broker) Close(ctx context.Context) error {
	b.once.Do(func() { close(b.closed) })
	b.handOver(ctx)
	if b.conn != nil {
		b.conn.Close() // first: cut by its own server it would try to connect to it again, and hang
	}
	b.retreat(ctx)
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutTime)
	defer cancel()
	b.shut(stopping)
	return nil
}
