//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"picket/examples/ports"
)

// checks runs `picket check` on the node's configuration, in its environment.
func (n *node) checks(t *testing.T) {
	t.Helper()
	path := n.command[len(n.command)-1]
	check := exec.Command(picket(t), "check", path)
	check.Env = append([]string{"PATH=" + os.Getenv("PATH")}, n.env...)
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("picket check %s: %v\n%s", path, err, out)
	}
}

func TestTheExampleOfThreeNodesRunsOnOneMachine(t *testing.T) {
	c := openCluster(t, "localhost")
	c.scheme = "https"
	run, state := c.runsScript(t)

	alice := c.visit(t)
	a := alice.signIn(t, "alice", c.url("app")+pageAskedFor)
	if a.status != http.StatusOK || a.at.String() != c.url("app")+pageAskedFor {
		t.Fatalf("%s: %s", a, a.words())
	}
	for _, n := range c.nodes {
		alice.over(n).isSignedInAs(t, "alice")
	}
	if alice.cookie(t, "app") == "" || c.cookieName() != "__Host-picket" {
		t.Error("over https the session is not in a __Host- cookie")
	}
	eventually(t, readyWithin, func() string { // nodes tell of themselves beside what they are asked to do
		if s := c.nodes[0].status(t); len(s.Nodes) != 3 || s.Nodes[0].Drift || s.Nodes[1].Drift || s.Nodes[2].Drift {
			return fmt.Sprintf("the nodes do not agree: %+v", s.Nodes)
		}
		return ""
	})
	c.revokesOne(t)

	alice.signIn(t, "alice", c.url("app")+"/")
	killNamed(t, run, "node-3")
	for _, n := range c.nodes[:2] {
		alice.over(n).isSignedInAs(t, "alice")
	}

	run.stop(t)
	for _, n := range c.nodes {
		if answers("http://"+n.admin+"/healthz") == "" {
			t.Errorf("%s goes on running", n.name)
		}
	}
	if secret, err := os.ReadFile(state + "/secret"); err != nil || len(strings.TrimSpace(string(secret))) < 32 {
		t.Errorf("the secret is not kept for the next run: %v", err)
	}
}

// killNamed kills a node by the process id that run printed.
func killNamed(t *testing.T, run *process, name string) {
	t.Helper()
	printed := regexp.MustCompile(name + ` +pid (\d+)`).FindStringSubmatch(run.log.String())
	if printed == nil {
		t.Fatalf("run does not tell the process id of %s", name)
	}
	pid, err := strconv.Atoi(printed[1])
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, patience, func() string {
		if !strings.Contains(run.log.String(), "pid "+printed[1]+" has ended") {
			return "run has not noticed that a node has ended"
		}
		return ""
	})
}

// runsScript starts examples/three-nodes/run, with ports of the test's choice, and waits for the nodes.
func (c *cluster) runsScript(t *testing.T) (run *process, state string) {
	t.Helper()
	var numbers []string
	for _, address := range ports.Some(t, 4) {
		numbers = append(numbers, portOf(t, address))
	}
	c.port, c.nodes = numbers[0], nil
	for i := range 3 {
		ip := "127.0.0." + strconv.Itoa(i+1)
		c.nodes = append(c.nodes, &node{process: process{name: "node-" + strconv.Itoa(i+1)}, listen: ip + ":" + numbers[0], admin: ip + ":" + numbers[3]})
	}
	c.balance(t)
	c.attach(t, builtIn)
	state = scratch(t, "state")
	run = &process{name: "run", command: []string{"../three-nodes/run"}, env: append(c.provider.environment(),
		"PICKET="+picket(t), "STATE="+state, "APP_UPSTREAM="+c.upstream.server.URL,
		"PORT="+numbers[0], "BROKER_PORT="+numbers[1], "CLIENT_PORT="+numbers[2], "ADMIN_PORT="+numbers[3])}
	keep(t, run)
	run.start(t)
	eventually(t, readyWithin, func() string {
		if run.hasEnded() {
			t.Fatal("run ended")
		}
		for _, n := range c.nodes {
			if problem := answers("http://" + n.admin + "/readyz"); problem != "" {
				return n.name + ": " + problem
			}
		}
		return ""
	})
	certificate, err := os.ReadFile(state + "/tls.pem")
	if err != nil || !c.roots.AppendCertsFromPEM(certificate) {
		t.Fatalf("run made no certificate: %v", err)
	}
	return run, state
}
