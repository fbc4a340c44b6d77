//go:build e2e

package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// reloadedWithin is when all nodes run by files that changed, and say so of each other.
const reloadedWithin = 15 * time.Second

func TestReloadUnderLoadFailsNoRequestAndKeepsWhatIsOpen(t *testing.T) {
	c := startCluster(t, func(t *testing.T, c *cluster) *provider {
		c.config = filepath.Join(t.TempDir(), "cluster.hcl")
		c.configure(t, c.version(t, 0))
		return builtIn(t, c)
	})
	fresh, kept := c.visit(t), c.visitVia(t, c.keepAlive())
	fresh.signIn(t, "alice", c.url("app")+"/")
	kept.signIn(t, "bob", c.url("app")+"/")
	sockets := c.openSockets(t, fresh)
	load := newLoad(fresh, kept, kept)
	held := c.hold(t, fresh)
	load.goesOn(t)
	for i := range 20 {
		c.reloads(t, i+1)
		if i%5 == 4 {
			c.refuses(t, i+1)
		}
		load.goesOn(t)
	}
	for _, s := range sockets {
		s.ticks(t)
	}
	served, failures := load.stop()
	failures = append(failures, held.stop()...)
	if len(failures) > 0 {
		t.Errorf("%d failed:\n%s", len(failures), strings.Join(failures[:min(len(failures), 10)], "\n"))
	}
	t.Logf("%d requests served, and %d over one connection to each node", served, held.served.Load())
}

// version is the usual configuration with something in it that is new.
func (c *cluster) version(t *testing.T, i int) string {
	t.Helper()
	text, err := os.ReadFile("testdata/cluster.hcl")
	if err != nil {
		t.Fatal(err)
	}
	edition := strings.Replace(string(text), "Whoever works here", fmt.Sprint("Whoever works here, edition ", i), 1)
	const to = `[env("E2E_UPSTREAM")]`
	edition = strings.Replace(edition, to, fmt.Sprintf("[env(\"E2E_UPSTREAM\"), env(\"E2E_UPSTREAM\")]\n  weights = [%d, 1]", i%4), 1)
	return edition + fmt.Sprintf(`
route "edition" {
  from   = "http://edition%d.localhost:${env("E2E_PORT")}"
  to     = [env("E2E_UPSTREAM")]
  public = true
}
`, i)
}

// configure replaces the file that all nodes have.
func (c *cluster) configure(t *testing.T, text string) {
	t.Helper()
	if err := os.WriteFile(c.config+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(c.config+".new", c.config); err != nil {
		t.Fatal(err)
	}
}

// reloads brings a version into force on every node, in one of three ways, and sees that it is.
func (c *cluster) reloads(t *testing.T, i int) {
	t.Helper()
	before, err := c.nodes[0].tells()
	if err != nil {
		t.Fatal(err)
	}
	c.configure(t, c.version(t, i))
	for _, n := range c.nodes {
		switch i % 3 {
		case 1:
			n.signal(t, syscall.SIGHUP)
		case 2:
			if out := n.picket(t, "reload"); !strings.Contains(out, "loaded") && !strings.Contains(out, "nothing changed") {
				t.Errorf("picket reload says %s", out)
			}
		}
	}
	eventually(t, reloadedWithin, func() string {
		for _, n := range c.nodes {
			s, err := n.tells()
			if err != nil {
				return err.Error()
			}
			if s.Digest == before.Digest {
				return n.name + " runs by what it ran by"
			}
			for _, other := range s.Nodes {
				if other.Drift {
					return n.name + " thinks that " + other.Name + " runs by something else"
				}
			}
		}
		return ""
	})
	v := c.visit(t)
	for _, n := range c.nodes {
		for host, want := range map[string]int{fmt.Sprint("edition", i): http.StatusOK, fmt.Sprint("edition", i-1): http.StatusNotFound} {
			a, err := v.over(n).send(asProgram(c.url(host) + "/"))
			if err != nil || a.status != want {
				t.Errorf("edition %d, %s: %s answers %s, %v; want %d", i, host, n.name, a, err, want)
			}
		}
	}
}

// refuses shows every node a configuration with a mistake, and puts the version back.
func (c *cluster) refuses(t *testing.T, i int) {
	t.Helper()
	before, err := c.nodes[0].tells()
	if err != nil {
		t.Fatal(err)
	}
	c.configure(t, strings.ReplaceAll(c.version(t, i+1), "policy.staff", "policy.stuff"))
	for _, n := range c.nodes {
		out, err := n.try(t, "reload")
		if err == nil || !strings.Contains(out, "did you mean") && !strings.Contains(out, "policy.stuff") || !strings.Contains(out, "^^^") {
			t.Errorf("picket reload of a mistake on %s: %v\n%s", n.name, err, out)
		}
		if out := n.picket(t, "status"); !strings.Contains(out, "refused") {
			t.Errorf("picket status does not say so:\n%s", out)
		}
		if s, err := n.tells(); err != nil || s.Digest != before.Digest {
			t.Errorf("%s runs by something else: %v", n.name, err)
		}
	}
	c.configure(t, c.version(t, i))
	for _, n := range c.nodes {
		n.picket(t, "reload")
	}
}

// held are connections that are used for one request after the other. Nothing is sent twice: what one of them drops is seen.
type held struct {
	end    chan struct{}
	group  sync.WaitGroup
	served atomic.Int64

	mu       sync.Mutex
	failures []string // guarded by mu
}

// hold opens one connection to each node.
func (c *cluster) hold(t *testing.T, v *visitor) *held {
	t.Helper()
	h := &held{end: make(chan struct{})}
	request := fmt.Sprintf("GET /api/whoami HTTP/1.1\r\nHost: %s\r\nAccept: application/json\r\nCookie: %s=%s\r\n\r\n",
		c.authority("app"), c.cookieName(), v.cookie(t, "app"))
	for _, n := range c.nodes {
		conn, err := net.Dial("tcp", n.listen)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		h.group.Go(func() {
			if err := h.use(conn, request); err != nil {
				h.mu.Lock()
				defer h.mu.Unlock()
				h.failures = append(h.failures, n.name+": "+err.Error())
			}
		})
	}
	return h
}

// use sends the request again and again.
func (h *held) use(conn net.Conn, request string) error {
	wire := bufio.NewReader(conn)
	for {
		select {
		case <-h.end:
			return nil
		default:
		}
		if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
			return err
		}
		if _, err := io.WriteString(conn, request); err != nil {
			return fmt.Errorf("sending: %w", err)
		}
		response, err := http.ReadResponse(wire, nil)
		if err != nil {
			return fmt.Errorf("after %d requests in all: %w", h.served.Load(), err)
		}
		body, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %v\n%s", response.Status, err, body)
		}
		h.served.Add(1)
	}
}

func (h *held) stop() []string {
	close(h.end)
	h.group.Wait()
	return h.failures
}
