//go:build e2e

package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// startExternal starts the nodes of examples/external-nats on a NATS cluster of their own.
func startExternal(t *testing.T, n *natsCluster) *cluster {
	t.Helper()
	c := openCluster(t, "example.com")
	ours := newAuthority(t)
	c.roots.AddCert(ours.certificate)
	c.attach(t, builtIn)
	certificate, key := ours.issue(t, c.host("app"), c.host("auth"))
	for _, node := range c.nodes {
		c.tell(t, node, "../external-nats/cluster.hcl")
		node.env = append(node.env, "PICKET_CERTIFICATE="+certificate, "PICKET_KEY="+key, "APP_UPSTREAM="+c.upstream.server.URL)
		node.env = append(node.env, n.environment()...)
	}
	c.nodes[0].checks(t)
	c.startAll(t)
	return c
}

func TestTheStateMayLiveInANATSClusterOfTheOperators(t *testing.T) {
	t.Parallel() // it mostly waits
	n := startNATS(t)
	c := startExternal(t, n)
	alice := c.visit(t)

	t.Run("a sign-in ends on the page first asked for", func(t *testing.T) {
		a := alice.signIn(t, "alice", c.url("app")+pageAskedFor)
		if a.status != 200 || a.at.String() != c.url("app")+pageAskedFor {
			t.Fatalf("%s: %s", a, a.words())
		}
		alice.isSignedInAs(t, "alice")
	})
	t.Run("any one node may die", func(t *testing.T) {
		for _, node := range c.nodes {
			c.dies(t, node, alice)
		}
	})
	t.Run("a rolling restart of the nodes fails no request", c.rolls)
	t.Run("a server of NATS may die", func(t *testing.T) { c.outlivesServers(t, n, alice) })
	t.Run("a revocation is heard everywhere", c.revokesOne)
	t.Run("the user may do what it must and no more", func(t *testing.T) {
		n.refusesTheRest(t)
		for _, node := range c.nodes {
			if strings.Contains(strings.ToLower(node.log.String()), "permissions violation") {
				t.Errorf("%s was refused something", node.name)
			}
		}
	})
}

// outlivesServers kills each NATS server in turn: nobody is logged out by it, and a sign-in waits out the election.
func (c *cluster) outlivesServers(t *testing.T, n *natsCluster, alice *visitor) {
	t.Helper()
	alice.signIn(t, "alice", c.url("app")+"/")
	for _, node := range c.nodes {
		alice.over(node).isSignedInAs(t, "alice")
	}
	for _, s := range n.servers {
		s.kill(t)
		for range 30 {
			alice.isSignedInAs(t, "alice")
		}
		bob := c.visit(t)
		bob.waitsOut(t, bob.open(t, c.url("app")+"/"), "bob", c.url("app")+"/")
		bob.isSignedInAs(t, "bob")
		s.start(t)
		n.ready(t)
		c.ready(t, c.nodes...)
	}
}

// refusesTheRest tries, with the nodes' own credentials, what they have no need to do.
func (n *natsCluster) refusesTheRest(t *testing.T) {
	complaints := make(chan error, 16)
	conn, err := nats.Connect("tls://"+n.servers[0].listen, nats.UserCredentials(n.credentials), nats.RootCAs(n.authority.path), nats.Timeout(patience),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { complaints <- err }))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, subject := range []string{
		"$JS.API.STREAM.DELETE.KV_picket-sessions", "$JS.API.STREAM.PURGE.KV_picket-sessions",
		"$JS.API.STREAM.MSG.DELETE.KV_picket-sessions", "$JS.API.STREAM.SNAPSHOT.KV_picket-sessions",
		"$JS.API.STREAM.RESTORE.KV_picket-sessions", "$SYS.REQ.SERVER.PING", "PICKET.feed.forged",
	} {
		if err := conn.Publish(subject, nil); err != nil {
			t.Fatal(err)
		}
		if err := conn.Flush(); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-complaints:
			if !strings.Contains(strings.ToLower(err.Error()), "permissions violation") {
				t.Errorf("%s: %v", subject, err)
			}
		case <-time.After(patience):
			t.Errorf("%s is permitted", subject)
		}
	}
	stranger, err := nats.Connect("tls://"+n.servers[0].listen, nats.RootCAs(n.authority.path), nats.NoReconnect())
	if err == nil {
		stranger.Close()
		t.Error("a stranger without credentials is let in")
	}
}
