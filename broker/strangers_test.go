package broker

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	"picket/examples/ports"
)

// records are the lines of a log.
func (l *lines) records() (all []map[string]any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range bytes.Lines(l.text.Bytes()) {
		var record map[string]any
		if json.Unmarshal(line, &record) == nil {
			all = append(all, record)
		}
	}
	return all
}

// refusals are the lines that speak of connections, in our words or the server's own. On a machine that is slow, the server
// says so in others.
func (l *lines) refusals() (all []map[string]any) {
	for _, record := range l.records() {
		message := fmt.Sprint(record["message"])
		if record["from"] != nil || strings.Contains(message, "127.0.0.1") || strings.Contains(message, "TLS") {
			all = append(all, record)
		}
	}
	return all
}

// of are the lines with a message.
func (l *lines) of(v verdict) (all []map[string]any) {
	for _, record := range l.records() {
		if record["message"] == v.message {
			all = append(all, record)
		}
	}
	return all
}

// member starts the server of a node of three, whoever else is there, and gives its log.
func member(t *testing.T, o Options, peers []Peer, i int) (*Broker, *lines) {
	t.Helper()
	log := &lines{}
	o.Node, o.Peers, o.Listen, o.Store, o.Log = peers[i].Name, peers, peers[i].Address, t.TempDir(), zerolog.New(log).Level(zerolog.InfoLevel)
	b, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), testPatience)
	defer cancel()
	if err := b.serve(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close(canceled()) })
	return b, log
}

func freePeers(t *testing.T) []Peer {
	return []Peer{{"n1", ports.One(t)}, {"n2", ports.One(t)}, {"n3", ports.One(t)}}
}

// knockAs connects and shakes hands with this configuration (nil: says something else instead), until the server ends it.
func knockAs(t *testing.T, address string, config *tls.Config, greeted bool) {
	t.Helper()
	conn, err := net.DialTimeout("tcp", address, testPatience)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(testPatience))
	if greeted { // the clients' port says first that it wants TLS
		if _, err := conn.Read(make([]byte, 4096)); err != nil {
			t.Fatal(err)
		}
	}
	if config == nil {
		_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		_, _ = io.Copy(io.Discard, conn)
		return
	}
	config = config.Clone()
	config.InsecureSkipVerify, config.VerifyConnection = true, nil // it does not mind who answers
	c := tls.Client(conn, config)
	_ = c.Handshake()
	_, _ = io.Copy(io.Discard, c)
}

func TestAStrangerIsToldOnceInWordsForPeople(t *testing.T) {
	t.Parallel() // it mostly waits
	peers, clients := freePeers(t), ports.One(t)
	_, log := member(t, Options{Cluster: "test", Secrets: [][]byte{testSecret}, Client: clients}, peers, 0)
	web, err := tls.X509KeyPair(webCertificate(t))
	if err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		config *tls.Config
		want   verdict
	}{
		"plain text":            {nil, noTLS},
		"no certificate":        {&tls.Config{}, noPaper},
		"a web certificate":     {&tls.Config{GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &web, nil }}, foreign},
		"another secret's node": {secure(t, "test", olderSecret), otherSecret},
		"another cluster's":     {secure(t, "other", testSecret), otherName},
	} {
		for range 3 {
			knockAs(t, peers[0].Address, c.config, false)
			knockAs(t, clients, c.config, true)
		}
		eventually(t, what+" is told", func() bool { return len(log.of(c.want)) > 0 })
		if told := log.of(c.want); len(told) != 1 || !strings.HasPrefix(fmt.Sprint(told[0]["from"]), "127.0.0.1:") || told[0]["port"] != "nodes" && told[0]["port"] != "clients" {
			t.Errorf("%s: %v", what, told)
		}
	}
	if told := log.of(otherName); told[0]["cluster"] != "other" {
		t.Errorf("%v", told)
	}
	if told := log.of(otherSecret); told[0]["node"] != "stranger" || told[0]["cluster"] != "test" {
		t.Errorf("%v", told)
	}
	if all := log.refusals(); len(all) != 5 {
		t.Errorf("%d lines: %v", len(all), all)
	}
	if conn, err := nats.Connect("nats://"+clients, nats.Secure(secure(t, "test", testSecret))); err == nil {
		conn.Close()
		t.Error("a node without a user is let in")
	}
	eventually(t, "a node without a user is told", func() bool { return len(log.of(noUser)) == 1 && log.of(noUser)[0]["port"] == "clients" })
}

