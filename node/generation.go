package node

import (
	"context"
	"fmt"
	"time"

	"picket/node/authn"
	"picket/node/authz"
	"picket/node/certs"
	"picket/node/config"
	"picket/node/console"
	"picket/node/proxy"
)

// generation is one configuration and what was made of it. It is immutable; what it remembers is shared with the
// generations before and after it.
type generation struct {
	config *config.Config
	print  string            // of the files that it was read from
	blocks map[string]string // their blocks, with a print of each
	since  time.Time         // when it was put in force
	authn  *authn.Authn
	facts  *facts
	certs  *certs.Prepared
}

func newGeneration(r config.Reading) *generation {
	return &generation{config: r.Config, print: r.Print, blocks: r.Blocks(), since: time.Now()}
}

// prepare makes a whole generation beside the one in force. With an error nothing is left of it.
func (n *Node) prepare(ctx context.Context, r config.Reading) (*generation, *proxy.Prepared, error) {
	g := newGeneration(r)
	var err error
	if g.authn, err = n.authn().With(r.Config); err != nil {
		return nil, nil, fmt.Errorf("sign-in: %w", err)
	}
	if g.facts, err = n.facts().beside(ctx, n.broker, r.Config.Data); err != nil {
		return nil, nil, err
	}
	if g.certs, err = n.certs.With(r.Config); err != nil {
		g.facts.leave(n.facts())
		return nil, nil, fmt.Errorf("certificates: %w", err)
	}
	parts, err := n.parts(g)
	if err != nil {
		g.facts.leave(n.facts())
		return nil, nil, err
	}
	prepared, err := n.door.Prepare(ctx, parts)
	if err != nil {
		g.facts.leave(n.facts())
		return nil, nil, fmt.Errorf("door: %w", err)
	}
	return g, prepared, nil
}

// use puts a generation in force. What requests are decided by changes at one point, in the door.
func (n *Node) use(g *generation, prepared *proxy.Prepared) {
	before := n.inForce.Load()
	g.since = time.Now()
	g.authn.Use()
	n.inForce.Store(g)
	prepared.Use()
	g.certs.Use()
	before.facts.leave(g.facts)
	n.members.tellNow()
}

// parts are what the door decides by.
func (n *Node) parts(g *generation) (proxy.Parts, error) {
	c := g.config
	pages, err := console.New(console.Options{Config: c, Authn: g.authn, Log: n.log})
	if err != nil {
		return proxy.Parts{}, fmt.Errorf("pages: %w", err)
	}
	decides := authz.New(authz.Options{
		Policies: c.Policies, Node: c.Cluster.Broker.Node, Records: n.decided.records, Sample: sample(c.Telemetry.DecisionLog),
		Log: n.log, Registry: n.registry,
	})
	return proxy.Parts{
		Config: c, Authn: g.authn, Authz: decides, Pages: pages, Refuse: pages.Refuse, Data: g.facts.snapshot,
		Certificate: n.certs.Certificate, KeyAuthorization: n.certs.KeyAuthorization,
	}, nil
}

// config is the configuration in force.
func (n *Node) config() *config.Config { return n.inForce.Load().config }

// authn tells who is asking, by the configuration in force.
func (n *Node) authn() *authn.Authn { return n.inForce.Load().authn }

// facts are what the data blocks of the configuration in force hold.
func (n *Node) facts() *facts { return n.inForce.Load().facts }
