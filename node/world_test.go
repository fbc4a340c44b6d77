package node

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"picket/cmd/picket/dev"
	"picket/examples/pace"
	"picket/node/config"
)

// world is a cluster of whole nodes on one NATS server, with an identity provider and an application.
type world struct {
	t        *testing.T
	nats     *server.Server
	provider *httptest.Server
	app      *httptest.Server
	nodes    []*running
	file     string // the configuration
}

// running is one running node.
type running struct {
	*Node
	log  *journal
	stop func()
}

// journal is what was logged. It may be written and read at once.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

// lines are the lines of the log that bear a message.
func (j *journal) lines(message string) (all []map[string]any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for line := range bytes.Lines(j.text.Bytes()) {
		var fields map[string]any
		if json.Unmarshal(line, &fields) == nil && fields["message"] == message {
			all = append(all, fields)
		}
	}
	return all
}

// basics begin every configuration of these tests.
const basics = `
cluster {
  name    = "test"
  secrets = [env("PICKET_SECRET")]
  broker {
    node     = env("PICKET_NODE")
    url      = env("NATS")
    replicas = 1
  }
}
listen "main" { address = "127.0.0.1:0" }
admin { address = "127.0.0.1:0" }
authenticate { url = "http://auth.localhost:8080" }
identity "corp" {
  kind          = "oidc"
  issuer        = env("ISSUER")
  client_id     = "picket"
  client_secret = env("PICKET_SECRET")
}
`

// newWorld starts a cluster of nodes that all have this configuration beside basics. In it, APP is the application.
func newWorld(t *testing.T, nodes int, hcl string, app http.HandlerFunc) *world {
	t.Helper()
	return newWorldOf(t, nodes, basics+hcl, app)
}

// newWorldOf is newWorld for a whole configuration.
func newWorldOf(t *testing.T, nodes int, hcl string, app http.HandlerFunc) *world {
	t.Helper()
	w := &world{t: t, provider: httptest.NewUnstartedServer(nil), app: httptest.NewServer(app)}
	t.Cleanup(w.app.Close)
	secret := strings.Repeat("s", 32)
	p, err := dev.NewProvider(dev.ProviderOptions{
		Issuer: "http://" + w.provider.Listener.Addr().String(), ClientID: "picket", ClientSecret: secret,
		RedirectURIs: []string{"http://auth.localhost:8080/.picket/callback"},
	})
	w.must(err)
	w.provider.Config.Handler = p
	w.provider.Start()
	t.Cleanup(w.provider.Close)
	w.nats, err = server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true})
	w.must(err)
	w.nats.Start()
	t.Cleanup(func() { w.nats.Shutdown(); w.nats.WaitForShutdown() })
	w.until("the broker is up", func() bool { return w.nats.ReadyForConnections(time.Second) })
	t.Setenv("PICKET_SECRET", secret)
	t.Setenv("NATS", w.nats.ClientURL())
	t.Setenv("ISSUER", w.provider.URL)
	t.Setenv("APP", w.app.URL)
	w.file = filepath.Join(t.TempDir(), "cluster.hcl")
	w.must(os.WriteFile(w.file, []byte(hcl), 0o600))
	for i := range nodes {
		t.Setenv("PICKET_NODE", fmt.Sprintf("n%d", i+1))
		w.start(config.Read(w.file))
	}
	return w
}

func (w *world) start(r config.Reading) {
	w.t.Helper()
	w.startWith(Options{Reading: r})
}

