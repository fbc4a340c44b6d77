//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestAnyOneNodeMayDieAndNobodyIsLoggedOut(t *testing.T) {
	t.Parallel() // it mostly waits
	c := startCluster(t)
	alice := c.visit(t)
	alice.signIn(t, "alice", c.url("app")+"/")
	for _, n := range c.nodes {
		c.dies(t, n, alice)
	}
}

// dies kills a node, makes the next hundred requests of somebody, and brings the node back.
func (c *cluster) dies(t *testing.T, n *node, v *visitor) {
	t.Helper()
	n.kill(t)
	carried := map[string]int{}
	for i := range 100 {
		who, err := v.whoami()
		if err != nil {
			t.Fatalf("%s was killed, and request %d of 100 failed: %v", n.name, i+1, err)
		}
		carried[who.Node]++
	}
	for _, other := range c.others(n) {
		if carried[other.name] < 20 {
			t.Errorf("%s was killed, and %s carried %d of 100 requests: %v", n.name, other.name, carried[other.name], carried)
		}
	}
	n.start(t)
	c.ready(t, n)
}

func TestARollingRestartUnderLoadFailsNoRequestAndLogsNobodyOut(t *testing.T) {
	c := startCluster(t)
	c.rolls(t)
}

func TestAClusterThatIsStoppedNodeByNodeRemembersWhoIsSignedIn(t *testing.T) {
	t.Parallel() // it mostly waits
	c := startCluster(t)
	alice := c.visit(t)
	alice.signIn(t, "alice", c.url("app")+"/")
	for _, n := range c.nodes { // the last two have no majority left to tell
		began := time.Now()
		n.stop(t)
		t.Logf("%s stopped in %s", n.name, time.Since(began))
	}
	for _, n := range c.nodes {
		n.start(t)
	}
	c.ready(t, c.nodes...)
	for _, n := range c.nodes {
		alice.over(n).isSignedInAs(t, "alice")
	}
}

// rolls restarts every node in turn while two people go on working: one keeps connections open, the other does not.
func (c *cluster) rolls(t *testing.T) {
	t.Helper()
	fresh, kept := c.visit(t), c.visitVia(t, c.keepAlive())
	fresh.signIn(t, "alice", c.url("app")+"/")
	kept.signIn(t, "bob", c.url("app")+"/")

	load := newLoad(fresh, fresh, kept, kept)
	load.goesOn(t)
	for _, n := range c.nodes {
		began := time.Now()
		n.stop(t)
		stopped := time.Since(began)
		n.start(t)
		c.ready(t, n)
		t.Logf("%s: stopped in %s, ready again after %s", n.name, stopped, time.Since(began)-stopped)
		load.goesOn(t)
	}
	served, failures := load.stop()
	if len(failures) > 0 {
		t.Errorf("%d of %d requests failed:\n%s", len(failures), served+int64(len(failures)), strings.Join(failures[:min(len(failures), 10)], "\n"))
	}
	t.Logf("%d requests served", served)
}

// keepAlive is a transport that uses its connections again, as browsers do.
func (c *cluster) keepAlive() *http.Transport {
	transport := c.transport("")
	transport.DisableKeepAlives = false
	return transport
}

// load is people who send one request after the other until they are stopped.
type load struct {
	end    chan struct{}
	group  sync.WaitGroup
	served atomic.Int64

	mu       sync.Mutex
	failures []string // guarded by mu
}

// workEvery is the time between two requests of one person.
const workEvery = 20 * time.Millisecond

func newLoad(people ...*visitor) *load {
	l := &load{end: make(chan struct{})}
	for _, v := range people {
		l.group.Go(func() { l.work(v) })
	}
	return l
}

func (l *load) work(v *visitor) {
	tick := time.NewTicker(workEvery)
	defer tick.Stop()
	for {
		began := time.Now()
		if _, err := v.whoami(); err != nil {
			l.mu.Lock()
			l.failures = append(l.failures, fmt.Sprintf("%s after %s: %v", began.Format("15:04:05.000"), time.Since(began), err))
			l.mu.Unlock()
		} else {
			l.served.Add(1)
		}
		select {
		case <-l.end:
			return
		case <-tick.C:
		}
	}
}

// goesOn waits until a good many more requests have been served.
func (l *load) goesOn(t *testing.T) {
	t.Helper()
	enough := l.served.Load() + 200
	eventually(t, patience, func() string {
		if served := l.served.Load(); served < enough {
			return fmt.Sprintf("%d requests served, want %d", served, enough)
		}
		return ""
	})
}

// stop waits for the last answers.
func (l *load) stop() (served int64, failures []string) {
	close(l.end)
	l.group.Wait()
	return l.served.Load(), l.failures
}
