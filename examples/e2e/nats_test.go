//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"picket/examples/ports"
)

// natsCluster is three nats-server processes of somebody's, with the configuration of examples/external-nats.
type natsCluster struct {
	authority        *authority
	servers          []*natsServer
	dir              string // of the configuration
	certificate, key string // paths, of all servers
	credentials      string // path of the user's .creds
	all              string // path of the .creds of a user of the account who may do everything
}

type natsServer struct {
	process
	listen string // HOST:PORT for clients
}

// startNATS starts the three with TLS and an operator, an account and a user.
func startNATS(t *testing.T) *natsCluster {
	t.Helper()
	n := newNATS(t, "../external-nats/nats.conf")
	clients, routes := ports.Some(t, 3), ports.Some(t, 3)
	var all []*process
	for i := range 3 {
		s := n.add(t, "nats-"+strconv.Itoa(i+1), clients[i], routes[i])
		s.joins(routes...)
		all = append(all, &s.process)
	}
	keep(t, all...)
	for _, s := range n.servers {
		s.start(t)
	}
	n.ready(t)
	return n
}

// newNATS has the files of a cluster whose servers are still to be added.
func newNATS(t *testing.T, conf string) *natsCluster {
	t.Helper()
	dir := scratch(t, "nats")
	n := &natsCluster{authority: newAuthority(t), dir: dir, credentials: filepath.Join(dir, "nats.creds")}
	text, err := os.ReadFile(conf)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "nats.conf"), string(text))
	n.appoint(t, filepath.Join(dir, "accounts.conf"))
	n.certificate, n.key = n.authority.issue(t, "localhost")
	return n
}

// add makes a server that does not run yet.
func (n *natsCluster) add(t *testing.T, name, client, route string) *natsServer {
	t.Helper()
	s := &natsServer{listen: client}
	s.name = name
	s.command = []string{built(t, natsBinary), "--config", filepath.Join(n.dir, "nats.conf")}
	s.env = []string{"NATS_NAME=" + s.name, "NATS_LISTEN=" + client, "NATS_CLUSTER=" + route, "NATS_STORE=" + scratch(t, s.name),
		"NATS_CERTIFICATE=" + n.certificate, "NATS_KEY=" + n.key, "NATS_CA=" + n.authority.path}
	n.servers = append(n.servers, s)
	return s
}

// joins tells a server the routes of all of its cluster.
func (s *natsServer) joins(routes ...string) {
	for i, route := range routes {
		s.env = append(s.env, fmt.Sprintf("NATS_ROUTE_%d=nats-route://%s", i+1, route))
	}
}

// url is where picket finds the server.
func (s *natsServer) url() string {
	return "tls://" + strings.Replace(s.listen, "127.0.0.1", "localhost", 1)
}

// allowPub and allowSub find the permissions in the README, so that what it says is what is tried.
var (
	allowPub = regexp.MustCompile(`--allow-pub '([^']+)'`)
	allowSub = regexp.MustCompile(`--allow-sub '([^']+)'`)
)

// appoint makes an operator, an account and a user as the README says, with the servers' part in a file of its own.
func (n *natsCluster) appoint(t *testing.T, path string) {
	t.Helper()
	operator, operatorID := pair(t, nkeys.CreateOperator)
	_, systemID := pair(t, nkeys.CreateAccount)
	account, accountID := pair(t, nkeys.CreateAccount)
	user, userID := pair(t, nkeys.CreateUser)

	top := jwt.NewOperatorClaims(operatorID)
	top.SystemAccount = systemID
	system := jwt.NewAccountClaims(systemID)
	ours := jwt.NewAccountClaims(accountID)
	ours.Name = "PICKET"
	ours.Limits.JetStreamLimits = jwt.JetStreamLimits{DiskStorage: 8 << 30, Streams: 32, Consumer: 1024}

	readme, err := os.ReadFile("../external-nats/README.md")
	if err != nil {
		t.Fatal(err)
	}
	node := jwt.NewUserClaims(userID)
	for _, found := range allowPub.FindAllStringSubmatch(string(readme), -1) {
		node.Pub.Allow.Add(found[1])
	}
	for _, found := range allowSub.FindAllStringSubmatch(string(readme), -1) {
		node.Sub.Allow.Add(found[1])
	}
	if len(node.Pub.Allow) < 5 || len(node.Sub.Allow) < 2 {
		t.Fatalf("the README gives no permissions: %v, %v", node.Pub.Allow, node.Sub.Allow)
	}

	write(t, path, fmt.Sprintf("operator: %s\nsystem_account: %s\nresolver: MEMORY\nresolver_preload: {\n  %s: %s\n  %s: %s\n}\n",
		encode(t, top, operator), systemID, systemID, encode(t, system, operator), accountID, encode(t, ours, operator)))
	hand(t, n.credentials, encode(t, node, account), user)
	boss, bossID := pair(t, nkeys.CreateUser)
	n.all = filepath.Join(n.dir, "operator.creds")
	hand(t, n.all, encode(t, jwt.NewUserClaims(bossID), account), boss)
}

// hand writes what a user shows.
func hand(t *testing.T, path, claims string, user nkeys.KeyPair) {
	t.Helper()
	seed, err := user.Seed()
	if err != nil {
		t.Fatal(err)
	}
	credentials, err := jwt.FormatUserConfig(claims, seed)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, string(credentials))
}

// operator is somebody who may do everything in the account.
func (n *natsCluster) operator(t *testing.T) (*nats.Conn, error) {
	t.Helper()
	return nats.Connect("tls://"+n.servers[0].listen, nats.UserCredentials(n.all), nats.RootCAs(n.authority.path), nats.Timeout(patience))
}

func pair(t *testing.T, create func() (nkeys.KeyPair, error)) (nkeys.KeyPair, string) {
	t.Helper()
	key, err := create()
	if err != nil {
		t.Fatal(err)
	}
	public, err := key.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return key, public
}

func encode(t *testing.T, claims jwt.Claims, by nkeys.KeyPair) string {
	t.Helper()
	token, err := claims.Encode(by)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// ready waits until every server lets our user in.
func (n *natsCluster) ready(t *testing.T) {
	t.Helper()
	for _, s := range n.servers {
		eventually(t, patience, func() string {
			if s.hasEnded() {
				t.Fatalf("%s ended", s.name)
			}
			conn, err := n.connect(s)
			if err != nil {
				return s.name + ": " + err.Error()
			}
			conn.Close()
			return ""
		})
	}
}

// connect is somebody with our user's credentials.
func (n *natsCluster) connect(s *natsServer) (*nats.Conn, error) {
	return nats.Connect("tls://"+s.listen, nats.UserCredentials(n.credentials), nats.RootCAs(n.authority.path), nats.NoReconnect(), nats.Timeout(patience))
}

// environment is what nodes are told of the cluster.
func (n *natsCluster) environment() []string {
	all := []string{"NATS_CREDENTIALS=" + n.credentials, "NATS_CA=" + n.authority.path}
	for i, s := range n.servers {
		all = append(all, fmt.Sprintf("NATS_URL_%d=%s", i+1, s.url()))
	}
	return all
}
