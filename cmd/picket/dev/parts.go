package dev

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"
)

// parts is what runs beside the nodes, each on its listener.
type parts struct {
	front, provider, app net.Listener
	application          *App
	balancer             *Balancer
}

// close closes what was not served.
func (p *parts) close() {
	for _, listener := range []net.Listener{p.front, p.provider, p.app} {
		if listener != nil {
			listener.Close()
		}
	}
}

// prepare finds ports for everything, writes the files, and makes what start will run.
func (d *Dev) prepare(front net.Listener) (p *parts, err error) {
	p = &parts{front: front}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	m, err := d.folder.remember()
	if err != nil {
		return nil, err
	}
	if p.provider, err = listenAgain(m.ProviderPort); err != nil {
		return nil, err
	}
	if p.app, err = listenAnywhere(); err != nil {
		return nil, err
	}
	m.ProviderPort = portOf(p.provider)
	if err := d.folder.keep(m); err != nil {
		return nil, err
	}
	d.configuration = configuration{
		Port:   portOf(front),
		Issuer: "http://" + p.provider.Addr().String(),
		App:    "http://" + p.app.Addr().String(),
	}
	if err := d.people(m); err != nil {
		return nil, err
	}
	if p.application, err = d.application(front.Addr().String()); err != nil {
		return nil, err
	}
	if err := d.nodes(m); err != nil {
		return nil, err
	}
	p.balancer = NewBalancer(d.doors()...)
	text, err := d.configuration.text()
	if err != nil {
		return nil, err
	}
	return p, d.folder.write("cluster.hcl", text)
}

// people makes the provider.
func (d *Dev) people(m memory) (err error) {
	auth := d.configuration.URL("auth")
	d.provider, err = NewProvider(ProviderOptions{
		Issuer:                 d.configuration.Issuer,
		ClientID:               clientID,
		ClientSecret:           m.ClientSecret,
		RedirectURIs:           []string{auth + "/.picket/callback"},
		PostLogoutRedirectURIs: []string{auth + "/*"},
		AccessTokenLifetime:    d.options.AccessTokenLifetime,
	})
	return err
}

// application makes the application. It reaches the keys as its visitors reach it, but needs no resolver for it.
func (d *Dev) application(balancer string) (*App, error) {
	dialer := &net.Dialer{Timeout: dialTimeout}
	return NewApp(AppOptions{
		Keys:      d.configuration.URL("app") + "/.well-known/picket/jwks.json",
		Audiences: d.configuration.audiences(),
		Client: &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return dialer.DialContext(ctx, "tcp", balancer)
			},
		}},
	})
}

// nodes makes the members, each with addresses, a store and a log of its own.
func (d *Dev) nodes(m memory) error {
	const each = 4
	addresses, err := freeAddresses(each * d.options.Nodes)
	if err != nil {
		return err
	}
	for i := range d.options.Nodes {
		name, own := "n"+strconv.Itoa(i+1), addresses[each*i:]
		d.members = append(d.members, &member{
			name: name, http: own[0], admin: own[1], broker: own[2], client: own[3],
			log: d.folder.file(name + ".log"), store: d.folder.file(name),
			command: []string{d.options.Executable, "run", "--config", d.folder.file("cluster.hcl")},
			env:     []string{"PICKET_SECRET=" + m.Secret, "PICKET_CLIENT_SECRET=" + m.ClientSecret},
			grace:   d.options.Grace, delay: d.options.RestartDelay,
			print: d.print, up: make(chan struct{}),
		})
		d.configuration.Peers = append(d.configuration.Peers, name+"="+own[2])
	}
	return nil
}

// doors are where the nodes take requests.
func (d *Dev) doors() []string {
	var all []string
	for _, m := range d.members {
		all = append(all, m.http)
	}
	return all
}

// serve answers on the listener until ctx ends, then cuts what is open.
func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return ctx }, // ends WebSockets too
	}
	defer context.AfterFunc(ctx, func() { server.Close() })()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving on %s: %w", listener.Addr(), err)
	}
	return nil
}
