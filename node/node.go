// Package node is one member of the cluster: it puts the parts together, runs them, and drains them; puts a changed
// configuration in force while they run; and answers the operator on the admin address.
//
// It promises that a node is ready only when its knowledge is proved fresh and its copies of the shared state are
// current, and that a stopping node finishes what it began before it leaves. What a request meets is the door's matter
// (node/proxy); what nodes share is the broker's.
package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"picket/broker"
	"picket/node/authn"
	"picket/node/certs"
	"picket/node/config"
	"picket/node/proxy"
)

const (
	// startPatience is how long a node waits for the others at its start. A cluster of three that is started one by one,
	// by hand, fits in.
	startPatience = 10 * time.Minute
	// finishTime is how long background work may take to end, once the door has drained.
	finishTime = 15 * time.Second
	// leaveTime is how long handing over leadership may take.
	leaveTime = 10 * time.Second
)

// Options are what a node is made of.
type Options struct {
	Reading config.Reading // with a Config
	Version string
	Log     zerolog.Logger

	Hangups <-chan os.Signal   // have the configuration read anew; nil: none come
	Level   func(level string) // sets the log level, by its name in the configuration; nil: it stays
}

// Node is one member of the cluster.
type Node struct {
	version string
	log     zerolog.Logger
	since   time.Time
	inForce atomic.Pointer[generation] // what this node runs by

	registry *prometheus.Registry
	broker   *broker.Broker
	door     *proxy.Door
	certs    *certs.Manager
	decided  *decisions
	members  *members
	admin    *admin
	reloads  *reloads

	serving atomic.Bool           // listeners are open, and no stop was asked for
	stage   atomic.Pointer[stage] // never nil
}

// New puts the parts together and reports what does not fit. It opens nothing.
func New(o Options) (*Node, error) {
	c := o.Reading.Config
	n := &Node{version: o.Version, log: o.Log, since: time.Now(), registry: prometheus.NewRegistry()}
	n.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	n.at(stageBroker)
	var err error
	if n.broker, err = broker.New(brokerOptions(c, n.log, n.registry)); err != nil {
		return nil, fmt.Errorf("broker: %w", err)
	}
	g := newGeneration(o.Reading)
	g.facts = newFacts(c.Data, func() { n.door.Changed() })
	g.authn, err = authn.New(authn.Options{Config: c, Broker: n.broker, Log: n.log, Registry: n.registry})
	if err != nil {
		return nil, fmt.Errorf("sign-in: %w", err)
	}
	if n.certs, err = certs.New(certs.Options{Config: c, Broker: n.broker, Log: n.log, Registry: n.registry}); err != nil {
		return nil, fmt.Errorf("certificates: %w", err)
	}
	n.decided = newDecisions(c.Telemetry.DecisionLog)
	parts, err := n.parts(g)
	if err != nil {
		return nil, err
	}
	n.door, err = proxy.New(proxy.Options{
		Parts: parts, Node: c.Cluster.Broker.Node, Fresh: n.broker.Fresh, Keys: n.broker.Keys(),
		Talk: n.broker.Talk("limits"), Peers: peerNames(c.Cluster.Broker.Peers), Log: n.log, Registry: n.registry,
	})
	if err != nil {
		return nil, fmt.Errorf("door: %w", err)
	}
	n.inForce.Store(g)
	n.reloads = newReloads(n, o)
	n.members = newMembers(n)
	n.admin = newAdmin(n)
	return n, nil
}

// brokerOptions carry the configuration over to the broker, which knows none of ours.
func brokerOptions(c *config.Config, log zerolog.Logger, registry prometheus.Registerer) broker.Options {
	b := c.Cluster.Broker
	peers := make([]broker.Peer, len(b.Peers))
	for i, p := range b.Peers {
		peers[i] = broker.Peer{Name: p.Name, Address: p.Address}
	}
	return broker.Options{
		Cluster: c.Cluster.Name, Node: b.Node, Secrets: c.Cluster.Secrets, MaxStaleness: c.Cluster.MaxStaleness,
		Peers: peers, Listen: b.Listen, Client: b.Client, Store: b.Store, Sync: b.Sync, Limit: b.Limit,
		URLs: b.URLs, Credentials: b.Credentials, CA: b.CA, Prefix: b.Prefix, Replicas: b.Replicas,
		Log: log, Registry: registry,
	}
}

