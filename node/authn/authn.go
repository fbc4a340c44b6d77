package authn

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"picket/broker"
	"picket/node/config"
)

// What a node keeps in memory of what is stored, in entries; the rest costs one read of the store.
const (
	sessionEntries   = 100_000
	userEntries      = 50_000
	keyEntries       = 4
	assertionEntries = 16_384
)

// Background work: how much of a kind waits, and how many refreshes are done at a time, of each provider, so that a slow one
// keeps nobody of another waiting.
const (
	queueLength = 4096
	refreshers  = 32
	forgetters  = 4
)

// Options are what Authn is made of.
type Options struct {
	Config   *config.Config
	Broker   *broker.Broker
	Now      func() time.Time // nil: time.Now
	Log      zerolog.Logger
	Registry prometheus.Registerer // nil: nothing is counted
}

// Authn knows who is asking, by one configuration. Its methods are safe for concurrent use after Open. The Authn of another
// configuration, made by With, shares with it all that is remembered.
type Authn struct {
	*shared

	number    uint64 // no other Authn that shares with it has it
	conf      *config.Config
	cookies   *cookies
	bearers   *cookies             // the same for programs
	providers map[string]*provider // by the name of the identity
	names     []string             // of the identities, in the order of the configuration
	idle      time.Duration        // the shortest idle time of any route; 0: none
}

// shared is what outlives a configuration.
type shared struct {
	broker  *broker.Broker
	now     func() time.Time
	fresh   func(now time.Time) bool // whether this node's knowledge is within max_staleness; now was just read
	log     zerolog.Logger
	metrics *metrics
	seals   seals
	made    atomic.Uint64         // how many Authns share this
	inForce atomic.Pointer[Authn] // by which work in the background is done

	sessions *broker.Bucket[Session]
	tokens   *broker.Bucket[tokens]
	users    *broker.Bucket[User]
	groups   *broker.Bucket[Groups]
	keys     *broker.Bucket[keyRecord]
	once     *broker.Bucket[used]
	locks    locks

	knownSessions *broker.Cache[Session]
	recent        *recent // of knownSessions
	knownUsers    *broker.Cache[User]
	knownGroups   *broker.Cache[Groups]
	knownKeys     *broker.Cache[keyRecord]

	ring       ring // the assertion keys in use
	assertions *lru.Cache[assertionKey, *assertion]
	passedOn   *passedOn
	rekey      chan struct{}              // asks Run to read the assertion keys anew
	meet       chan struct{}              // asks Run to meet the identity providers that are new
	touches    chan string                // session ids, for Run
	refreshes  chan string                // session ids, for Run
	forgets    chan forgotten             // tokens that providers are to forget, for Run
	unsent     *lru.Cache[string, string] // by session id, the claims of which no token was shown yet

	mu       sync.Mutex
	watchers []func(Change)      // guarded by mu
	inFlight map[string]bool     // guarded by mu: by session whose tokens are being refreshed here; true: asked for again meanwhile
	waiting  map[string]*waiting // guarded by mu: by session id, the requests that wait for news of its tokens
}

// New checks the options and derives the keys. It opens nothing.
func New(o Options) (*Authn, error) {
	if o.Config == nil || o.Broker == nil {
		return nil, errors.New("authn needs a configuration and a broker")
	}
	fresh := func(time.Time) bool { return o.Broker.Fresh() } // whose clock is the machine's, whatever Now is
	if o.Now == nil {
		o.Now, fresh = time.Now, o.Broker.FreshAt
	}
	assertions, err := lru.New[assertionKey, *assertion](assertionEntries)
	if err != nil {
		return nil, fmt.Errorf("making the cache of assertions: %w", err)
	}
	passedOn, err := newPassedOn()
	if err != nil {
		return nil, err
	}
	unsent, err := lru.New[string, string](queueLength)
	if err != nil {
		return nil, fmt.Errorf("making the list of unsent claims: %w", err)
	}
	first := &Authn{shared: &shared{
		broker:     o.Broker,
		now:        o.Now,
		fresh:      fresh,
		log:        o.Log,
		metrics:    newMetrics(o.Registry),
		seals:      newSeals(o.Broker.Keys()),
		assertions: assertions,
		passedOn:   passedOn,
		rekey:      make(chan struct{}, 1),
		meet:       make(chan struct{}, 1),
		touches:    make(chan string, queueLength),
		refreshes:  make(chan string, queueLength),
		forgets:    make(chan forgotten, queueLength),
		unsent:     unsent,
		recent:     &recent{seed: maphash.MakeSeed()},
		inFlight:   map[string]bool{},
		waiting:    map[string]*waiting{},
	}}
	a, err := first.With(o.Config)
	if err != nil {
		return nil, err
	}
	a.inForce.Store(a)
	return a, nil
}

