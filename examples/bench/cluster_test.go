//go:build bench

package bench

import (
	"context"
	"crypto/rand"
	_ "embed"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"picket/cmd/picket/dev"
	"picket/examples/ports"
)

//go:embed testdata/cluster.hcl.tmpl
var clusterTemplate string

const (
	clientID = "picket"
	// persons is how many people sign in: as many as do at the same time, so that each writes a record of their own.
	persons = signInsAtOnce
)

// cluster is some nodes, the provider that people sign in at, and an address that stands for all of them, as a
// balancer's would: whoever dials it reaches the nodes in turn.
type cluster struct {
	t         *testing.T
	binary    string
	dir       string
	port      string // of the hosts' URLs; nobody listens on it
	secret    string
	nodes     []*node
	provider  *httptest.Server
	transport *http.Transport
	turn      atomic.Uint64
	slow      time.Duration // what the provider takes to renew tokens
	renewals  atomic.Int64  // refresh tokens that the provider was shown

	// What the configuration is filled from, beside the methods.
	Peers       []string
	Stored      bool // one node alone keeps its state on disk
	Application string
	Sockets     string // what speaks WebSocket
	TLS         *keys  // nil: http
	Log         bool   // a line for each request
}

// newCluster writes the configuration of a cluster before an application. One node alone keeps its state in memory,
// several keep it on disk. No node is started.
func (s *suite) newCluster(t *testing.T, size int, application nginx, keys *keys) *cluster {
	t.Helper()
	return s.newClusterFor(t, size, application, keys, 24*time.Hour) // no refresh comes between
}

// newClusterFor is newCluster with a provider whose tokens last so long.
func (s *suite) newClusterFor(t *testing.T, size int, application nginx, keys *keys, tokens time.Duration) *cluster {
	t.Helper()
	c := &cluster{t: t, binary: s.binary, dir: t.TempDir(), port: portOf(ports.One(t)), secret: rand.Text() + rand.Text(),
		Application: "http://" + application.address, Sockets: "http://" + application.address, TLS: keys}
	for i := range size {
		n := newNode(t, c, i)
		c.nodes = append(c.nodes, n)
		if size > 1 {
			c.Peers = append(c.Peers, n.name+"="+n.broker)
		}
	}
	c.transport = &http.Transport{DialContext: c.dial, TLSClientConfig: keys.trust(), MaxIdleConns: 1024, MaxIdleConnsPerHost: 256}
	t.Cleanup(c.transport.CloseIdleConnections)
	c.launchProvider(tokens)
	c.configure()
	return c
}

// configure writes the configuration.
func (c *cluster) configure() {
	c.t.Helper()
	fill(c.t, c.config(), clusterTemplate, c)
}

func (c *cluster) launchProvider(tokens time.Duration) {
	c.provider = httptest.NewUnstartedServer(nil)
	options := dev.ProviderOptions{
		Issuer: "http://" + c.provider.Listener.Addr().String(), ClientID: clientID, ClientSecret: c.secret,
		RedirectURIs:        []string{c.URL("auth") + "/.picket/callback"},
		AccessTokenLifetime: tokens,
	}
	for i := range persons {
		options.People = append(options.People, dev.Person{Name: person(i), FullName: "Person " + strconv.Itoa(i), Groups: []string{"staff"}})
	}
	provider, err := dev.NewProvider(options)
	if err != nil {
		c.t.Fatal(err)
	}
	c.provider.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && r.PostFormValue("grant_type") == "refresh_token" {
			c.renewals.Add(1)
			time.Sleep(c.slow) // a provider elsewhere takes its time
		}
		provider.ServeHTTP(w, r)
	})
	c.provider.Start()
	c.t.Cleanup(c.provider.Close)
}

// person is the name of the i-th of those who sign in.
func person(i int) string { return "person-" + strconv.Itoa(i%persons) }

func (c *cluster) config() string { return filepath.Join(c.dir, "cluster.hcl") }

// Issuer is the provider's address.
func (c *cluster) Issuer() string { return c.provider.URL }

// ClientID is the cluster's at the provider.
func (c *cluster) ClientID() string { return clientID }

// URL is the origin of one of the cluster's hosts.
func (c *cluster) URL(name string) string { return c.TLS.scheme() + "://" + c.authority(name) }

// authority is HOST:PORT of a host: the application's is localhost itself, the others are names beneath it.
func (c *cluster) authority(name string) string {
	if name == "app" {
		return "localhost:" + c.port
	}
	return name + ".localhost:" + c.port
}

// dial connects to the nodes in turn, and to all that is none of the cluster's hosts as it is.
func (c *cluster) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if host, port, _ := strings.Cut(address, ":"); port == c.port && strings.HasSuffix("."+host, ".localhost") {
		address = c.nodes[c.turn.Add(1)%uint64(len(c.nodes))].http
	}
	return new(net.Dialer).DialContext(ctx, network, address)
}

// start starts all nodes at once and tells how long it took until the last was ready.
func (c *cluster) start() time.Duration {
	c.t.Helper()
	for _, n := range c.nodes {
		n.start(c)
	}
	var last time.Duration
	for _, n := range c.nodes {
		last = max(last, n.untilReady())
	}
	return last
}

// wipe kills all nodes and forgets what they stored.
func (c *cluster) wipe() {
	c.t.Helper()
	for _, n := range c.nodes {
		n.kill()
		if err := os.RemoveAll(n.store); err != nil {
			c.t.Fatal(err)
		}
	}
}

// quote writes a string as HCL does.
func quote(s string) string { return strconv.Quote(s) }
