package authn

import (
	"errors"
	"fmt"
	"reflect"
	"time"

	"picket/node/config"
)

// With is an Authn by another configuration, with the same buckets, caches and queues: nobody is signed out by it but those
// whom the configuration no longer lets be signed in. What is known of an identity provider that did not change stays
// known. It opens nothing and is not in force until Use.
func (a *Authn) With(c *config.Config) (*Authn, error) {
	b := &Authn{shared: a.shared, number: a.made.Add(1), conf: c, cookies: a.cookies, bearers: a.bearers, providers: map[string]*provider{}, idle: shortestIdle(c)}
	if a.conf == nil || a.sso() != b.sso() {
		b.cookies = newCookies(a.broker.Keys(), b.sso())
		b.bearers = newTagged(a.broker.Keys().Tagger("bearer v1"), b.sso())
	}
	return b, b.addProviders(a)
}

// Use puts a in force for what is done in the background.
func (a *Authn) Use() {
	before := a.inForce.Swap(a)
	for name, p := range before.providers {
		if a.providers[name] != p {
			p.quick.http.CloseIdleConnections()
			p.patient.http.CloseIdleConnections()
		}
	}
	select {
	case a.meet <- struct{}{}:
	default: // asked for already
	}
}

// addProviders makes the identity providers ready, by what another configuration made where nothing changed.
func (a *Authn) addProviders(before *Authn) error {
	var wrong []error
	for i := range a.conf.Identities {
		id := &a.conf.Identities[i]
		p := before.providers[id.Name]
		if p == nil || before.sso() != a.sso() || !reflect.DeepEqual(p.identity, id) {
			var err error
			if p, err = newProvider(id, a.sso().String(), a.now); err != nil {
				wrong = append(wrong, fmt.Errorf("identity %q: %w", id.Name, err))
				continue
			}
			p.changed = func(c Circuit, failed bool) { a.metrics.asked(id.Name, c, failed) }
			p.ahead = func(by time.Duration) { a.metrics.compared(id.Name, by) }
		}
		a.providers[id.Name] = p
		a.names = append(a.names, id.Name)
	}
	return errors.Join(wrong...)
}

func shortestIdle(c *config.Config) time.Duration {
	idle := c.Session.Idle
	for i := range c.Routes {
		idle = stricter(idle, c.Routes[i].Session.Idle)
	}
	return idle
}

// CloseIdleConnections closes the connections that nobody uses now: http.Client asks for this.
func (l limited) CloseIdleConnections() {
	if idle, ok := l.next.(interface{ CloseIdleConnections() }); ok {
		idle.CloseIdleConnections()
	}
}