// Run is the node's life: it opens the state, serves until ctx ends, finishes what was begun, and leaves. The parts stop
// in the opposite order of their start: the door first, the broker last.
func (n *Node) Run(ctx context.Context) error {
	if err := n.claim(ctx); err != nil {
		return err
	}
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	parts, life := errgroup.WithContext(life)
	parts.Go(func() error { return n.admin.run(life) })
	parts.Go(func() error { n.tellUnready(life); return nil })

	err := n.serve(ctx, life, parts)
	n.serving.Store(false)
	n.at(stageEnd)
	end()
	err = errors.Join(err, n.finish(parts))
	return errors.Join(err, n.leave())
}

// claim takes the admin address and sees that the others are free, so that one in use is told before anything begins. The
// door opens when the node is ready: until then a balancer is to find nobody.
func (n *Node) claim(ctx context.Context) error {
	if err := n.door.Open(ctx); err != nil {
		return err
	}
	if err := n.door.Close(); err != nil {
		return fmt.Errorf("closing the door again: %w", err)
	}
	return n.admin.open()
}

// finish waits for the parts, but not for ever: a refresh may hang on an identity provider that does not answer.
func (n *Node) finish(parts *errgroup.Group) error {
	done := make(chan error, 1)
	go func() { done <- parts.Wait() }()
	select {
	case err := <-done:
		return err
	case <-time.After(finishTime):
		n.log.Warn().Dur("after_ms", finishTime).Msg("background work does not end; leaving it")
		return nil
	}
}

// serve opens everything in order and returns when the door has drained.
func (n *Node) serve(ctx, life context.Context, parts *errgroup.Group) error {
	begun := time.Now()
	starting, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	if err := n.open(starting, life, parts); err != nil {
		if ctx.Err() != nil {
			return nil // stopped before it was up
		}
		return err
	}
	if err := n.door.Open(ctx); err != nil {
		return err
	}
	n.at(stageServing)
	n.serving.Store(true)
	n.log.Info().Str("node", n.config().Cluster.Broker.Node).Str("version", n.version).Strs("addresses", n.door.Addresses()).
		Dur("after_ms", time.Since(begun)).Msg("ready")
	parts.Go(func() error { return n.reloads.run(ctx) })
	return n.untilStopped(ctx, life)
}

// untilStopped serves until ctx ends, or a part fails.
func (n *Node) untilStopped(ctx, life context.Context) error {
	serving, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(life, stop)()
	defer context.AfterFunc(ctx, func() {
		n.serving.Store(false)
		n.at(stageEnd)
		n.log.Info().Msg("stopping: finishing what was begun")
	})()
	return n.door.Run(serving)
}

// open brings up the state: the broker, the buckets, and the proof that what they say is fresh.
func (n *Node) open(starting, life context.Context, parts *errgroup.Group) error {
	if err := n.broker.Open(starting); err != nil {
		return err
	}
	n.at(stageStore)
	parts.Go(func() error { return n.broker.Run(life) })
	if err := n.authn().Open(starting); err != nil {
		return fmt.Errorf("opening the cluster's state (are enough of the peers up?): %w", err)
	}
	parts.Go(func() error { return n.authn().Run(life) })
	if err := n.facts().open(starting, n.broker); err != nil {
		return err
	}
	if err := n.decided.open(starting, n.broker); err != nil {
		return err
	}
	parts.Go(func() error { return n.decided.run(life) })
	if err := n.certs.Open(starting); err != nil {
		return err
	}
	parts.Go(func() error { return n.certs.Run(life) })
	if err := n.members.open(starting); err != nil {
		return err
	}
	parts.Go(func() error { return n.members.run(life) })
	if err := n.broker.Settled(starting); err != nil {
		return err
	}
	return n.untilFresh(starting)
}

func (n *Node) untilFresh(ctx context.Context) error {
	for !n.broker.Fresh() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for the first proof of freshness: %w", context.Cause(ctx))
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil
}

// leave hands leadership over and closes the broker.
func (n *Node) leave() error {
	ctx, cancel := context.WithTimeout(context.Background(), leaveTime)
	defer cancel()
	defer n.log.Info().Msg("stopped")
	return n.broker.Close(ctx)
}

// ready tells whether this node should be sent requests.
func (n *Node) ready() bool { return n.serving.Load() && n.broker.Fresh() }
