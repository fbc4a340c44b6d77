//go:build bench

package bench

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"picket/examples/ports"
)

// startPatience is how long a node may take to be ready before the run gives up on it.
const startPatience = time.Minute

// node is one `picket run`.
type node struct {
	*process // of the last start; nil: never started
	t        *testing.T
	name     string
	http     string // HOST:PORT
	admin    string // HOST:PORT
	broker   string // HOST:PORT of its route port
	client   string // HOST:PORT
	store    string // folder
}

func newNode(t *testing.T, c *cluster, i int) *node {
	t.Helper()
	name := "node-" + strconv.Itoa(i+1)
	return &node{t: t, name: name, http: ports.One(t), admin: ports.One(t), broker: ports.One(t), client: ports.One(t),
		store: filepath.Join(c.dir, name)}
}

// start starts the node and does not wait for it.
func (n *node) start(c *cluster) {
	n.t.Helper()
	n.process = launch(n.t, n.name, filepath.Join(c.dir, n.name+".log"), []string{
		"BENCH_SECRET=" + c.secret, "BENCH_CLIENT_SECRET=" + c.secret,
		"BENCH_NODE=" + n.name, "BENCH_BROKER=" + n.broker, "BENCH_CLIENT=" + n.client, "BENCH_STORE=" + n.store,
		"BENCH_HTTP=" + n.http, "BENCH_ADMIN=" + n.admin,
	}, c.binary, "run", "--config", c.config())
}

// untilReady waits for /readyz and tells how long after the start it was.
func (n *node) untilReady() time.Duration {
	n.t.Helper()
	return n.until(n.t, "ready", startPatience, func() bool { return answers((*keys)(nil).client(), "http://"+n.admin+"/readyz") })
}

// ask asks the admin address, and fails unless it answers with 200.
func (n *node) ask(method, path string) string {
	n.t.Helper()
	request, err := http.NewRequestWithContext(n.t.Context(), method, "http://"+n.admin+path, nil)
	if err != nil {
		n.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		n.t.Fatalf("asking %s: %v", n.name, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		n.t.Fatalf("%s: %s %s: %s %v\n%s", n.name, method, path, response.Status, err, body)
	}
	return string(body)
}

// inUse is what the node has in use after a collection, in bytes: on the heap and, if asked, on stacks. It is the least
// of some seconds, because the store keeps what it has just read for a while.
func (n *node) inUse(settle time.Duration, marks ...string) float64 {
	n.t.Helper()
	least := 0.0
	for end := time.Now().Add(settle); time.Now().Before(end); time.Sleep(time.Second) {
		profile, bytes := n.ask(http.MethodGet, "/debug/pprof/heap?gc=1&debug=1"), 0.0
		for _, mark := range marks {
			_, rest, _ := strings.Cut(profile, mark)
			value, err := strconv.ParseFloat(firstWord(strings.ReplaceAll(rest, "\n", " ")), 64)
			if err != nil {
				n.t.Fatalf("%s does not tell its memory: %v", n.name, err)
			}
			bytes += value
		}
		if least == 0 || bytes < least {
			least = bytes
		}
	}
	return least
}

// What a heap profile in text says of memory, in its last lines.
const (
	heapObjects = "\n# HeapAlloc = "
	heapSpans   = "\n# HeapInuse = "
	stacks      = "\n# Stack = "
)

// settleTime is how long memory is watched for its least.
const settleTime = 15 * time.Second

// reads is how often the node has asked the store for a record of a bucket.
func (n *node) reads(bucket string) float64 {
	n.t.Helper()
	total := 0.0
	lines := bufio.NewScanner(strings.NewReader(n.ask("GET", "/metrics")))
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), "} ")
		if !strings.HasPrefix(name, "picket_store_operations_total{") ||
			!strings.Contains(name, fmt.Sprintf("bucket=%q", bucket)) || !strings.Contains(name, `operation="get"`) {
			continue
		}
		times, err := strconv.ParseFloat(value, 64)
		if err != nil {
			n.t.Fatalf("reading %s: %v", lines.Text(), err)
		}
		total += times
	}
	return total
}