func TestANodeThatIsNotTakenSaysWhyAndSoDoTheOthers(t *testing.T) {
	t.Parallel() // it mostly waits
	for what, c := range map[string]struct {
		stranger Options
		want     verdict
	}{
		"another secret":  {Options{Cluster: "test", Secrets: [][]byte{olderSecret}}, otherSecret},
		"another cluster": {Options{Cluster: "other", Secrets: [][]byte{testSecret}}, otherName},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			peers := freePeers(t)
			honest, here := member(t, Options{Cluster: "test", Secrets: [][]byte{testSecret}}, peers, 0)
			_, there := member(t, c.stranger, peers, 1)
			for _, log := range []*lines{here, there} {
				eventually(t, "it is told", func() bool { return len(log.of(c.want)) > 0 })
			}
			begun := time.Now()
			eventually(t, "they try again and again", func() bool { return time.Since(begun) > refusalWait+2*time.Second })
			for name, log := range map[string]*lines{"here": here, "there": there} {
				if all := log.refusals(); len(all) != 1 {
					t.Errorf("%s: %d lines: %v", name, len(all), all)
				}
			}
			if n := honest.server.NumRoutes(); n != 0 {
				t.Errorf("%d routes", n)
			}
		})
	}
}

func TestANodeThatStoresNothingAndIsNotTakenSaysWhy(t *testing.T) {
	t.Parallel() // it mostly waits
	peers := freePeers(t)
	_, here := member(t, Options{Cluster: "test", Secrets: [][]byte{testSecret}}, peers, 0)
	log := &lines{}
	guest, err := New(Options{Cluster: "test", Node: "guest", Secrets: [][]byte{olderSecret}, Peers: peers, Log: zerolog.New(log).Level(zerolog.InfoLevel)})
	if err != nil {
		t.Fatal(err)
	}
	if err := guest.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = guest.Close(canceled()) }()
	eventually(t, "the guest says why", func() bool { return len(log.of(otherSecret)) == 1 })
	eventually(t, "the others say that somebody does not accept them", func() bool { return len(here.of(refusesUs)) == 1 })
}

func TestKnockingFillsNoDisk(t *testing.T) {
	log := &lines{}
	s := newStrangers(zerolog.New(log))
	now := day
	s.now = func() time.Time { return now }
	for i := range 100_000 {
		host := fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255)
		s.take(host + ":4711 - rid:12 - TLS route handshake error: tls: first record does not look like a TLS handshake")
	}
	if n := len(log.records()); n != strangersEach {
		t.Errorf("%d lines in a minute", n)
	}
	now = now.Add(time.Minute)
	s.take("192.0.2.1:4711 - cid:12 - TLS handshake error: tls: client didn't provide a certificate")
	last := log.records()[strangersEach]
	if last["more"] != float64(100_000-strangersEach) || last["from"] != "192.0.2.1:4711" || last["port"] != "clients" {
		t.Errorf("%v", last)
	}
	if len(s.told) > strangersKnown {
		t.Errorf("%d are remembered", len(s.told))
	}
}

func TestAConnectionThatEndsAtOnceIsNotTold(t *testing.T) {
	log := &lines{}
	s := newStrangers(zerolog.New(log))
	for _, why := range []string{"EOF", "read tcp 1.2.3.4:1->1.2.3.4:2: i/o timeout", "read tcp: connection reset by peer"} {
		if !s.take("[2001:db8::1]:4711 - rid:12 - TLS route handshake error: " + why) {
			t.Errorf("%s is left to others", why)
		}
	}
	if len(log.records()) != 0 {
		t.Error(log.records())
	}
	if s.take("JetStream cluster new metadata leader") || s.take("127.0.0.1:1 - rid:2 - Router connection closed") {
		t.Error("other lines are taken")
	}
}

func FuzzKnocked(f *testing.F) {
	f.Add(`127.0.0.1:1 - rid:2 - TLS route handshake error: a node of another cluster: ["x"]`)
	f.Add(`127.0.0.1:1 - cid:2 - TLS handshake error: tls: failed (CN=n2,O=test SHA-256: 2e92)`)
	f.Fuzz(func(t *testing.T, line string) {
		if k, ok := knocked(line); ok && (len(k.node) > 64 || len(k.cluster) > 64) {
			t.Error("longer than a line should hold")
		}
	})
}
