package proxy

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"picket/broker"
	"picket/node/authn"
	"picket/node/authz"
	"picket/node/config"
	"picket/policy"
)

// world is a door with all that is behind it: a broker, an identity provider, sessions, policies, applications.
type world struct {
	t        testing.TB
	ctx      context.Context
	config   *config.Config
	broker   *broker.Broker
	authn    *authn.Authn
	door     *Door
	provider *provider
	registry *prometheus.Registry
	log      *lines
	address  string // of the first listener
	stop     func() // closes the door and waits until it has drained
}

const testPolicies = `
policy "staff" {
  allow "employee" { when = in_group("staff") }
  deny "not mallory" {
    when    = user.name == "mallory"
    message = "Mallory is not let in here."
  }
}
policy "strong" {
  allow "employee" { when = in_group("staff") }
  require { acr = ["phr"] }
}
policy "anybody" {
  allow "whoever is signed in" { when = true }
}
policy "device" {
  allow "of ours" { when = certificate.valid && has(certificate.san_uri, "spiffe://test/Ours") }
}
policy "recent" {
  allow "employee" { when = in_group("staff") }
  require { max_age = "20s" }
}
`

func loadPolicies(t testing.TB) *policy.Set {
	t.Helper()
	file, diags := hclparse.NewParser().ParseHCL([]byte(testPolicies), "policies.hcl")
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	content, diags := file.Body.Content(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "policy", LabelNames: []string{"name"}}}})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	set, diags := policy.Load(content.Blocks, policy.Options{})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return set
}

// template is a header value.
func template(t testing.TB, text string) *policy.Template {
	t.Helper()
	expr, diags := hclsyntax.ParseExpression([]byte(text), "template", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	made, diags := policy.NewTemplate(expr, policy.Options{})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return made
}

// testPatience is how long tests wait for what has to come, and no promise is about when: a machine may be slow, and do much
// else.
const testPatience = 3 * time.Minute

// newWorld opens the door to applications: "wiki" is for staff, "open" for everyone, "any" for whoever is signed in.
// change may change the configuration first.
func newWorld(t testing.TB, app http.Handler, change ...func(*config.Config)) *world {
	t.Helper()
	if test, ok := t.(*testing.T); ok {
		test.Parallel()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 2*testPatience)
	t.Cleanup(cancel)
	upstream := httptest.NewServer(app)
	t.Cleanup(upstream.Close)
	w := &world{t: t, ctx: ctx, provider: newProvider(t), registry: prometheus.NewRegistry(), log: &lines{}}
	to := []string{upstream.URL}
	identity := []config.HeaderValue{{Name: "X-Forwarded-Email", Value: template(t, "user.email")}, {Name: "Remote-User", Value: template(t, "user.name")}}
	w.config = &config.Config{
		Cluster:      config.Cluster{MaxStaleness: 15 * time.Second},
		Listeners:    []config.Listener{{Name: "main", Address: "127.0.0.1:0", HeaderTimeout: 5 * time.Second, HeaderBytes: 64 << 10}},
		Telemetry:    config.Telemetry{AccessLog: true},
		Authenticate: config.Authenticate{URL: origin("auth.test")},
		Identities:   []config.Identity{w.provider.identity()},
		Session:      config.Session{Lifetime: time.Hour, SameSite: "lax"},
		Policies:     loadPolicies(t),
		Routes: []config.Route{
			{
				Name: "wiki", From: origin("wiki.test"), Prefix: "/", To: to, Policies: []string{"staff"}, WebSocket: true, Timeout: time.Minute,
				Assertion:       config.Assertion{Header: "X-Picket-Jwt-Assertion", Claims: []string{"email"}, Audience: "wiki.test", Lifetime: 5 * time.Minute},
				IdentityHeaders: identity,
			},
			{Name: "open", From: origin("open.test"), Prefix: "/", To: to, Access: config.Public, Timeout: time.Minute, IdentityHeaders: identity},
			{Name: "any", From: origin("*.any.test"), Prefix: "/app", To: to, Access: config.AnyUser, Host: "preserve"},
		},
	}
	for _, f := range change {
		f(w.config)
	}
	w.open()
	return w
}

func (w *world) open() {
	w.t.Helper()
	var err error
	w.broker, err = broker.New(broker.Options{
		Cluster: "t", Node: "n1", Secrets: [][]byte{[]byte(strings.Repeat("s", 32))}, Log: zerolog.Nop(),
		MaxStaleness: w.config.Cluster.MaxStaleness,
	})
	w.must(err)
	w.must(w.broker.Open(w.ctx))
	w.t.Cleanup(func() { _ = w.broker.Close(context.Background()) })
	w.running(w.broker.Run)
	w.authn, err = authn.New(authn.Options{Config: w.config, Broker: w.broker, Log: zerolog.Nop()})
	w.must(err)
	w.must(w.authn.Open(w.ctx))
	w.running(w.authn.Run)
	w.door, err = New(Options{
		Parts: w.parts(w.config), Node: "n1", Fresh: w.broker.Fresh, Drain: 2 * time.Second, Grace: 10 * time.Second, Log: zerolog.New(w.log), Registry: w.registry,
	})
	w.must(err)
	w.must(w.door.Open(w.ctx))
	w.address = w.door.Addresses()[0]
	w.stop = w.running(w.door.Run)
	w.until("the node is fresh", w.broker.Fresh)
}

// parts are what a configuration becomes.
func (w *world) parts(c *config.Config) Parts {
	known, err := w.authn.With(c)
	w.must(err)
	return Parts{
		Config: c, Authn: known, Authz: authz.New(authz.Options{Policies: c.Policies, Log: zerolog.Nop()}),
		Pages: http.HandlerFunc(page), Refuse: refusePlainly,
	}
}

// page tells what our own pages are given.
func page(w http.ResponseWriter, r *http.Request) {
	if status, err := strconv.Atoi(r.URL.Query().Get("status")); err == nil { // that the test wants
		w.WriteHeader(status)
	}
	reply(w, map[string]any{
		"page": r.URL.Path, "query": r.URL.RawQuery, "host": r.Host, "address": r.RemoteAddr, "id": r.Header.Get("X-Request-Id"),
		"cookie": r.Header.Get("Cookie"), "forged": r.Header.Get("X-Picket-User"),
	})
}

// refusePlainly answers with the refusal as JSON.
func refusePlainly(w http.ResponseWriter, r *http.Request, f authz.Refusal) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(f.Status)
	_ = json.NewEncoder(w).Encode(f)
}

