package authn

import (
	"cmp"
	"context"
	"time"
)

// ProviderStatus is what this node knows of an identity provider.
type ProviderStatus struct {
	Name      string // of the identity block
	Issuer    string
	Reachable bool      // it answered last time, and sensibly
	Error     string    // what went wrong last; "": nothing, or it was not asked yet; with Reachable: its clock is not ours
	Since     time.Time // since when that is so; zero: it was not asked yet
	Circuit   string    // closed, half_open or open: whether it is asked for what can wait
	Failures  int       // in a row
}

// Providers tells how the identity providers are, in the order of the configuration. It asks none of them.
func (a *Authn) Providers() []ProviderStatus {
	all := make([]ProviderStatus, 0, len(a.names))
	for _, name := range a.names {
		all = append(all, a.providers[name].status())
	}
	return all
}

func (p *provider) status() ProviderStatus {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := ProviderStatus{
		Name: p.identity.Name, Issuer: p.identity.Issuer, Since: p.since,
		Circuit: p.breaker.circuit(p.now()).String(), Failures: p.breaker.failures,
	}
	s.Reachable = p.failure == nil && !p.since.IsZero()
	if err := cmp.Or(p.failure, p.clocks); err != nil {
		s.Error = err.Error()
	}
	return s
}

// compared notes how far the provider's clock is ahead of ours, and whether that is too far. It is nothing that leaving the
// provider alone would help against.
func (p *provider) compared(ahead time.Duration, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clocks = err
	p.ahead(ahead)
}

// answered notes that the provider is well.
func (p *provider) answered() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failure != nil || p.since.IsZero() {
		p.since = p.now()
	}
	p.failure = nil
	p.breaker.succeeded()
	p.changed(Closed, false)
}

// failed notes that the provider failed, and returns err.
func (p *provider) failed(err error) error { return p.failedFor(err, 0) }

// failedFor is failed for one that wants to be left alone for so long; 0: it did not say.
func (p *provider) failedFor(err error, atLeast time.Duration) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failure == nil {
		p.since = p.now()
	}
	p.failure = err
	p.breaker.failed(p.now(), atLeast)
	p.changed(p.breaker.circuit(p.now()), true)
	return err
}

// rests tells whether the provider failed time and again, or is being tried after that: what can wait does.
func (p *provider) rests() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.breaker.circuit(p.now())
	return c == Open || c == HalfOpen && p.breaker.probing
}

// enter tells whether the provider is asked for something that can wait. When it is, done has to be called after.
func (p *provider) enter() (done func(), ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	probe, ok := p.breaker.enter(p.now())
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.breaker.leave(probe)
	}, ok
}

// meetEvery is how often Run asks for metadata that is missing or old.
const meetEvery = 30 * time.Second

// meetProviders has the metadata of all providers at hand before somebody waits for it, until ctx ends. That one cannot be
// reached is for Providers to tell.
func (a *Authn) meetProviders(ctx context.Context) error {
	tick := time.NewTicker(meetEvery)
	defer tick.Stop()
	for {
		for _, p := range a.inForce.Load().providers {
			_, _ = p.metadata(ctx)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-a.meet:
		case <-tick.C:
		}
	}
}
