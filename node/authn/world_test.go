package authn

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"picket/broker"
	"picket/node/config"
)

// The hosts of the tests' cluster.
var (
	authHost = config.Origin{Scheme: "https", Host: "auth.example.com"}
	wikiHost = config.Origin{Scheme: "https", Host: "wiki.example.com"}
	gitHost  = config.Origin{Scheme: "https", Host: "git.example.com", Port: "8443"}
	appHost  = config.Origin{Scheme: "https", Host: "one.apps.example.com"}
)

// testPatience is how long tests wait for what has to come, and no promise is about when: a machine may be slow, and do much
// else.
const testPatience = 3 * time.Minute

// clock is a clock that tests move on.
type clock struct {
	mu    sync.Mutex
	by    time.Duration
	stood time.Time // when it stopped; zero: it runs
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.stood.IsZero() {
		return c.stood.Add(c.by)
	}
	return time.Now().Add(c.by)
}

// stand has the clock move only when a test says so, whatever time the test itself takes.
func (c *clock) stand() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stood = time.Now()
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.by += d
}

// world is a cluster of one node with its identity provider, and whoever visits it.
type world struct {
	*Authn
	t      *testing.T
	ctx    context.Context
	clock  *clock
	idp    *idp
	broker *broker.Broker
	config *config.Config
	stop   context.CancelFunc
}

// newWorld starts a broker and an Authn; change may change the configuration first.
func newWorld(t *testing.T, change ...func(*config.Config)) *world {
	t.Helper()
	return newWorldOn(t, broker.Options{}, change...)
}

// newWorldOn is newWorld on a broker with these options.
func newWorldOn(t *testing.T, o broker.Options, change ...func(*config.Config)) *world {
	t.Helper()
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 2*testPatience)
	w := &world{t: t, ctx: ctx, clock: &clock{}, stop: cancel}
	w.idp = newIDP(t, w.clock.Now)
	w.config = &config.Config{
		Authenticate: config.Authenticate{URL: authHost},
		Identities:   []config.Identity{w.idp.identity("corp")},
		Session:      config.Session{Lifetime: 14 * time.Hour, SameSite: "lax"},
		Routes: []config.Route{
			{Name: "wiki", From: wikiHost, Prefix: "/"},
			{Name: "git", From: gitHost, Prefix: "/"},
			{Name: "apps", From: config.Origin{Scheme: "https", Host: "*.apps.example.com"}, Prefix: "/"},
		},
	}
	for _, f := range change {
		f(w.config)
	}
	w.broker = startBroker(t, ctx, o)
	w.Authn = w.node()
	return w
}

// startBroker starts a broker, of node n1 unless the options say otherwise.
func startBroker(t *testing.T, ctx context.Context, o broker.Options) *broker.Broker {
	t.Helper()
	o.Cluster, o.Node, o.Secrets, o.Log = "t", cmp.Or(o.Node, "n1"), [][]byte{[]byte(strings.Repeat("s", 32))}, zerolog.Nop()
	b, err := broker.New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Open(ctx); err != nil {
		t.Fatal(err)
	}
	running(t, b.Run)
	t.Cleanup(func() { _ = b.Close(context.Background()) })
	return b
}

// running runs f until the test ends.
func running(t *testing.T, f func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return f(ctx) })
	t.Cleanup(func() {
		cancel()
		if err := group.Wait(); err != nil {
			t.Errorf("running: %v", err)
		}
	})
}

// node starts one more Authn on the same store.
func (w *world) node() *Authn {
	w.t.Helper()
	return w.nodeOn(w.broker)
}