// running runs f until the test ends or the function that it gives is called.
func (w *world) running(f func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var group errgroup.Group
	group.Go(func() error { return f(ctx) })
	stop = sync.OnceFunc(func() {
		cancel()
		if err := group.Wait(); err != nil {
			w.t.Errorf("running: %v", err)
		}
	})
	w.t.Cleanup(stop)
	return stop
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
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
			w.t.Fatalf("not within %s: %s", testPatience, what)
		}
	}
}

// signIn signs a person in and gives the session cookie of a host, NAME=VALUE.
func (w *world) signIn(person string, o config.Origin, route string) string {
	w.t.Helper()
	return w.stepUp(person, o, route, nil)
}

// stepUp is signIn for a policy that requires more.
func (w *world) stepUp(person string, o config.Origin, route string, need *policy.Requirement) string {
	w.t.Helper()
	bindings := map[config.Origin]string{}
	step, err := w.authn.Begin(authn.BeginRequest{Origin: o, ReturnTo: "/", Route: route, Need: need})
	w.must(err)
	bindings[o] = w.cookie(step, authn.BindingName(o))
	sso := w.config.Authenticate.URL
	step, err = w.authn.SignIn(w.ctx, authn.SignInRequest{Sealed: w.query(step.Redirect).Get("request")})
	w.must(err)
	bindings[sso] = w.cookie(step, authn.BindingName(sso))
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Get(step.Redirect + "&person=" + person)
	w.must(err)
	_ = res.Body.Close()
	step, err = w.authn.Callback(w.ctx, authn.CallbackRequest{Query: w.query(res.Header.Get("Location")), Binding: bindings[sso]})
	w.must(err)
	step, err = w.authn.Redeem(w.ctx, authn.RedeemRequest{Origin: o, Code: w.query(step.Redirect).Get("code"), Binding: bindings[o]})
	w.must(err)
	return authn.CookieName(o) + "=" + w.cookie(step, authn.CookieName(o))
}

func (w *world) cookie(step authn.Step, name string) string {
	w.t.Helper()
	for _, c := range step.Cookies {
		if c.Name == name {
			return c.Value
		}
	}
	w.t.Fatalf("no cookie %s in %+v", name, step)
	return ""
}

func (w *world) query(address string) url.Values {
	w.t.Helper()
	u, err := url.Parse(address)
	w.must(err)
	return u.Query()
}

// session is the id of the only session.
func (w *world) session() string {
	w.t.Helper()
	all, err := w.authn.Sessions(w.ctx, "")
	w.must(err)
	if len(all) != 1 {
		w.t.Fatalf("%d sessions", len(all))
	}
	return all[0].ID
}

// ask sends a request as it stands to the door, over a connection of its own, and gives the whole answer. Lines end with
// a newline in lines, and with CR LF on the wire.
func (w *world) ask(lines string) *http.Response {
	w.t.Helper()
	return w.raw(strings.ReplaceAll(lines, "\n", "\r\n"))
}

// raw is ask for bytes.
func (w *world) raw(request string) *http.Response {
	w.t.Helper()
	conn := w.dial()
	_, err := conn.Write([]byte(request))
	w.must(err)
	return w.read(conn)
}

func (w *world) dial() net.Conn {
	w.t.Helper()
	conn, err := net.Dial("tcp", w.address)
	w.must(err)
	w.t.Cleanup(func() { _ = conn.Close() })
	w.must(conn.SetDeadline(time.Now().Add(testPatience)))
	return conn
}
