package certs

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"golang.org/x/time/rate"

	"picket/broker"
	"picket/node/config"
)

// Options are what a Manager is made of.
type Options struct {
	Config   *config.Config
	Broker   *broker.Broker
	Log      zerolog.Logger
	Registry prometheus.Registerer // nil: not counted
}

// Manager has this node's part in keeping certificates. One whose configuration asks for none opens nothing until another
// configuration does.
type Manager struct {
	broker  *broker.Broker
	node    string
	log     zerolog.Logger
	metrics *metrics
	now     func() time.Time

	waits *waits
	life  time.Duration // of leases; 0: as the broker has it
	asks  *rate.Limiter // questions to the store for answers to challenges that nobody knows

	wanted atomic.Pointer[wanted] // never nil
	state  atomic.Pointer[state]  // nil: not opened
	table  atomic.Pointer[table]  // nil: not read
	news   chan struct{}          // a token: something may be due

	mu    sync.Mutex
	told  map[string]time.Time // guarded by mu: when the log last told that a name has no certificate
	busy  map[string]bool      // guarded by mu: names that are being ordered here
	later map[string]time.Time // guarded by mu: when this node looks at a name again
	asked map[string]bool      // guarded by mu: names whose certificate somebody wants anew
}

// state is what the nodes share, opened.
type state struct {
	storage *storage
	live    *broker.Live[record]
}

// wanted is what a configuration asks for.
type wanted struct {
	config.ACME
	issuer string // certmagic's key of the authority
}

// asksEvery is how often the store may be asked for the answer to a challenge that this node has not heard of; asksBurst,
// how often at once.
const asksEvery, asksBurst = 200 * time.Millisecond, 10

// New puts a manager together. It opens nothing.
func New(o Options) (*Manager, error) {
	m := &Manager{
		broker: o.Broker, node: o.Config.Cluster.Broker.Node, log: o.Log, metrics: newMetrics(o.Registry), now: time.Now,
		waits: newWaits(retries()), asks: rate.NewLimiter(rate.Every(asksEvery), asksBurst),
		news: make(chan struct{}, 1), told: map[string]time.Time{}, busy: map[string]bool{}, later: map[string]time.Time{}, asked: map[string]bool{},
	}
	p, err := m.With(o.Config)
	if err != nil {
		return nil, err
	}
	m.wanted.Store(p.wanted)
	if o.Registry != nil {
		o.Registry.MustRegister(expiries{m})
	}
	return m, nil
}

// Prepared is what another configuration asks for, made ready.
type Prepared struct {
	manager *Manager
	wanted  *wanted
}

// With makes another configuration ready. Nothing changes before Use.
func (m *Manager) With(c *config.Config) (*Prepared, error) {
	w := &wanted{ACME: c.ACME, issuer: issuerKey(c.ACME.Directory)}
	if _, err := trusted(w.CA); err != nil {
		return nil, err
	}
	return &Prepared{manager: m, wanted: w}, nil
}

// Use puts it in force: names that are new are looked after, others no more; what is stored of them stays.
func (p *Prepared) Use() {
	m := p.manager
	m.wanted.Store(p.wanted)
	m.mu.Lock()
	clear(m.later)
	m.mu.Unlock()
	m.look()
}

// Open opens what the nodes share, if the configuration asks for certificates, and takes over what is there. It orders
// nothing.
func (m *Manager) Open(ctx context.Context) error {
	if m.state.Load() != nil || len(m.wanted.Load().Names) == 0 {
		return nil
	}
	bucket, err := broker.OpenBucket[record](ctx, m.broker, broker.Spec{Name: "certs", Sealed: true, Feed: true, Own: true})
	if err != nil {
		return fmt.Errorf("opening the certificates: %w", err)
	}
	live := broker.NewLive(bucket)
	if err := live.Load(ctx); err != nil {
		bucket.Close()
		return fmt.Errorf("reading the certificates: %w", err)
	}
	leases, err := broker.OpenLeases(ctx, m.broker, m.life)
	if err != nil {
		bucket.Close()
		return fmt.Errorf("opening the leases: %w", err)
	}
	m.state.Store(&state{storage: newStorage(bucket, leases), live: live})
	live.OnChange(m.look)
	m.look()
	return nil
}

// look takes over what the bucket holds now, and has Run see what is due.
func (m *Manager) look() {
	s := m.state.Load()
	if s == nil {
		m.poke()
		return
	}
	m.mu.Lock() // one at a time, so that none takes the place of a newer
	before := m.table.Load()
	m.table.Store(newTable(m.wanted.Load(), m.waits, s.live.All(), s.live.Unreadable(), before))
	m.mu.Unlock()
	m.poke()
}

func (m *Manager) poke() {
	select {
	case m.news <- struct{}{}:
	default: // it will look anyway
	}
}

// notes are the attempts.
func (m *Manager) notes(s *state) notes { return notes{s.storage, m.node, m.waits} }

// magic is certmagic for one piece of work: its cache is not used, since the table is one.
func (m *Manager) magic(s *state, w *wanted, forced bool) (*certmagic.Config, *authority, func(), error) {
	log := newZap(m.log)
	a, err := newAuthority(w.ACME, m.notes(s), log)
	if err != nil {
		return nil, nil, nil, err
	}
	var made *certmagic.Config
	cache := certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return made, nil },
		Logger:           log,
	})
	made = certmagic.New(cache, certmagic.Config{
		Storage: s.storage, Issuers: []certmagic.Issuer{a}, Logger: log, DisableStorageCheck: true,
		KeySource: certmagic.StandardKeyGenerator{KeyType: certmagic.KeyType(w.KeyType)},
		OCSP:      certmagic.OCSPConfig{DisableStapling: true},
		OnEvent: func(ctx context.Context, event string, data map[string]any) error {
			if event != "cert_obtaining" {
				return nil
			}
			return a.stillDue(ctx, data, forced)
		},
	})
	return made, a, cache.Stop, nil
}
