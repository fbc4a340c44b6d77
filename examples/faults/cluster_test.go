//go:build faults

package faults

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
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
	readySoon = 60 * time.Second // for a cluster that starts
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

// unready tells why a node does not call itself ready; "": it does.
func (c *cluster) unready(n *node) string {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.admin(n, "/readyz"), nil)
	if err != nil {
		return err.Error()
	}
	response, err := c.ask.Do(request)
	if err != nil {
		return err.Error()
	}
	_ = response.Body.Close() // not read
	if response.StatusCode != http.StatusOK {
		return response.Status
	}
	return ""
}

// status is the part of GET /v1/status that is looked at.
type status struct {
	Node      string `json:"node"`
	Staleness int64  `json:"staleness_ms"`
	Buckets   []struct {
		Name     string `json:"name"`
		Leader   string `json:"leader"`
		Replicas []struct {
			Name    string `json:"name"`
			Current bool   `json:"current"`
			Offline bool   `json:"offline"`
		} `json:"replicas"`
	} `json:"buckets"`
}

func (c *cluster) status(n *node) (s status, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.admin(n, "/v1/status"), nil)
	if err != nil {
		return s, err
	}
	response, err := c.ask.Do(request)
	if err != nil {
		return s, err
	}
	defer func() { _ = response.Body.Close() }()
	return s, json.NewDecoder(response.Body).Decode(&s)
}

// unwell is what is not as it should be with a node; "": nothing. A node that proves its freshness every second has just
// done so, and no copy of anything is behind.
func (c *cluster) unwell(n *node) string {
	if problem := c.unready(n); problem != "" {
		return n.name + " is not ready: " + problem
	}
	s, err := c.status(n)
	if err != nil {
		return n.name + ": " + err.Error()
	}
	if s.Staleness < 0 || s.Staleness > 3000 {
		return fmt.Sprintf("%s last proved that it is fresh %d ms ago", n.name, s.Staleness)
	}
	for _, b := range s.Buckets {
		if b.Leader == "" {
			return n.name + ": nobody leads " + b.Name
		}
		for _, r := range b.Replicas {
			if !r.Current || r.Offline {
				return fmt.Sprintf("%s: the copy of %s on %s is behind", n.name, b.Name, r.Name)
			}
		}
	}
	return ""
}

// well waits until every node is.
func (c *cluster) well(t *testing.T, within time.Duration) {
	t.Helper()
	eventually(t, within, func() string {
		for _, n := range c.nodes {
			if n.hasEnded() {
				return n.name + " has ended"
			}
			if problem := c.unwell(n); problem != "" {
				return problem
			}
		}
		return ""
	})
}

// leader is the node that leads a bucket, and follower one that stores and does not.
func (c *cluster) leader(t *testing.T, bucket string) *node {
	t.Helper()
	s, err := c.status(c.nodes[storing]) // the one that no fault of a leader is about
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range s.Buckets {
		for _, n := range c.nodes {
			if b.Name == bucket && b.Leader == n.name {
				return n
			}
		}
	}
	t.Fatalf("nobody leads %s: %+v", bucket, s)
	return nil
}

func (c *cluster) follower(t *testing.T, bucket string) *node {
	t.Helper()
	leader := c.leader(t, bucket)
	for _, n := range c.nodes[:storing] {
		if n != leader && n != c.nodes[1] { // the second has a disk of its own faults
			return n
		}
	}
	return c.nodes[1]
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

// eventually asks again and again until the answer is "", and fails with the last answer when that takes too long.
func eventually(t *testing.T, within time.Duration, ask func() (problem string)) time.Duration {
	t.Helper()
	began := time.Now()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		problem := ask()
		took := time.Since(began)
		if problem == "" {
			return took
		}
		if took > within {
			t.Fatalf("not within %s: %s", within, problem)
		}
		<-tick.C
	}
}
