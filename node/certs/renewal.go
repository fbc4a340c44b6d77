package certs

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3/acme"
)

// askRenewal asks the authority anew when it wants a certificate renewed (RFC 9773): it may want that soon, having to revoke
// it. One node asks, under the lock of the name, and notes the answer for all.
func (m *Manager) askRenewal(ctx context.Context, s *site) error {
	ctx, cancel := context.WithTimeout(ctx, orderTime)
	defer cancel()
	shared, w := m.state.Load(), m.wanted.Load()
	a, err := newAuthority(w.ACME, m.notes(shared), newZap(m.log))
	if err != nil {
		return err
	}
	lock := siteLock + s.name
	if err := shared.storage.Lock(ctx, lock); err != nil {
		return err
	}
	defer func() { _ = shared.storage.Unlock(context.WithoutCancel(ctx), lock) }() // it ends by itself
	p, err := shared.storage.pair(ctx, a.key, s.name)
	if err != nil {
		return err
	}
	cert, err := p.usable(s.name)
	if err != nil {
		return nil // it is ordered anew
	}
	if _, ask := p.schedule(cert); ask.IsZero() || time.Until(ask) > 0 {
		return nil // another node has asked
	}
	info, err := a.acme().GetRenewalInfo(ctx, cert.Leaf)
	if err != nil {
		return fmt.Errorf("asking the authority when to renew: %w", err)
	}
	return a.noteRenewal(ctx, s.name, p, info)
}

// noteRenewal stores what the authority has said, as certmagic does. The moment chosen within the window stays, unless the
// window is another.
func (a *authority) noteRenewal(ctx context.Context, name string, p pair, info acme.RenewalInfo) error {
	resource, issued, err := p.metadata()
	if err != nil {
		return fmt.Errorf("reading what is known of the certificate: %w", err)
	}
	if before := issued.RenewalInfo; before != nil && before.SameWindow(info) && !before.SelectedTime.IsZero() {
		info.SelectedTime = before.SelectedTime
	}
	issued.RenewalInfo = &info
	if resource.IssuerData, err = json.Marshal(issued); err != nil {
		return fmt.Errorf("encoding what is known of the certificate: %w", err)
	}
	text, err := json.Marshal(resource)
	if err != nil {
		return fmt.Errorf("encoding what is known of the certificate: %w", err)
	}
	return a.storage.Store(ctx, certmagic.StorageKeys.SiteMeta(a.key, name), text)
}

const (
	// cleanLock is certmagic's lock for cleaning.
	cleanLock = "storage_clean"
	// cleanEvery is how often certificates that are over are cleaned away, in the whole cluster.
	cleanEvery = 24 * time.Hour
	// cleanAfter is how long after its end a certificate is kept.
	cleanAfter = 30 * 24 * time.Hour
)

// clean removes certificates that have been over for long, until ctx ends.
func (m *Manager) clean(ctx context.Context, s *state) {
	tick := time.NewTicker(cleanEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := m.cleanOnce(ctx, s.storage); err != nil && ctx.Err() == nil {
			m.log.Info().Err(err).Msg("certificates that are over were not cleaned away; trying again tomorrow")
		}
	}
}

func (m *Manager) cleanOnce(ctx context.Context, s *storage) error {
	ctx, cancel := context.WithTimeout(ctx, orderTime)
	defer cancel()
	return certmagic.CleanStorage(ctx, s, certmagic.CleanStorageOptions{
		Logger: newZap(m.log), InstanceID: m.node, Interval: cleanEvery / 2, ExpiredCerts: true, ExpiredCertGracePeriod: cleanAfter,
	})
}
