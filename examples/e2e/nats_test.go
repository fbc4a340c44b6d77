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
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// natsCluster is three nats-server processes of somebody's, with the configuration of examples/external-nats.
type natsCluster struct {
	authority   *authority
	servers     []*natsServer
	credentials string // path of the user's .creds
}

type natsServer struct {
	process
	listen string // HOST:PORT for clients
}

// startNATS starts the three with TLS and an operator, an account and a user.
func startNATS(t *testing.T) *natsCluster {
	t.Helper()
	dir := scratch(t, "nats")
	n := &natsCluster{authority: newAuthority(t), credentials: filepath.Join(dir, "nats.creds")}
	text, err := os.ReadFile("../external-nats/nats.conf")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "nats.conf"), string(text))
	n.appoint(t, filepath.Join(dir, "accounts.conf"))

	certificate, key := n.authority.issue(t, "localhost")
	clients, routes := freeAddresses(t, "127.0.0.1", 3), freeAddresses(t, "127.0.0.1", 3)
	var all []*process
	for i := range 3 {
		s := &natsServer{listen: clients[i]}
		s.name = "nats-" + strconv.Itoa(i+1)
		s.command = []string{built(t, natsBinary), "--config", filepath.Join(dir, "nats.conf")}
		s.env = []string{"NATS_NAME=" + s.name, "NATS_LISTEN=" + s.listen, "NATS_CLUSTER=" + routes[i], "NATS_STORE=" + scratch(t, s.name),
			"NATS_CERTIFICATE=" + certificate, "NATS_KEY=" + key, "NATS_CA=" + n.authority.path}
		for j, route := range routes {
			s.env = append(s.env, fmt.Sprintf("NATS_ROUTE_%d=nats-route://%s", j+1, route))
		}
		n.servers = append(n.servers, s)
		all = append(all, &s.process)
	}
	keep(t, all...)
	for _, s := range n.servers {
		s.start(t)
	}
	n.ready(t)
	return n
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
	seed, err := user.Seed()
	if err != nil {
		t.Fatal(err)
	}
	credentials, err := jwt.FormatUserConfig(encode(t, node, account), seed)
	if err != nil {
		t.Fatal(err)
	}
	write(t, n.credentials, string(credentials))
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
		eventually(t, 20*time.Second, func() string {
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
	return nats.Connect("tls://"+s.listen, nats.UserCredentials(n.credentials), nats.RootCAs(n.authority.path), nats.NoReconnect())
}

// environment is what nodes are told of the cluster.
func (n *natsCluster) environment() []string {
	all := []string{"NATS_CREDENTIALS=" + n.credentials, "NATS_CA=" + n.authority.path}
	for i, s := range n.servers {
		all = append(all, fmt.Sprintf("NATS_URL_%d=tls://%s", i+1, strings.Replace(s.listen, "127.0.0.1", "localhost", 1)))
	}
	return all
}
