package certs

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/caddyserver/certmagic"
)

// errLockLost says that what was done under a lock went on for too long, or that the lock was never taken.
var errLockLost = errors.New("the lock is not held any more: another node may be at it")

const (
	// lockPrefix begins the names of leases that are locks of ours.
	lockPrefix = "certs/"
	// siteLock begins certmagic's name of the lock under which a name's certificate is ordered and stored.
	siteLock = "issue_cert_"
	// sitesFolder is where certmagic keeps certificates: sitesFolder/ISSUER/NAME/NAME.{crt,key,json}.
	sitesFolder = "certificates"
)

// Lock takes a lock as soon as nobody has it. It is renewed until Unlock; when this node dies it ends by itself.
func (s *storage) Lock(ctx context.Context, name string) error {
	lease, err := s.leases.Take(ctx, lockPrefix+leaseName(name))
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held[name] = lease
	return nil
}

// leaseName is a lock's name, short enough for a key.
func leaseName(name string) string { return keyOf(name) }

// Unlock gives a lock back. An error says that it will end by itself.
func (s *storage) Unlock(ctx context.Context, name string) error {
	s.mu.Lock()
	lease := s.held[name]
	delete(s.held, name)
	s.mu.Unlock()
	if lease == nil {
		return fmt.Errorf("unlocking %s: %w", name, errLockLost)
	}
	return lease.Release(ctx)
}

// RenewLockLease says whether a lock is held still: it is renewed without being asked.
func (s *storage) RenewLockLease(_ context.Context, name string, _ time.Duration) error {
	if s.left(name) == 0 {
		return fmt.Errorf("renewing the lock %s: %w", name, errLockLost)
	}
	return nil
}

// left is how long a lock may be acted on without being renewed; 0: it is not held.
func (s *storage) left(name string) time.Duration {
	s.mu.Lock()
	lease := s.held[name]
	s.mu.Unlock()
	if lease == nil {
		return 0
	}
	return lease.Held()
}

// whileHeld gives a context that ends when a lock is lost.
func (s *storage) whileHeld(ctx context.Context, name string) (context.Context, context.CancelFunc, error) {
	s.mu.Lock()
	lease := s.held[name]
	s.mu.Unlock()
	if lease == nil || lease.Held() == 0 {
		return ctx, func() {}, fmt.Errorf("working under the lock %s: %w", name, errLockLost)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	go func() { // it ends with the context
		select {
		case <-lease.Lost():
			cancel(errLockLost)
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(context.Canceled) }, nil
}

// fenced bounds a write to a path: what belongs to a certificate may be written as long as the lock of its name is held.
// Expired certificates are cleaned away under a lock of their own, see clean.
func (s *storage) fenced(ctx context.Context, of string) (context.Context, context.CancelFunc, error) {
	site, ok := siteOf(of)
	if !ok {
		return ctx, func() {}, nil
	}
	left := s.left(cleanLock)
	for name := range s.names() {
		if strings.HasPrefix(name, siteLock) && certmagic.StorageKeys.Safe(strings.TrimPrefix(name, siteLock)) == site {
			left = max(left, s.left(name))
		}
	}
	if left == 0 {
		return ctx, func() {}, fmt.Errorf("storing %s: %w", of, errLockLost)
	}
	ctx, cancel := context.WithTimeout(ctx, left)
	return ctx, cancel, nil
}

// names are those of the locks that were taken here.
func (s *storage) names() map[string]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[string]bool{}
	for name := range s.held {
		all[name] = true
	}
	return all
}

// siteOf is the name, as certmagic writes it, whose certificate a path belongs to; ok is false when it belongs to none.
func siteOf(of string) (site string, ok bool) {
	parts := strings.Split(path.Clean(of), "/")
	if len(parts) < 3 || parts[0] != sitesFolder {
		return "", false
	}
	return parts[2], true
}

// The locks are certmagic's, with all that it asks for.
var (
	_ certmagic.Storage          = (*storage)(nil)
	_ certmagic.LockLeaseRenewer = (*storage)(nil)
)
