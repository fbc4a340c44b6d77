//go:build e2e

package e2e

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"picket/examples/pace"
)

// revokedWithin is when the last node refuses, after `picket sessions revoke` has returned on one.
const revokedWithin = time.Second

func TestARevokedSessionIsRefusedByEveryNodeAndItsWebSocketsClose(t *testing.T) {
	c := startCluster(t)
	t.Run("one session", func(t *testing.T) { c.revokesOne(t) })
	t.Run("all of a person", func(t *testing.T) { c.revokesAllOf(t) })
}

func (c *cluster) revokesOne(t *testing.T) {
	t.Helper()
	alice, elsewhere := c.visit(t), c.visit(t)
	elsewhere.signIn(t, "alice", c.url("app")+"/")
	c.nodes[1].picket(t, "sessions", "revoke", "--user", "alice@example.com") // this one, and what other tests left
	alice.signIn(t, "alice", c.url("app")+"/")
	mine := c.nodes[0].sessions(t, "alice")
	if len(mine) != 1 {
		t.Fatalf("alice has sessions %v, want one", mine)
	}
	elsewhere.signIn(t, "alice", c.url("app")+"/")
	sockets := c.openSockets(t, alice)

	c.nodes[0].picket(t, "sessions", "revoke", mine[0].ID)
	c.refusedEverywhere(t, alice, sockets)
	elsewhere.isSignedInAs(t, "alice")

	if out, err := c.nodes[1].try(t, "sessions", "show", mine[0].ID); err == nil {
		t.Errorf("the session is still shown: %s", out)
	}
	c.nodes[0].picket(t, "sessions", "revoke", "--user", "alice@example.com")
}

func (c *cluster) revokesAllOf(t *testing.T) {
	t.Helper()
	alice, elsewhere, bob := c.visit(t), c.visit(t), c.visit(t)
	alice.signIn(t, "alice", c.url("app")+"/")
	elsewhere.signIn(t, "alice", c.url("app")+"/")
	bob.signIn(t, "bob", c.url("app")+"/")
	sockets := append(c.openSockets(t, alice), c.openSockets(t, elsewhere)...)
	others := c.openSockets(t, bob)

	c.nodes[2].picket(t, "sessions", "revoke", "--user", "alice@example.com")
	c.refusedEverywhere(t, alice, sockets)
	c.refusedEverywhere(t, elsewhere, nil)
	bob.isSignedInAs(t, "bob")
	for _, s := range others {
		s.ticks(t)
	}
	alice.signIn(t, "alice", c.url("app")+"/") // who was revoked may sign in again
	alice.isSignedInAs(t, "alice")
}

// refusedEverywhere asks every node directly until it refuses, and waits for the sockets to close.
func (c *cluster) refusedEverywhere(t *testing.T, v *visitor, sockets []*socket) {
	t.Helper()
	revoked, p := time.Now(), pace.Start(t)
	for _, n := range c.nodes {
		eventually(t, patience, func() string {
			a, err := v.over(n).send(asProgram(c.url("app") + "/api/whoami"))
			if err != nil {
				return err.Error()
			}
			if a.status != http.StatusUnauthorized || !strings.Contains(a.body, `"login_url"`) {
				return n.name + " answers " + a.String()
			}
			return ""
		})
	}
	for _, s := range sockets {
		s.closes(t)
	}
	took := time.Since(revoked)
	if took > p.Within(revokedWithin) {
		t.Errorf("not within %s, and the machine may take %s", revokedWithin, p.Within(revokedWithin))
	}
	t.Logf("refused by all nodes, and %d WebSockets closed, %s after the revocation", len(sockets), took)
}

// socket is an open WebSocket to the application through one node.
type socket struct {
	node *node
	conn *websocket.Conn
}

// openSockets opens one through every node and sees it tick.
func (c *cluster) openSockets(t *testing.T, v *visitor) []*socket {
	t.Helper()
	var all []*socket
	for _, n := range c.nodes {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		client := &http.Client{Transport: c.transport(n.listen), Jar: v.jar}
		conn, _, err := websocket.Dial(ctx, c.url("app")+"/ws", &websocket.DialOptions{
			HTTPClient: client, HTTPHeader: http.Header{"Origin": {c.url("app")}},
		})
		if err != nil {
			t.Fatalf("opening a WebSocket through %s: %v", n.name, err)
		}
		t.Cleanup(func() { _ = conn.CloseNow() }) // it may have closed already
		s := &socket{node: n, conn: conn}
		s.ticks(t)
		all = append(all, s)
	}
	return all
}

// ticks fails unless the application goes on ticking.
func (s *socket) ticks(t *testing.T) {
	t.Helper()
	for range 3 {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if _, _, err := s.conn.Read(ctx); err != nil {
			t.Fatalf("the WebSocket through %s does not tick: %v", s.node.name, err)
		}
	}
}

// closes reads what was on its way and fails unless the socket ends.
func (s *socket) closes(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		_, _, err := s.conn.Read(ctx)
		if err == nil {
			continue
		}
		if errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the WebSocket through %s is still open", s.node.name)
		}
		return
	}
}
