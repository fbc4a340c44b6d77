//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWhatWasBackedUpIsBackAfterAllDisksAreLost(t *testing.T) {
	c := startCluster(t)
	alice, bob := c.visit(t), c.visit(t)
	alice.signIn(t, "alice", c.url("app")+"/")
	bob.signIn(t, "bob", c.url("app")+"/")
	file := filepath.Join(scratch(t, "backup"), "picket.backup")
	c.nodes[0].picket(t, "backup", file)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("the backup is for others, too: %v, %v", info.Mode(), err)
	}
	if bytes.Contains(text, []byte("alice@example.com")) {
		t.Error("the backup tells who was there")
	}
	for _, n := range c.nodes {
		n.kill(t)
		n.env = append(n.env, "PICKET_STORE="+t.TempDir())
	}
	for _, n := range c.nodes {
		n.start(t)
	}
	c.ready(t, c.nodes...)
	c.refusedEverywhere(t, alice, nil)
	if out := c.nodes[1].picket(t, "restore", file); !strings.Contains(out, "sessions  2") {
		t.Errorf("restoring said:\n%s", out)
	}
	for _, n := range c.nodes {
		alice.over(n).isSignedInAs(t, "alice")
		bob.over(n).isSignedInAs(t, "bob")
	}
	if out, err := c.nodes[2].try(t, "restore", file); err == nil || !strings.Contains(out, "not empty") {
		t.Errorf("a cluster in use is restored over: %s", out)
	}
	c.nodes[0].picket(t, "sessions", "revoke", "--user", "alice@example.com")
	c.nodes[2].picket(t, "restore", "--force", file)
	c.refusedEverywhere(t, alice, nil)
	bob.isSignedInAs(t, "bob")
}

func TestTheSecretIsReplacedWhileTheClusterRunsAndNobodyIsLoggedOut(t *testing.T) {
	c := startCluster(t)
	alice := c.visit(t)
	alice.signIn(t, "alice", c.url("app")+"/")
	before := alice.cookie(t, "app")
	file := filepath.Join(scratch(t, "backup"), "picket.backup")
	c.nodes[0].picket(t, "backup", file)
	old, added := c.secret, newSecret()

	c.restartWith(t, alice, c.nodes, old, added)
	c.restartWith(t, alice, c.nodes[:1], added, old)
	if out, err := c.nodes[0].try(t, "reseal"); err == nil || !strings.Contains(out, "node-2, node-3") {
		t.Errorf("the old secret may be removed, while others use it: %s", out)
	}
	c.restartWith(t, alice, c.nodes[1:], added, old)
	if alice.cookie(t, "app") == before {
		t.Error("alice has not got another cookie")
	}
	eventually(t, readyWithin, func() string { // nodes tell of their secret beside what they are asked to do
		if out, err := c.nodes[1].try(t, "reseal"); err != nil || !strings.Contains(out, "may be removed") {
			return "resealing said: " + out
		}
		return ""
	})
	c.restartWith(t, alice, c.nodes, added)
	if out, err := c.nodes[0].try(t, "restore", "--force", file); err == nil || !strings.Contains(out, "secret") {
		t.Errorf("a backup that was made with the old secret: %s", out)
	}
	bob := c.visit(t)
	bob.signIn(t, "bob", c.url("app")+"/")
	for _, n := range c.nodes {
		bob.over(n).isSignedInAs(t, "bob")
	}
}

// restartWith restarts nodes one after the other with these secrets; v stays signed in all the time.
func (c *cluster) restartWith(t *testing.T, v *visitor, nodes []*node, secrets ...string) {
	t.Helper()
	text, err := os.ReadFile("testdata/cluster.hcl")
	if err != nil {
		t.Fatal(err)
	}
	var quoted []string
	for _, s := range secrets {
		quoted = append(quoted, fmt.Sprintf("%q", s))
	}
	config := filepath.Join(scratch(t, fmt.Sprintf("%d-secrets", len(secrets))), "cluster.hcl")
	write(t, config, strings.Replace(string(text), `[env("PICKET_SECRET")]`, "["+strings.Join(quoted, ", ")+"]", 1))
	for _, n := range nodes {
		c.balancer.Mark(n.listen, false)
		n.stop(t)
		n.command[len(n.command)-1] = config
		n.start(t)
		c.ready(t, n)
		for _, every := range c.nodes {
			v.over(every).isSignedInAs(t, "alice")
		}
	}
}
