//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"picket/examples/ports"
)

// applicationAt makes this program an application at an address, in a process of its own.
const applicationAt = "E2E_APPLICATION"

func TestMain(m *testing.M) {
	if address := os.Getenv(applicationAt); address != "" {
		err := http.ListenAndServe(address, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			time.Sleep(2 * time.Millisecond) // so that requests are under way when it is killed
			_, _ = fmt.Fprintf(w, "%s %s", address, body)
		}))
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// mortals are two applications behind the route "mortal" of a cluster.
func mortals(t *testing.T) (*cluster, []*process) {
	t.Helper()
	var apps []*process
	var to []string
	for i, address := range ports.Some(t, 2) {
		apps = append(apps, &process{name: fmt.Sprint("application-", i+1), command: []string{os.Args[0]}, env: []string{applicationAt + "=" + address}})
		to = append(to, "http://"+address)
	}
	keep(t, apps...)
	for _, a := range apps {
		a.start(t)
	}
	c := startCluster(t, func(t *testing.T, c *cluster) *provider {
		text, err := os.ReadFile("testdata/cluster.hcl")
		if err != nil {
			t.Fatal(err)
		}
		c.config = filepath.Join(t.TempDir(), "cluster.hcl")
		c.configure(t, string(text)+fmt.Sprintf(`
route "mortal" {
  from   = "http://mortal.localhost:${env("E2E_PORT")}"
  to     = [%q, %q]
  public = true
  health {
    path    = "/"
    every   = "200ms"
    timeout = "10s"
  }
  retry { on = ["connect", "reset"] }
}
`, to[0], to[1]))
		return builtIn(t, c)
	})
	return c, apps
}

// failed is a request that was not answered as it is to be.
type failed struct {
	method       string
	began, ended time.Time
	what         string
}

// crowd asks an application on and on.
type crowd struct {
	end    chan struct{}
	all    sync.WaitGroup
	served atomic.Int64

	mu     sync.Mutex
	failed []failed // guarded by mu
}

func newCrowd(c *cluster, methods ...string) *crowd {
	all := &crowd{end: make(chan struct{})}
	for _, method := range methods {
		client := &http.Client{Transport: c.keepAlive(), Timeout: patience}
		all.all.Go(func() {
			for {
				select {
				case <-all.end:
					return
				default:
				}
				all.one(client, method, c.url("mortal")+"/")
			}
		})
	}
	return all
}

func (c *crowd) one(client *http.Client, method, url string) {
	began := time.Now()
	what := ""
	var body io.Reader
	if method == http.MethodPost {
		body = strings.NewReader("a body")
	}
	request, err := http.NewRequest(method, url, body)
	if err == nil {
		var response *http.Response
		if response, err = client.Do(request); err == nil {
			text, read := io.ReadAll(response.Body)
			_ = response.Body.Close()
			if err = read; response.StatusCode != http.StatusOK {
				what = response.Status + " " + string(text)
			}
		}
	}
	if err == nil && what == "" {
		c.served.Add(1)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failed = append(c.failed, failed{method, began, time.Now(), fmt.Sprint(what, err)})
}

func (c *crowd) goesOn(t *testing.T, n int64) {
	t.Helper()
	enough := c.served.Load() + n
	eventually(t, patience, func() string {
		if served := c.served.Load(); served < enough {
			return fmt.Sprintf("%d requests served, want %d", served, enough)
		}
		return ""
	})
}

// well waits until every node says of so many applications that they are well.
func (c *cluster) well(t *testing.T, want int) {
	t.Helper()
	for _, n := range c.nodes {
		eventually(t, patience, func() string {
			out := n.picket(t, "status")
			if got := strings.Count(out, " well\n"); got != want {
				return fmt.Sprintf("%s says that %d applications are well, want %d:\n%s", n.name, got, want, out)
			}
			return ""
		})
	}
}

func TestAnApplicationThatIsKilledUnderLoadFailsNothingButWhatItHad(t *testing.T) {
	c, apps := mortals(t)
	c.well(t, 2)
	all := newCrowd(c, http.MethodGet, http.MethodGet, http.MethodGet, http.MethodPost, http.MethodPost)
	all.goesOn(t, 300)
	var deaths [][2]time.Time
	for i := range 4 {
		dead := apps[i%2]
		began := time.Now()
		dead.kill(t)
		deaths = append(deaths, [2]time.Time{began, time.Now()})
		all.goesOn(t, 300)
		c.well(t, 1)
		dead.start(t)
		c.well(t, 2)
		all.goesOn(t, 300)
	}
	close(all.end)
	all.all.Wait()
	for _, f := range all.failed {
		under := false // way to the one that was killed
		for _, d := range deaths {
			under = under || f.began.Before(d[1]) && f.ended.After(d[0])
		}
		if !under || f.method != http.MethodPost {
			t.Errorf("failed, and need not have: %+v", f)
		}
	}
	t.Logf("%d served; %d failed that were under way to the application that was killed", all.served.Load(), len(all.failed))
}
