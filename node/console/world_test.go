package console

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"picket/broker"
	"picket/cmd/picket/dev"
	"picket/node/authn"
	"picket/node/config"
)

// world is one node without its door, an identity provider, and a wiki and a chat behind them.
type world struct {
	t        *testing.T
	console  *Console
	authn    *authn.Authn
	config   *config.Config
	broker   *broker.Broker
	provider *httptest.Server
	server   *httptest.Server
	port     string
	log      *journal
	ahead    atomic.Int64 // by which the clock is moved on
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

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// newWorld starts everything; change may change the configuration first.
func newWorld(t *testing.T, change ...func(*config.Config)) *world {
	t.Helper()
	w := &world{t: t, log: &journal{}}
	w.server = httptest.NewServer(http.HandlerFunc(w.door))
	t.Cleanup(w.server.Close)
	_, w.port, _ = net.SplitHostPort(w.server.Listener.Addr().String())
	w.startProvider()
	w.config = w.configuration()
	for _, f := range change {
		f(w.config)
	}
	w.startBroker()
	log := zerolog.New(w.log)
	var err error
	if w.authn, err = authn.New(authn.Options{Config: w.config, Broker: w.broker, Now: w.now, Log: log}); err != nil {
		t.Fatal(err)
	}
	if err := w.authn.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.running(w.authn.Run)
	if w.console, err = New(Options{Config: w.config, Authn: w.authn, Log: log, Now: w.now}); err != nil {
		t.Fatal(err)
	}
	w.until("the node is fresh", w.broker.Fresh)
	return w
}

func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }

func (w *world) origin(name string) config.Origin {
	return config.Origin{Scheme: "http", Host: name + ".localhost", Port: w.port}
}

func (w *world) configuration() *config.Config {
	return &config.Config{
		Authenticate: config.Authenticate{URL: w.origin("auth")},
		Identities: []config.Identity{{
			Name: "corp", Kind: "oidc", Issuer: w.provider.URL, ClientID: "picket", ClientSecret: "secret", InsecureHTTP: true,
			Scopes: []string{"openid", "profile", "email"}, GroupsClaim: "groups", Logout: []string{"rp_initiated"},
		}},
		Session: config.Session{Lifetime: 14 * time.Hour, SameSite: "lax"},
		Routes: []config.Route{
			{Name: "wiki", From: w.origin("wiki"), Prefix: "/", Access: config.AnyUser},
			{Name: "handbook", From: w.origin("wiki"), Prefix: "/handbook/", Access: config.AnyUser},
			{Name: "teams", From: w.origin("*.teams"), Prefix: "/", Access: config.AnyUser},
		},
	}
}

func (w *world) startProvider() {
	w.t.Helper()
	w.provider = httptest.NewUnstartedServer(nil)
	auth := w.origin("auth").String()
	p, err := dev.NewProvider(dev.ProviderOptions{
		Issuer:   "http://" + w.provider.Listener.Addr().String(),
		ClientID: "picket", ClientSecret: "secret",
		RedirectURIs: []string{auth + "/.picket/callback"}, PostLogoutRedirectURIs: []string{auth + "/.picket/signed_out"},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.provider.Config.Handler = p
	w.provider.Start()
	w.t.Cleanup(w.provider.Close)
}

func (w *world) startBroker() {
	w.t.Helper()
	var err error
	w.broker, err = broker.New(broker.Options{
		Cluster: "t", Node: "n1", Secrets: [][]byte{bytes.Repeat([]byte("s"), 32)}, Log: zerolog.Nop(),
		MaxStaleness: w.config.Cluster.MaxStaleness,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.broker.Open(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	w.running(w.broker.Run)
	w.t.Cleanup(func() { _ = w.broker.Close(context.Background()) })
}

// running runs f until the test ends.
func (w *world) running(f func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return f(ctx) })
	w.t.Cleanup(func() {
		cancel()
		_ = group.Wait() // a broker that a test has closed complains
	})
}

// until waits for something to become true.
func (w *world) until(what string, ok func() bool) {
	w.t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(3 * time.Minute)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			w.t.Fatalf("not within 3 minutes: %s", what)
		}
	}
}

// door does what the console leaves to the door: a request id, and an application behind.
func (w *world) door(out http.ResponseWriter, r *http.Request) {
	r.Header.Set("X-Request-Id", "req-1")
	if strings.HasPrefix(r.URL.Path, "/.picket/") || strings.HasPrefix(r.URL.Path, "/.well-known/picket/") {
		w.console.ServeHTTP(out, r)
		return
	}
	_, _ = io.WriteString(out, "the application at "+r.URL.RequestURI())
}

// browser is a visitor who keeps cookies and knows who to be.
type browser struct {
	w      *world
	client *http.Client
}

func (w *world) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	home := w.server.Listener.Addr().String()
	dialer := net.Dialer{}
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		if strings.Contains(address, "localhost:") {
			address = home
		}
		return dialer.DialContext(ctx, network, address)
	}}
	w.t.Cleanup(transport.CloseIdleConnections)
	return &browser{w: w, client: &http.Client{Jar: jar, Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}}
}

// page is an answer, read.
type page struct {
	status int
	header http.Header
	body   string
	url    *url.URL
}

// send makes one request as a browser that navigates does; fields are names and values that differ.
func (b *browser) send(method, address string, form url.Values, fields ...string) page {
	b.w.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(b.w.t.Context(), method, address, body)
	if err != nil {
		b.w.t.Fatal(err)
	}
	req.Header.Set("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
	req.Header.Set("User-Agent", "test browser")
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(fields); i += 2 {
		req.Header.Set(fields[i], fields[i+1])
	}
	res, err := b.client.Do(req)
	if err != nil {
		b.w.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		b.w.t.Fatal(err)
	}
	return page{res.StatusCode, res.Header, string(text), req.URL}
}

func (b *browser) get(address string, fields ...string) page {
	b.w.t.Helper()
	return b.send(http.MethodGet, address, nil, fields...)
}

// next is where an answer leads by itself; "" nowhere.
func (p page) next() string {
	to := p.header.Get("Location")
	if to == "" {
		_, to, _ = strings.Cut(p.header.Get("Refresh"), "url=")
	}
	if to == "" {
		return ""
	}
	u, err := p.url.Parse(to)
	if err != nil {
		return ""
	}
	return u.String()
}

// follow goes where answers lead until there is a page, or until the next address holds stop.
func (b *browser) follow(p page, stop string) page {
	b.w.t.Helper()
	for range 12 {
		next := p.next()
		if next == "" || stop != "" && strings.Contains(next, stop) {
			return p
		}
		p = b.get(next)
	}
	b.w.t.Fatalf("too many redirects, at last %s", p.url)
	return p
}

// pick presses the button of a person on the provider's page.
func (b *browser) pick(p page, name, value string) page {
	b.w.t.Helper()
	_, rest, ok := strings.Cut(p.body, `name="request" value="`)
	if !ok {
		b.w.t.Fatalf("want the provider's page, got %d at %s:\n%s", p.status, p.url, p.body)
	}
	request, _, _ := strings.Cut(rest, `"`)
	return b.send(http.MethodPost, b.w.provider.URL+"/login", url.Values{"request": {request}, name: {value}})
}

// signIn goes all the way from a host to the page that is asked for.
func (b *browser) signIn(host, back, person string) page {
	b.w.t.Helper()
	p := b.follow(b.get(b.w.origin(host).String()+"/.picket/sign_in?return="+url.QueryEscape(back)), "")
	if p.url.Host == b.w.provider.Listener.Addr().String() {
		p = b.follow(b.pick(p, "person", person), "")
	}
	return p
}
