//go:build e2e

package e2e

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"picket/cmd/picket/dev"
	"picket/examples/ports"
)

const (
	readyWithin = patience               // for a node of a cluster that starts or has lost a node
	tickEvery   = 100 * time.Millisecond // of the application's WebSocket
)

// cluster is three nodes behind a balancer, an application and an identity provider.
type cluster struct {
	front    string         // HOST:PORT of the balancer
	scheme   string         // of all hosts
	domain   string         // that all hosts end in, with a dot
	port     string         // of all hosts; "": the scheme's own
	roots    *x509.CertPool // that vouch for the nodes
	ca       string         // file of the authority that vouches for them; "": there is none
	secret   string
	config   string // of the nodes; "": the usual one
	nodes    []*node
	balancer *dev.Balancer
	provider *provider
	upstream *upstream
}

// node is one picket process.
type node struct {
	process
	listen, admin string // HOST:PORT
}

// startCluster starts the usual cluster: names below localhost, plain http, state in the nodes. Without another choice
// it signs people in with the built-in provider.
func startCluster(t *testing.T, choose ...func(*testing.T, *cluster) *provider) *cluster {
	t.Helper()
	c := openCluster(t, "localhost")
	choose = append(choose, builtIn)
	c.attach(t, choose[0])
	peers := ports.Some(t, len(c.nodes))
	for i, n := range c.nodes {
		c.tell(t, n, cmp.Or(c.config, "testdata/cluster.hcl"))
		n.env = append(n.env, "PICKET_BROKER="+peers[i], "PICKET_CLIENT="+ports.One(t),
			"PICKET_STORE="+t.TempDir(), "E2E_PORT="+portOf(t, c.front), "E2E_UPSTREAM="+c.upstream.server.URL)
		for j, address := range peers {
			n.env = append(n.env, fmt.Sprintf("PICKET_PEER_%d=%s=%s", j+1, c.nodes[j].name, address))
		}
	}
	c.startAll(t)
	return c
}

// openCluster has a balancer in front of three nodes that do not run yet. Hosts below localhost are visited over plain
// http at the balancer's port, others over https at the usual one; clients here find both at the balancer.
func openCluster(t *testing.T, domain string) *cluster {
	t.Helper()
	addresses := ports.Some(t, 6)
	c := &cluster{domain: "." + domain, scheme: "https", roots: x509.NewCertPool(), secret: newSecret()}
	for i := range 3 {
		name := "node-" + strconv.Itoa(i+1)
		c.nodes = append(c.nodes, &node{process: process{name: name}, listen: addresses[i], admin: addresses[3+i]})
	}
	c.balance(t)
	if domain == "localhost" {
		c.scheme, c.port = "http", portOf(t, c.front)
	}
	return c
}

// url is the address of a host.
func (c *cluster) url(host string) string { return c.scheme + "://" + c.authority(host) }

// host is the name of a host of the cluster, without a port.
func (c *cluster) host(name string) string { return name + c.domain }

// authority is a host with its port, as a browser writes it in Host.
func (c *cluster) authority(host string) string {
	if c.port == "" {
		return c.host(host)
	}
	return c.host(host) + ":" + c.port
}

func newSecret() string {
	raw := make([]byte, 32)
	_, _ = rand.Read(raw) // never fails
	return base64.RawURLEncoding.EncodeToString(raw)
}

// balance goes round the nodes until the end of the test.
func (c *cluster) balance(t *testing.T) {
	t.Helper()
	var backends []string
	for _, n := range c.nodes {
		backends = append(backends, n.listen)
	}
	c.balancer = dev.NewBalancer(backends...)
	listener := listen(t, "127.0.0.1:0")
	c.front = listener.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.balancer.Serve(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// attach starts what is around the nodes.
func (c *cluster) attach(t *testing.T, choose func(*testing.T, *cluster) *provider) {
	t.Helper()
	c.provider = choose(t, c)
	c.upstream = startUpstream(t, c)
}

// tell is the part of a node's environment that all clusters have in common.
func (c *cluster) tell(t *testing.T, n *node, config string) {
	t.Helper()
	path, err := filepath.Abs(config)
	if err != nil {
		t.Fatal(err)
	}
	n.command = []string{picket(t), "run", "--config", path}
	n.env = append(n.env, "PICKET_SECRET="+c.secret, "PICKET_NODE="+n.name, "PICKET_LISTEN="+n.listen, "PICKET_ADMIN="+n.admin)
	n.env = append(n.env, c.provider.environment()...)
}

// startAll starts the nodes and waits for them.
func (c *cluster) startAll(t *testing.T) {
	t.Helper()
	var all []*process
	for _, n := range c.nodes {
		all = append(all, &n.process)
	}
	keep(t, all...)
	for _, n := range c.nodes {
		n.start(t)
	}
	c.ready(t, c.nodes...)
}

// ready waits for nodes, and tells the balancer.
func (c *cluster) ready(t *testing.T, nodes ...*node) {
	t.Helper()
	for _, n := range nodes {
		eventually(t, readyWithin, func() string {
			if n.hasEnded() {
				t.Fatalf("%s ended", n.name)
			}
			if problem := answers("http://" + n.admin + "/readyz"); problem != "" {
				return n.name + ": " + problem
			}
			return ""
		})
		c.balancer.Mark(n.listen, true)
	}
	c.recovered(t)
}

// recovered waits until nothing is left of the last fault: every node that runs has just proved that it is fresh, and no
// copy is behind. The bound on staleness is made for one fault at a time, and so is a cluster of three.
func (c *cluster) recovered(t *testing.T) {
	t.Helper()
	for _, n := range c.nodes {
		if n.hasEnded() {
			continue
		}
		eventually(t, readyWithin, func() string {
			s, err := n.tells()
			if err != nil {
				return n.name + ": " + err.Error()
			}
			return s.unsettled()
		})
	}
}

// transport reaches the hosts of the cluster at one node, or at the balancer when via is "", and others where they are.
// Every request has a connection of its own, so that the balancer spreads them.
func (c *cluster) transport(via string) *http.Transport {
	if via == "" {
		via = c.front
	}
	transport := &http.Transport{DisableKeepAlives: true, ResponseHeaderTimeout: 40 * time.Second, TLSClientConfig: tlsTo(c.roots)}
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if strings.HasSuffix(hostOf(address), c.domain) {
			address = via
		}
		return (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, network, address)
	}
	return transport
}

// others are the nodes that are not n.
func (c *cluster) others(n *node) []*node {
	var all []*node
	for _, other := range c.nodes {
		if other != n {
			all = append(all, other)
		}
	}
	return all
}

// scratch is a folder that a person may look at: its name tells the test.
func scratch(t *testing.T, name string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}