// Open opens the buckets and has the assertion keys, made now if this is the first node. It waits until the store
// answers or ctx ends; identity providers are not asked.
func (a *Authn) Open(ctx context.Context) error {
	if err := a.openBuckets(ctx); err != nil {
		return err
	}
	a.knownSessions = broker.NewCache(a.sessions, sessionEntries)
	a.knownUsers = broker.NewCache(a.users, userEntries)
	a.knownGroups = broker.NewCache(a.groups, userEntries)
	a.knownKeys = broker.NewCache(a.keys, keyEntries)
	a.watch()
	if err := a.locks.open(ctx, a.broker, a.log, func() { a.tell(Change{}) }); err != nil {
		return err
	}
	return a.loadKeys(ctx)
}

func (a *Authn) openBuckets(ctx context.Context) (err error) {
	if a.sessions, err = broker.OpenBucket[Session](ctx, a.broker, broker.Spec{Name: "sessions", Decides: true, Unique: true}); err != nil {
		return fmt.Errorf("opening sessions: %w", err)
	}
	if a.tokens, err = broker.OpenBucket[tokens](ctx, a.broker, broker.Spec{Name: "tokens", Sealed: true}); err != nil {
		return fmt.Errorf("opening tokens: %w", err)
	}
	if a.users, err = broker.OpenBucket[User](ctx, a.broker, broker.Spec{Name: "users", Decides: true}); err != nil {
		return fmt.Errorf("opening users: %w", err)
	}
	if a.groups, err = broker.OpenBucket[Groups](ctx, a.broker, broker.Spec{Name: "groups", Decides: true}); err != nil {
		return fmt.Errorf("opening groups: %w", err)
	}
	if a.keys, err = broker.OpenBucket[keyRecord](ctx, a.broker, broker.Spec{Name: "keys", Sealed: true, Decides: true, Own: true}); err != nil {
		return fmt.Errorf("opening keys: %w", err)
	}
	if a.once, err = broker.OpenBucket[used](ctx, a.broker, broker.Spec{Name: "once", Passing: true}); err != nil {
		return fmt.Errorf("opening once: %w", err)
	}
	return nil
}

// Run rotates the assertion keys, refreshes tokens that are in use and notes which sessions are, until ctx ends. It
// returns when the refreshes under way have come to an end: close the broker after it. It runs once, whatever the number of
// configurations.
func (a *Authn) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return a.rotateKeys(ctx) })
	group.Go(func() error { return a.meetProviders(ctx) })
	group.Go(func() error {
		return work(ctx, a.touches, func(ctx context.Context, id string) { a.inForce.Load().touch(ctx, id) })
	})
	group.Go(func() error { return a.refreshAll(ctx) })
	for range forgetters {
		group.Go(func() error {
			return work(ctx, a.forgets, func(ctx context.Context, f forgotten) { a.inForce.Load().forget(ctx, f) })
		})
	}
	return group.Wait()
}

// work does what is queued, one after the other, until ctx ends.
func work[T any](ctx context.Context, queue <-chan T, do func(context.Context, T)) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case item := <-queue:
			do(ctx, item)
		}
	}
}

// sso is the origin of the authenticate host.
func (a *Authn) sso() config.Origin { return a.conf.Authenticate.URL }

// route is the route of that name, nil when there is none.
func (a *Authn) route(name string) *config.Route {
	for i := range a.conf.Routes {
		if a.conf.Routes[i].Name == name {
			return &a.conf.Routes[i]
		}
	}
	return nil
}

// stricter is the shorter of two limits, of which zero is none.
func stricter(a, b time.Duration) time.Duration {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}
