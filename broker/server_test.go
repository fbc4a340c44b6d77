package broker

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	"picket/examples/ports"
)

// secure is TLS towards a node, with the certificate of a cluster that has these secrets.
func secure(t *testing.T, cluster string, secrets ...[]byte) *tls.Config {
	t.Helper()
	a, err := newAuthority(keyring(t, secrets...), cluster, "stranger")
	if err != nil {
		t.Fatal(err)
	}
	return a.tlsConfig()
}

func TestAStrangerOnTheClientPortGetsNothing(t *testing.T) {
	address := ports.One(t)
	b := start(t, Options{Client: address})
	open(t, b, Spec{Name: "tokens", Sealed: true})

	_, strangerKey, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := userKey(strangerKey.Seed())
	if err != nil {
		t.Fatal(err)
	}
	public, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	nobody := &tls.Config{InsecureSkipVerify: true}
	strangers := map[string][]nats.Option{
		"plain text":                       {},
		"TLS without a certificate":        {nats.Secure(nobody)},
		"a certificate of another secret":  {nats.Secure(secure(t, "test", olderSecret))},
		"a certificate of another cluster": {nats.Secure(secure(t, "other", testSecret))},
		"a node certificate, but no user":  {nats.Secure(secure(t, "test", testSecret))},
		"a node certificate, another user": {nats.Secure(secure(t, "test", testSecret)), nats.Nkey(public, pair.Sign)},
	}
	for what, options := range strangers {
		conn, err := nats.Connect("nats://"+address, options...)
		if err == nil {
			conn.Close()
			t.Errorf("%s was let in", what)
		}
	}
}

func TestANodesUserMayUseBucketsAndNothingElse(t *testing.T) {
	t.Parallel() // it mostly waits
	b := start(t, Options{})
	denied := make(chan error, 8)
	b.conn.SetErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { denied <- err })
	open(t, b, Spec{Name: "sessions", Decides: true})
	for _, subject := range []string{
		"$SYS.REQ.SERVER.PING", "anything", feedSubject + ".sessions.a", "$JS.API.STREAM.DELETE.KV_sessions", "$JS.API.STREAM.PURGE.KV_sessions",
		"$JS.API.STREAM.MSG.DELETE.KV_sessions", "$JS.API.STREAM.SNAPSHOT.KV_sessions", "$JS.API.STREAM.RESTORE.KV_sessions",
		"$JS.API.STREAM.LEADER.STEPDOWN.KV_sessions", "$JS.API.STREAM.PEER.REMOVE.KV_sessions", "$JS.API.META.LEADER.STEPDOWN",
		"$JS.API.SERVER.REMOVE", "$JS.API.ACCOUNT.PURGE.PICKET", "$JS.API.STREAM.LIST", "$JS.ACK.x", "$JSC.R.x",
	} {
		if err := b.conn.Publish(subject, nil); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-denied:
			if !errors.Is(err, nats.ErrPermissionViolation) {
				t.Errorf("%s: %v", subject, err)
			}
		case <-time.After(testPatience):
			t.Errorf("publishing to %s is allowed", subject)
		}
	}
	for _, subject := range []string{">", "$SYS.>", "$JS.>", "$KV.sessions.>", "$KV.>", "PICKET.>", logSubject + ".>"} {
		if _, err := b.conn.SubscribeSync(subject); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-denied:
			if !errors.Is(err, nats.ErrPermissionViolation) {
				t.Errorf("%s: %v", subject, err)
			}
		case <-time.After(testPatience):
			t.Errorf("subscribing to %s is allowed", subject)
		}
	}
}

// lines is a log that a test reads while it is written.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) has(s string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.text.String(), s)
}

func canceled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func TestAStoppedNodeLosesNothingAcknowledged(t *testing.T) {
	t.Parallel() // it mostly waits
	ctx := unhurried(t)
	nodes, _ := three(t)
	buckets := make([]*Bucket[note], len(nodes))
	for i, n := range nodes {
		buckets[i] = open(t, n, Spec{Name: "sessions", Decides: true})
	}
	for _, n := range nodes {
		eventually(t, "fresh", n.Fresh)
	}
	if _, err := buckets[1].Create(ctx, "kept", note{"kept"}, time.Hour); err != nil {
		t.Fatal(err)
	}
	status, err := nodes[1].Status(ctx)
	if err != nil {
		t.Fatal(err)
	}
	dead := -1
	for i, n := range nodes {
		if n.options.Node == status[0].Leader {
			dead = i
		}
	}
	nodes[dead].server.Shutdown() // no handing over
	begun := time.Now()
	alive := (dead + 1) % 3
	waiting, cancel := context.WithTimeout(ctx, testPatience)
	defer cancel()
	if _, err := buckets[alive].Create(waiting, "later", note{"later"}, time.Hour); err != nil {
		t.Fatalf("a write that waits for the election: %v", err)
	}
	took := time.Since(begun)
	t.Logf("written %s after the leader stopped", took)
	for _, key := range []string{"kept", "later"} {
		if _, err := buckets[(dead+2)%3].Get(ctx, key); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
	// An election takes up to nine seconds. Where it took more, the machine is too slow to tell by.
	if took < 10*time.Second && !nodes[alive].Fresh() {
		t.Errorf("a survivor is stale: %s", nodes[alive].Staleness())
	}
}

func TestOptionsThatDoNotFitAreToldAtOnce(t *testing.T) {
	for what, o := range map[string]Options{
		"no secret":                {Cluster: "c", Node: "n"},
		"no name":                  {Secrets: [][]byte{testSecret}},
		"two peers":                {Cluster: "c", Node: "n", Secrets: [][]byte{testSecret}, Peers: []Peer{{"a", "b:1"}, {"c", "d:1"}}},
		"the only peer is another": {Cluster: "c", Node: "n", Secrets: [][]byte{testSecret}, Peers: []Peer{{"a", "b:1"}}},
		"a peer, no store":         {Cluster: "c", Node: "n", Secrets: [][]byte{testSecret}, Peers: []Peer{{"n", "b:1"}}},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("%s is taken", what)
		}
	}
}

func TestWhatKeepsTheServerFromStartingIsSaidAtOnce(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	file := filepath.Join(t.TempDir(), "a file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	peers := []Peer{{"n1", taken.Addr().String()}, {"n2", ports.One(t)}, {"n3", ports.One(t)}}
	for what, o := range map[string]Options{
		"a client port in use":      {Client: taken.Addr().String()},
		"a route port in use":       {Peers: peers, Listen: taken.Addr().String(), Store: t.TempDir()},
		"a store that is a file":    {Store: file},
		"a store that has no place": {Store: "/proc/picket"},
	} {
		t.Run(what, func(t *testing.T) {
			o.Cluster, o.Node, o.Secrets, o.Log = "test", "n1", [][]byte{testSecret}, zerolog.Nop()
			b, err := New(o)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), testPatience)
			defer cancel()
			err = b.Open(ctx)
			if err == nil || ctx.Err() != nil {
				t.Fatalf("%v, after waiting in vain: %v", err, ctx.Err())
			}
			t.Log(err)
		})
	}
}
