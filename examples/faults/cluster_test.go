//go:build faults

package faults

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"picket/cmd/picket/dev"
)

const (
	storing   = 3                // nodes that store
	staleness = 15 * time.Second // the default of max_staleness, which is what is tested
	strangest = "mallory"        // signs in as anyone, and is in no group
	readySoon = healsWithin      // for a cluster that starts
)

// node is one picket process.
type node struct {
	process
	host  int // its address in the cluster's network
	store string
}

// cluster is three nodes that store and one that does not, each in a network of its own where the machine allows, and
// what is around them in the suite's.
type cluster struct {
	prefix   string
	lacking  string // why nothing is isolated; "": all is
	warded   bool   // processes can have wardens
	nodes    []*node
	balancer *dev.Balancer
	ask      *http.Client // of operators and probes
}

func (c *cluster) isolated() bool { return c.lacking == "" }

// startCluster starts the nodes and what is around them, and waits until they are well.
func startCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{prefix: isolatedPrefix, lacking: os.Getenv(insideVar), ask: &http.Client{}}
	if c.isolated() {
		openBridge(t)
	} else {
		c.prefix = loopbackPrefix
		t.Logf("the weaker form: %s. All nodes share one network, so what cannot be cut off is frozen instead, and nothing is seen of what a node does while it is cut off.", c.lacking)
	}
	if err := tryWarden(); err != nil {
		t.Logf("the weaker form: %v. A slow disk is a node that stutters, and no clock can be moved, so a node is frozen instead.", err)
	} else {
		c.warded = true
	}
	env := append(c.surround(t), "PICKET_SECRET="+newSecret(), "FAULTS_NET="+c.prefix)
	config, err := filepath.Abs("testdata/cluster.hcl")
	if err != nil {
		t.Fatal(err)
	}
	for host := 1; host <= storing+1; host++ {
		n := &node{host: host, store: t.TempDir()}
		n.name = "node-" + strconv.Itoa(host)
		n.command = []string{os.Getenv(binaryVar), "run", "--config", config}
		n.env = append([]string{"PICKET_NODE=" + n.name, "FAULTS_ADDRESS=" + address(c.prefix, host), "FAULTS_STORE=" + n.store}, env...)
		if c.isolated() {
			n.space = openSpace(t, host)
		}
		c.nodes = append(c.nodes, n)
	}
	c.smallDisk(t, c.nodes[1])
	c.balance(t)
	c.startAll(t)
	return c
}

func newSecret() string {
	raw := make([]byte, 32)
	_, _ = rand.Read(raw) // never fails
	return base64.RawURLEncoding.EncodeToString(raw)
}

// surround starts the identity provider and the application, and gives what nodes are told of them.
func (c *cluster) surround(t *testing.T) (env []string) {
	t.Helper()
	issuer := "http://" + address(c.prefix, outsider) + ":9000"
	const id, secret = "picket", "a-secret-that-only-the-suite-knows"
	provider, err := dev.NewProvider(dev.ProviderOptions{
		Issuer: issuer, ClientID: id, ClientSecret: secret,
		RedirectURIs:           []string{authURL + "/.picket/callback"},
		PostLogoutRedirectURIs: []string{authURL + "/.picket/*"},
		AccessTokenLifetime:    24 * time.Hour, // refresh under faults is another suite's
		People:                 people(),
	})
	if err != nil {
		t.Fatal(err)
	}
	serve(t, address(c.prefix, outsider)+":9000", provider)
	application := address(c.prefix, outsider) + ":9001"
	serve(t, application, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(r.Header.Get("X-Forwarded-Email"))) // the node went away
	}))
	return []string{"OIDC_ISSUER=" + issuer, "OIDC_CLIENT_ID=" + id, "OIDC_CLIENT_SECRET=" + secret, "FAULTS_UPSTREAM=http://" + application}
}

func serve(t *testing.T, address string, handler http.Handler) {
	t.Helper()
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	listener := listen(t, address)
	go func() { _ = server.Serve(listener) }() // it ends by Close
	t.Cleanup(func() { _ = server.Close() })   // nothing to lose
}

func listen(t *testing.T, address string) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

// balance goes round the nodes, and leaves out those that say they are not ready, as any balancer does.
func (c *cluster) balance(t *testing.T) {
	t.Helper()
	var backends []string
	for _, n := range c.nodes {
		backends = append(backends, c.door(n.name))
	}
	c.balancer = dev.NewBalancer(backends...)
	ctx, cancel := context.WithCancel(context.Background())
	listener := listen(t, c.door(balancer))
	ended := make(chan error, 1)
	go func() { ended <- c.balancer.Serve(ctx, listener) }()
	for _, n := range c.nodes {
		go c.watch(ctx, n)
	}
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// watch tells the balancer how a node is.
func (c *cluster) watch(ctx context.Context, n *node) {
	tick := time.NewTicker(300 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			c.balancer.Mark(c.door(n.name), c.unready(n) == "")
		}
	}
}

// door is where a target takes requests.
func (c *cluster) door(target string) string {
	host := outsider
	for _, n := range c.nodes {
		if n.name == target {
			host = n.host
		}
	}
	return address(c.prefix, host) + ":8000"
}

// admin is a URL of the node's admin address.
func (c *cluster) admin(n *node, path string) string {
	return "http://" + address(c.prefix, n.host) + ":9901" + path
}

// startAll starts every node and sees to it that each ends, and is heard when the suite has failed.
func (c *cluster) startAll(t *testing.T) {
	t.Helper()
	t.Cleanup(func() {
		for _, n := range c.nodes {
			if n.cmd != nil && !n.hasEnded() {
				n.kill(t)
			}
		}
	})
	for _, n := range c.nodes {
		n.start(t)
	}
	c.well(t, readySoon)
}

// others are the nodes that are not among some.
func (c *cluster) others(some ...*node) (others []*node) {
	for _, n := range c.nodes {
		among := false
		for _, s := range some {
			among = among || s == n
		}
		if !among {
			others = append(others, n)
		}
	}
	return others
}
