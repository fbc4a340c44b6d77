package authn

import (
	"context"
	"math/rand/v2"
	"time"
)

// ProviderStatus is what this node knows of an identity provider.
type ProviderStatus struct {
	Name      string // of the identity block
	Issuer    string
	Reachable bool      // it answered last time, and sensibly
	Error     string    // what went wrong last; "": nothing, or it was not asked yet
	Since     time.Time // since when that is so; zero: it was not asked yet
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
	s := ProviderStatus{Name: p.identity.Name, Issuer: p.identity.Issuer, Since: p.since}
	s.Reachable = p.failure == nil && !p.since.IsZero()
	if p.failure != nil {
		s.Error = p.failure.Error()
	}
	return s
}

// answered notes that the provider is well.
func (p *provider) answered() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failure != nil || p.since.IsZero() {
		p.since = p.now()
	}
	p.failure, p.rest, p.resting = nil, 0, time.Time{}
}

// failed notes that the provider failed, leaves it alone for a while, longer each time, and returns err.
func (p *provider) failed(err error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failure == nil {
		p.since = p.now()
	}
	p.failure = err
	p.rest = min(max(2*p.rest, restLeast), restMost)
	p.resting = p.now().Add(p.rest * time.Duration(100-jitter(30)) / 100)
	return err
}

// rests tells whether the provider failed a moment ago: what can wait does.
func (p *provider) rests() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now().Before(p.resting)
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

// jitter is a random number below n: what many do should not be done by all at once.
func jitter(n int) int { return rand.IntN(n) }
