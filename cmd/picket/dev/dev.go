package dev

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// What `picket dev` does unless it is told otherwise.
const (
	DefaultNodes = 3
	DefaultPort  = 8000
)

// Options say what to run. Executable and Out are required.
type Options struct {
	Nodes      int       // 1, 3 or 5; zero: DefaultNodes
	Port       int       // of the balancer, on loopback; zero: any that is free
	Dir        string    // where files are kept; "": a temporary folder, removed at the end
	Executable string    // the picket binary, run as `Executable run --config FILE`
	Out        io.Writer // what a person reads
	Colour     bool      // in what they read

	AccessTokenLifetime time.Duration // of the provider; zero: DefaultAccessTokenLifetime
	RestartDelay        time.Duration // before a node that ended is started again; zero: 5s
	Grace               time.Duration // between asking a node to end and killing it; zero: 10s
	StartTimeout        time.Duration // for all nodes to be ready; zero: a minute
}

// Dev is a cluster to try picket on.
type Dev struct {
	options       Options
	print         *printer
	folder        folder
	configuration configuration
	members       []*member
	provider      *Provider
	ready         chan struct{} // closed when everything runs
}

// New checks the options. It opens nothing and starts nothing.
func New(o Options) (*Dev, error) {
	var errs []error
	if o.Nodes == 0 {
		o.Nodes = DefaultNodes
	}
	if !slices.Contains([]int{1, 3, 5}, o.Nodes) {
		errs = append(errs, fmt.Errorf("%d nodes: state is kept by 1, 3 or 5, so that a majority is clear", o.Nodes))
	}
	if o.Port < 0 || o.Port > 65535 {
		errs = append(errs, fmt.Errorf("port %d: ports go from 1 to 65535", o.Port))
	}
	if o.Executable == "" {
		errs = append(errs, errors.New("no executable to run the nodes with"))
	}
	if o.Out == nil {
		errs = append(errs, errors.New("nowhere to print to"))
	}
	for _, d := range []struct {
		field     *time.Duration
		otherwise time.Duration
	}{{&o.RestartDelay, 5 * time.Second}, {&o.Grace, 10 * time.Second}, {&o.StartTimeout, time.Minute}} {
		if *d.field == 0 {
			*d.field = d.otherwise
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return &Dev{options: o, print: &printer{out: o.Out, colour: o.Colour}, ready: make(chan struct{})}, nil
}

// Ready is closed when every node has been ready. Before that Nodes, Provider and URL have nothing to tell.
func (d *Dev) Ready() <-chan struct{} { return d.ready }

// Nodes are the nodes as they run now.
func (d *Dev) Nodes() []Node {
	var all []Node
	for _, m := range d.members {
		all = append(all, m.node())
	}
	return all
}

// Provider is the identity provider that the cluster signs people in with.
func (d *Dev) Provider() *Provider { return d.provider }

// URL is where a browser opens one of the hosts: "app", "admin", "public", "auth".
func (d *Dev) URL(host string) string { return d.configuration.URL(host) }

// Run runs everything until ctx ends, and returns nil then. Nothing is left running when it returns, and nothing on
// disk unless Options.Dir asked for it. While it is ending, another SIGINT or SIGTERM kills what has not ended.
// Run may be called once.
func (d *Dev) Run(ctx context.Context) (err error) {
	front, err := listenOn(d.options.Port)
	if err != nil {
		return err
	}
	defer front.Close()
	if d.folder, err = openFolder(d.options.Dir); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.folder.close()) }()
	p, err := d.prepare(front)
	if err != nil {
		return err
	}
	defer p.close()
	return d.start(ctx, p)
}
