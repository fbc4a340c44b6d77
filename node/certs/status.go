package certs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"picket/broker"
)

// What may be said of a name's certificate.
const (
	StateServed  = "served"  // there is one that is good
	StateExpired = "expired" // the one that is served is over
	StateMissing = "missing" // there is none: handshakes for the name fail
)

// Status is how it stands with one name's certificate.
type Status struct {
	Name     string    `json:"name"`
	State    string    `json:"state"`
	Issuer   string    `json:"issuer"`            // who signed the one that is served
	Expires  time.Time `json:"expires,omitzero"`  // zero: there is none
	NextTry  time.Time `json:"next_try,omitzero"` // when it is ordered or renewed; zero: at once, or not by itself
	Failures int       `json:"failures"`          // in a row, of all nodes
	Error    string    `json:"error,omitempty"`   // why the last attempt failed, or why there is none
	Help     string    `json:"help,omitempty"`    // what an operator can do, where only one can
}

// Status tells of each name that certificates are ordered for, by name. It asks nobody.
func (m *Manager) Status() []Status {
	all := []Status{}
	t := m.table.Load()
	for _, name := range m.wanted.Load().Names {
		s := &site{name: name}
		if t != nil && t.sites[name] != nil {
			s = t.sites[name]
		}
		all = append(all, s.status(m.now()))
	}
	slices.SortFunc(all, func(a, b Status) int { return strings.Compare(a.Name, b.Name) })
	return all
}

func (s *site) status(now time.Time) Status {
	st := Status{Name: s.name, State: StateMissing, Failures: s.attempt.Count, Error: s.attempt.Error}
	if s.attempt.Error == begun && now.Before(s.next) { // it is under way
		st.Failures, st.Error = st.Failures-1, ""
	}
	if s.cert != nil {
		st.State, st.Issuer, st.Expires = StateServed, s.cert.Leaf.Issuer.CommonName, s.cert.Leaf.NotAfter
		if now.After(st.Expires) {
			st.State = StateExpired
		}
	}
	if at, ok := s.due(); ok {
		st.NextTry = at
	}
	if s.hidden {
		st.Error = s.broken.Error()
		st.Help = "bring back the secret that it was sealed with, or order it anew: picket certificates renew " + s.name
	}
	return st
}

// ErrUnknownName says that no certificates are ordered for a name.
var ErrUnknownName = errors.New("no certificate is ordered for this name")

// Renew has a name's certificate ordered anew by this node, at once, whatever is stored and was tried. It returns before that
// is done. ErrUnknownName, or broker.ErrUnavailable.
func (m *Manager) Renew(ctx context.Context, name string) error {
	s, t := m.state.Load(), m.table.Load()
	if !slices.Contains(m.wanted.Load().Names, name) {
		return fmt.Errorf("%w: %.100q", ErrUnknownName, name)
	}
	if s == nil || t == nil {
		return fmt.Errorf("renewing %s: the certificates are not read yet: %w", name, broker.ErrUnavailable)
	}
	if err := m.notes(s).over(ctx, name); err != nil {
		return err
	}
	if known := t.sites[name]; known != nil && known.hidden {
		if err := s.storage.forget(ctx, m.wanted.Load().issuer, name); err != nil {
			return err
		}
	}
	m.mu.Lock()
	m.asked[name] = true
	delete(m.later, name)
	m.mu.Unlock()
	m.poke()
	return nil
}

// forget removes what is stored of a name's certificate and cannot be read.
func (s *storage) forget(ctx context.Context, issuer, name string) error {
	lock := siteLock + name
	if err := s.Lock(ctx, lock); err != nil {
		return err
	}
	var wrong []error
	for _, kind := range siteKinds() {
		of := siteFile(issuer, name, kind)
		if _, err := s.Stat(ctx, of); errors.As(err, new(unreadable)) {
			wrong = append(wrong, s.Delete(ctx, of))
		}
	}
	wrong = append(wrong, s.Unlock(context.WithoutCancel(ctx), lock))
	return errors.Join(wrong...)
}
