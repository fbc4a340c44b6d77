package certs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"picket/broker"
)

const (
	// atOnce is how many certificates one node orders at a time.
	atOnce = 4
	// orderTime bounds one order, waiting for another node's included.
	orderTime = 15 * time.Minute
	// againTime is when this node looks at a name again after what has nothing to do with the authority.
	againTime = 10 * time.Second
	// heardTime is how long the feed may take to tell of what was just stored.
	heardTime = 2 * time.Second
	// lookTime is how long nothing is looked at when nothing is due.
	lookTime = time.Hour
	// openTime bounds opening what the nodes share, when another configuration asks for it.
	openTime = time.Minute
)

// errNotDue says that somebody else was faster.
var errNotDue = errors.New("there is nothing to do any more")

// Run orders and renews what is due until ctx ends.
func (m *Manager) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	opened := false
	for {
		wait := m.openLate(ctx)
		if s := m.state.Load(); s != nil && !opened {
			opened = true
			group.Go(func() error { return s.storage.leases.Run(ctx) })
			group.Go(func() error { m.clean(ctx, s); return nil })
		}
		if m.state.Load() != nil {
			wait = m.start(ctx, group)
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return group.Wait()
		case <-m.news:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// openLate opens what the nodes share, when it is asked for later than at the start. It gives when to try again.
func (m *Manager) openLate(ctx context.Context) time.Duration {
	ctx, cancel := context.WithTimeout(ctx, openTime)
	defer cancel()
	if err := m.Open(ctx); err != nil && ctx.Err() == nil {
		m.log.Warn().Err(err).Msg("certificates cannot be looked after; trying on")
		return againTime
	}
	return lookTime
}

// start begins what is due, and gives how long nothing else is.
func (m *Manager) start(ctx context.Context, group *errgroup.Group) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	now, wait := m.now(), lookTime
	for name, s := range m.table.Load().sites {
		at, ok := s.due()
		if m.asked[name] {
			at, ok = time.Time{}, true
		}
		if ari := s.ari; ok && !ari.IsZero() && ari.Before(at) {
			at = ari
		}
		if later := m.later[name]; later.After(at) {
			at = later
		}
		switch left := at.Sub(now); {
		case !ok || m.busy[name]:
		case left > 0:
			wait = min(wait, left)
		case len(m.busy) < atOnce: // whoever is done pokes
			m.busy[name] = true
			group.Go(func() error { m.tend(ctx, s); return nil })
		}
	}
	return wait
}

// tend does what is due for a name.
func (m *Manager) tend(ctx context.Context, s *site) {
	wait := m.tendOnce(ctx, s)
	m.mu.Lock()
	delete(m.busy, s.name)
	delete(m.asked, s.name)
	m.later[s.name] = m.now().Add(wait)
	m.mu.Unlock()
	m.poke()
}

// tendOnce gives how long to leave the name alone, beside what is noted in the bucket.
func (m *Manager) tendOnce(ctx context.Context, s *site) time.Duration {
	if at, ok := s.due(); ok && at.After(m.now()) && !m.wants(s.name) {
		if err := m.askRenewal(ctx, s); err != nil && ctx.Err() == nil {
			m.log.Info().Err(errors.New(short(err.Error()))).Str("name", s.name).Msg("the authority was not asked when to renew")
			return time.Hour
		}
		return heardTime
	}
	begun := m.now()
	err := m.order(ctx, s)
	var wait postponed
	switch {
	case err == nil:
		m.metrics.ordered(orderedResult)
		m.log.Info().Str("name", s.name).Dur("after_ms", m.now().Sub(begun)).Msg("certificate ordered")
	case errors.Is(err, errNotDue), ctx.Err() != nil:
	case errors.As(err, &wait):
		return heardTime // the feed tells of it
	case errors.Is(err, broker.ErrUnavailable), errors.Is(err, errLockLost), errors.Is(err, context.DeadlineExceeded):
		m.metrics.ordered(postponedResult)
		m.log.Warn().Err(errors.New(short(err.Error()))).Str("name", s.name).Dur("next_try_ms", againTime).
			Msg("no certificate was ordered: the store could not tell, or another node went on")
		return againTime
	default:
		m.metrics.ordered(failedResult)
		m.tellFailed(ctx, s.name, err)
	}
	return heardTime
}

// wants tells whether somebody asked for a certificate anew.
func (m *Manager) wants(name string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.asked[name]
}

// order orders or renews under the lock of the name.
func (m *Manager) order(ctx context.Context, s *site) error {
	ctx, cancel := context.WithTimeout(ctx, orderTime)
	defer cancel()
	shared, w, forced := m.state.Load(), m.wanted.Load(), m.wants(s.name)
	magic, a, stop, err := m.magic(shared, w, forced)
	if err != nil {
		return err
	}
	defer stop()
	if forced || s.broken != nil || !s.stored.none() {
		err = magic.RenewCertSync(ctx, s.name, true)
	} else {
		err = magic.ObtainCertSync(ctx, s.name)
	}
	if err != nil {
		return err
	}
	return a.notes.over(ctx, s.name)
}

// stillDue is asked under the lock of a name, before an order begins: another node may have been faster. What the store
// does not say is no reason to order.
func (a *authority) stillDue(ctx context.Context, data map[string]any, forced bool) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	if renewal, _ := data["renewal"].(bool); !renewal || forced {
		return nil
	}
	name, _ := data["identifier"].(string)
	p, err := a.storage.pair(ctx, a.key, name)
	if err != nil {
		return err
	}
	cert, err := p.usable(name)
	if err != nil {
		return nil // chain and key do not belong together: a node died between writing one and the other
	}
	if renew, _ := p.schedule(cert); time.Until(renew) > 0 {
		return errNotDue
	}
	return nil
}

// tellFailed says what went wrong, when it is tried again, and what to look at.
func (m *Manager) tellFailed(ctx context.Context, name string, err error) {
	line := m.log.Error().Err(errors.New(short(err.Error()))).Str("name", name)
	reading, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	if a, err := m.notes(m.state.Load()).attempt(reading, name); err == nil && a.Count > 0 {
		line = line.Int("attempts", a.Count).Time("next_try", m.waits.until(name, a))
	}
	line.Msg("no certificate: " + advice(err, m.wanted.Load().Challenges))
}

// pair reads what is stored of a certificate. An error is never that nothing is.
func (s *storage) pair(ctx context.Context, issuer, name string) (p pair, err error) {
	for _, part := range []struct {
		of string
		to *[]byte
	}{{siteFile(issuer, name, ".crt"), &p.chain}, {siteFile(issuer, name, ".key"), &p.key}, {siteFile(issuer, name, ".json"), &p.meta}} {
		*part.to, err = s.Load(ctx, part.of)
		if err != nil && !missing(err) {
			return pair{}, fmt.Errorf("reading the certificate of %s: %w", name, err)
		}
	}
	return p, nil
}
