//go:build e2e

package e2e

import (
	"bufio"
	"crypto/ed25519"
	"crypto/rand"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"picket/examples/pace"
)

// withTCP is the built-in provider, and a server behind the cluster's route for TCP.
func withTCP(address string) func(*testing.T, *cluster) *provider {
	return func(t *testing.T, c *cluster) *provider {
		t.Helper()
		for _, n := range c.nodes {
			n.env = append(n.env, "E2E_TCP="+address)
		}
		return builtIn(t, c)
	}
}

func TestSSHGoesThroughTheDoorUntilItIsRevoked(t *testing.T) {
	c := startCluster(t, withTCP(sshServer(t)))
	alice := c.programs(t)

	if out, err := c.ssh(t, alice, "true").CombinedOutput(); err == nil || !strings.Contains(string(out), "run: picket login "+c.url("bastion")) {
		t.Fatalf("before signing in, ssh says %v:\n%s", err, out)
	}
	alice.login(t, c.visit(t), "alice", "bastion")
	if out, err := c.ssh(t, alice, "say", "hello").Output(); err != nil || string(out) != "say hello\n" {
		t.Fatalf("ssh says %q: %v", out, err)
	}

	session := c.ssh(t, alice, "stay")
	in, _ := session.StdinPipe()
	out, err := session.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := session.Start(); err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	from := bufio.NewReader(out)
	if line, err := from.ReadString('\n'); err != nil {
		t.Fatalf("the session says %q: %v", line, err)
	}
	mine := c.nodes[0].sessions(t, "alice")
	if len(mine) != 1 {
		t.Fatalf("alice has sessions %v, want that of her program", mine)
	}
	c.nodes[1].picket(t, "sessions", "revoke", mine[0].ID)
	revoked, p := time.Now(), pace.Start(t)
	if _, err := io.Copy(io.Discard, from); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(revoked); took > p.Within(revokedWithin) {
		t.Errorf("the session went on for %s", took)
	}
	if err := session.Wait(); err == nil {
		t.Error("ssh takes the cut for an end")
	}
	if out, err := c.ssh(t, alice, "true").CombinedOutput(); err == nil {
		t.Errorf("after the revocation ssh still says %s", out)
	}

	mallory := c.programs(t)
	mallory.login(t, c.visit(t), "mallory", "bastion")
	if out, err := c.ssh(t, mallory, "true").CombinedOutput(); err == nil || !strings.Contains(string(out), "You may not open this") {
		t.Errorf("who may not is told %v:\n%s", err, out)
	}
}

func TestAProgramAsksWithABearer(t *testing.T) {
	c := startCluster(t)
	alice := c.programs(t)
	alice.login(t, c.visit(t), "alice", "app")
	request := asPerson(c.url("app") + "/api/whoami")
	request.Header.Set("Authorization", "Bearer "+alice.token(t, "app"))
	a, err := c.visit(t).send(request)
	if err != nil || a.status != http.StatusOK || !strings.Contains(a.body, "alice@example.com") {
		t.Fatalf("%s: %v: %s", a, err, a.words())
	}
	for _, seen := range c.upstream.requests("/api/whoami") {
		if seen.Header.Get("Authorization") != "" {
			t.Error("the bearer reached the application")
		}
	}
	request = asPerson(c.url("other") + "/")
	request.Header.Set("Authorization", "Bearer "+alice.token(t, "app"))
	if a, err := c.visit(t).send(request); err != nil || a.status != http.StatusUnauthorized || a.next != nil {
		t.Errorf("on another host: %s: %v", a, err)
	}
}

// ssh is Debian's, going through `picket connect`.
func (c *cluster) ssh(t *testing.T, p programs, command ...string) *exec.Cmd {
	t.Helper()
	args := []string{
		"-F", "none", "-o", "ProxyCommand=" + picket(t) + " connect %h:%p --proxy " + c.url("bastion"), "-o", "StrictHostKeyChecking=no",
		"-o", "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR", "anyone@bastion.localhost",
	}
	cmd := exec.Command("ssh", append(args, command...)...)
	cmd.Env = p.environment()
	return cmd
}

// sshServer lets everybody in, says what it was asked to run and, asked to stay, stays.
func sshServer(t *testing.T) (address string) {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	config := &ssh.ServerConfig{NoClientAuth: true}
	config.AddHostKey(signer)
	l := listen(t, "127.0.0.1:0")
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go serveSSH(conn, config)
		}
	}()
	return l.Addr().String()
}

func serveSSH(conn net.Conn, config *ssh.ServerConfig) {
	defer conn.Close()
	_, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for offered := range channels {
		channel, asked, err := offered.Accept()
		if err != nil {
			return
		}
		go func() {
			defer channel.Close()
			for r := range asked {
				if r.Type != "exec" {
					_ = r.Reply(false, nil)
					continue
				}
				_ = r.Reply(true, nil)
				command := string(r.Payload[4:])
				_, _ = io.WriteString(channel, command+"\n")
				if command == "stay" {
					_, _ = io.Copy(io.Discard, channel)
				}
				_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{}))
				return
			}
		}()
	}
}
