package node

import (
	"fmt"

	"picket/node/authn"
	"picket/node/authz"
	"picket/node/config"
	"picket/node/console"
	"picket/node/proxy"
)

// generation is one configuration and what was made of it. It is immutable; what it remembers is shared with the
// generations before and after it.
type generation struct {
	config *config.Config
	authn  *authn.Authn
	facts  *facts
}

// parts are what the door decides by.
func (n *Node) parts(g *generation) (proxy.Parts, error) {
	c := g.config
	pages, err := console.New(console.Options{Config: c, Authn: g.authn, Log: n.log})
	if err != nil {
		return proxy.Parts{}, fmt.Errorf("pages: %w", err)
	}
	decides := authz.New(authz.Options{
		Policies: c.Policies, Node: c.Cluster.Broker.Node, Record: n.decided.take, Sample: sample(c.Telemetry.DecisionLog),
		Log: n.log, Registry: n.registry,
	})
	return proxy.Parts{
		Config: c, Authn: g.authn, Authz: decides, Pages: pages, Refuse: pages.Refuse, Data: g.facts.snapshot,
	}, nil
}

// config is the configuration in force.
func (n *Node) config() *config.Config { return n.inForce.Load().config }

// authn tells who is asking, by the configuration in force.
func (n *Node) authn() *authn.Authn { return n.inForce.Load().authn }

// facts are what the data blocks of the configuration in force hold.
func (n *Node) facts() *facts { return n.inForce.Load().facts }