func (w *world) startWith(o Options) {
	w.t.Helper()
	if o.Reading.Problems.Failed() {
		w.t.Fatal(o.Reading.Problems.Error())
	}
	log := &journal{}
	o.Version, o.Log = "test", zerolog.New(log)
	n, err := New(o)
	w.must(err)
	ctx, cancel := context.WithCancel(context.Background())
	var group errgroup.Group
	group.Go(func() error { return n.Run(ctx) })
	m := &running{Node: n, log: log, stop: sync.OnceFunc(func() {
		cancel()
		if err := group.Wait(); err != nil {
			w.t.Errorf("running a node: %v", err)
		}
	})}
	w.t.Cleanup(m.stop)
	w.nodes = append(w.nodes, m)
	w.until("the node is ready", n.ready)
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// testPatience is how long tests wait for what has to come, and no promise is about when: a machine may be slow, and do much
// else.
const testPatience = 3 * time.Minute

// within waits for what is promised within a time.
func (w *world) within(promised time.Duration, what string, ok func() bool) {
	w.t.Helper()
	begun, p := time.Now(), pace.Start(w.t)
	defer p.Stop()
	w.until(what, ok)
	if took := time.Since(begun); took > p.Within(promised) {
		w.t.Errorf("%s after %v, here within %v", what, took, p.Within(promised))
	}
}

// until waits for something to become true.
func (w *world) until(what string, ok func() bool) {
	w.t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(testPatience)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			w.t.Fatalf("not within %v: %s", testPatience, what)
		}
	}
}

// publish publishes by other means than ours.
func (w *world) publish(subject, text string) {
	w.t.Helper()
	conn, err := nats.Connect(w.nats.ClientURL())
	w.must(err)
	defer conn.Close()
	w.must(conn.Publish(subject, []byte(text)))
	w.must(conn.Flush())
}

// ask asks the admin API of a node, and gives the answer.
func (m *running) ask(w *world, method, path, body string) (status int, text string) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, "http://"+m.admin.listener.Addr().String()+path, strings.NewReader(body))
	w.must(err)
	res, err := http.DefaultClient.Do(req)
	w.must(err)
	defer res.Body.Close()
	read, err := io.ReadAll(res.Body)
	w.must(err)
	return res.StatusCode, string(read)
}

// metric is the value of a line of /metrics, "" when there is none.
func (m *running) metric(w *world, line string) string {
	w.t.Helper()
	_, text := m.ask(w, http.MethodGet, "/metrics", "")
	_, rest, ok := strings.Cut("\n"+text, "\n"+line+" ")
	if !ok {
		return ""
	}
	value, _, _ := strings.Cut(rest, "\n")
	return value
}

// browser is a visitor of one node who keeps cookies.
type browser struct {
	w      *world
	client *http.Client
}

func (w *world) browser(m *running) *browser {
	jar, err := cookiejar.New(nil)
	w.must(err)
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		if strings.HasSuffix(address, ".localhost:8080") {
			address = m.door.Addresses()[0]
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}}
	w.t.Cleanup(transport.CloseIdleConnections)
	return &browser{w: w, client: &http.Client{Jar: jar, Transport: transport}}
}

// page is an answer, read.
type page struct {
	*http.Response
	text string
}

func (b *browser) do(method, address string, form url.Values, fields ...string) page {
	b.w.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(b.w.t.Context(), method, address, body)
	b.w.must(err)
	req.Header.Set("Accept", "text/html")
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(fields); i += 2 {
		req.Header.Set(fields[i], fields[i+1])
	}
	res, err := b.client.Do(req)
	b.w.must(err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	b.w.must(err)
	return page{res, string(text)}
}

// get follows redirects to a page.
func (b *browser) get(address string, fields ...string) page {
	b.w.t.Helper()
	return b.do(http.MethodGet, address, nil, fields...)
}

// pick presses the button of a person on the provider's page.
func (b *browser) pick(p page, person string) page {
	b.w.t.Helper()
	_, rest, ok := strings.Cut(p.text, `name="request" value="`)
	if !ok {
		b.w.t.Fatalf("want the provider's page, got %s at %s:\n%s", p.Status, p.Request.URL, p.text)
	}
	request, _, _ := strings.Cut(rest, `"`)
	return b.do(http.MethodPost, b.w.provider.URL+"/login", url.Values{"request": {request}, "person": {person}})
}

// visit goes to a page as a person who is not signed in yet.
func (b *browser) visit(address, person string) page {
	b.w.t.Helper()
	return b.pick(b.get(address), person)
}