// nodeOn starts one more Authn on a broker of the cluster.
func (w *world) nodeOn(b *broker.Broker) *Authn {
	w.t.Helper()
	a, err := New(Options{Config: w.config, Broker: b, Now: w.clock.Now, Log: zerolog.Nop()})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := a.Open(w.ctx); err != nil {
		w.t.Fatal(err)
	}
	running(w.t, a.Run)
	w.until("the node is fresh", b.Fresh)
	return a
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

// browser keeps cookies, by origin and name.
type browser struct {
	w       *world
	person  string
	cookies map[string]string
}

func (w *world) browser(person string) *browser {
	return &browser{w: w, person: person, cookies: map[string]string{}}
}

func (b *browser) take(o config.Origin, cookies []Cookie) {
	for _, c := range cookies {
		if !c.Expires.IsZero() && c.Expires.Before(b.w.clock.Now()) {
			delete(b.cookies, o.String()+" "+c.Name)
			continue
		}
		b.cookies[o.String()+" "+c.Name] = c.Value
	}
}

func (b *browser) session(o config.Origin) string { return b.cookies[o.String()+" "+CookieName(o)] }
func (b *browser) binding(o config.Origin) string { return b.cookies[o.String()+" "+BindingName(o)] }

// begin visits a page that needs a session, and gives the sealed request with which the authenticate host is asked.
func (b *browser) begin(o config.Origin, route, page string) (request string) {
	b.w.t.Helper()
	step, err := b.w.Begin(BeginRequest{Origin: o, ReturnTo: page, Route: route, Binding: b.binding(o)})
	if err != nil {
		b.w.t.Fatalf("beginning: %v", err)
	}
	b.take(o, step.Cookies)
	return query(b.w.t, step.Redirect).Get("request")
}

// signIn asks the authenticate host.
func (b *browser) signIn(request, identity string) (Step, error) {
	step, err := b.w.SignIn(b.w.ctx, SignInRequest{
		Sealed: request, Cookie: b.session(authHost), Binding: b.binding(authHost), Identity: identity,
	})
	b.take(authHost, step.Cookies)
	return step, err
}

// atProvider signs in at the provider and gives what it sends back.
func (b *browser) atProvider(authorization string) url.Values {
	b.w.t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Get(authorization + "&person=" + b.person)
	if err != nil {
		b.w.t.Fatalf("at the provider: %v", err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusFound {
		b.w.t.Fatalf("at the provider: %s", resp.Status)
	}
	return query(b.w.t, resp.Header.Get("Location"))
}

// callback comes back from the provider.
func (b *browser) callback(q url.Values) (Step, error) {
	step, err := b.w.Callback(b.w.ctx, CallbackRequest{
		Query: q, Binding: b.binding(authHost), Cookie: b.session(authHost), Address: "192.0.2.1", UserAgent: "test",
	})
	b.take(authHost, step.Cookies)
	return step, err
}

// redeem brings a code to a route host.
func (b *browser) redeem(o config.Origin, code string) (Step, error) {
	step, err := b.w.Redeem(b.w.ctx, RedeemRequest{Origin: o, Code: code, Binding: b.binding(o)})
	b.take(o, step.Cookies)
	return step, err
}

// toCallback goes as far as the provider's answer.
func (b *browser) toCallback(o config.Origin, route, page string) url.Values {
	b.w.t.Helper()
	step, err := b.signIn(b.begin(o, route, page), "")
	if err != nil {
		b.w.t.Fatalf("signing in: %v", err)
	}
	return b.atProvider(step.Redirect)
}

// toCode goes as far as the hand-over code.
func (b *browser) toCode(o config.Origin, route, page string) string {
	b.w.t.Helper()
	step, err := b.callback(b.toCallback(o, route, page))
	if err != nil {
		b.w.t.Fatalf("calling back: %v", err)
	}
	return query(b.w.t, step.Redirect).Get("code")
}

// visit goes all the way, and gives where it ends.
func (b *browser) visit(o config.Origin, route, page string) string {
	b.w.t.Helper()
	step, err := b.redeem(o, b.toCode(o, route, page))
	if err != nil {
		b.w.t.Fatalf("redeeming: %v", err)
	}
	return step.Redirect
}

// who asks whose the browser's request is. A node that could not tell in time, as on a machine that does much else, is asked again,
// unless it is the provider that is silent.
func (b *browser) who(o config.Origin) (c Caller, got Answer) {
	for end := time.Now().Add(testPatience); ; time.Sleep(10 * time.Millisecond) {
		c, got = b.w.Identify(b.w.ctx, o, b.session(o), nil)
		if got != Unknown || c.Doubt == ProviderSilent || time.Now().After(end) {
			return c, got
		}
	}
}

// is fails the test unless the answer for the browser's cookie is this.
func (b *browser) is(o config.Origin, want Answer) {
	b.w.t.Helper()
	_, got := b.w.Identify(b.w.ctx, o, b.session(o), nil)
	for end := time.Now().Add(testPatience); got == Unknown && want != Unknown && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
		_, got = b.w.Identify(b.w.ctx, o, b.session(o), nil)
	}
	if got != want {
		b.w.t.Fatalf("%s at %s: got %v, want %v", b.person, o, got, want)
	}
}

func query(t *testing.T, address string) url.Values {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

// cutOff is a broker that runs until stop is called: then nothing proves it fresh any more, two seconds later.
func cutOff(t *testing.T, w *world) (b *broker.Broker, stop func()) {
	t.Helper()
	b, err := broker.New(broker.Options{
		Cluster: "late", Node: "n1", Secrets: [][]byte{[]byte(strings.Repeat("s", 32))}, Log: zerolog.Nop(), MaxStaleness: 2 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Open(w.ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close(context.Background()) })
	ctx, cancel := context.WithCancel(context.Background())
	var group errgroup.Group
	group.Go(func() error { return b.Run(ctx) })
	stop = sync.OnceFunc(func() {
		cancel()
		if err := group.Wait(); err != nil {
			t.Errorf("running: %v", err)
		}
	})
	t.Cleanup(stop)
	return b, stop
}
