package proxy

import (
	"bufio"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pires/go-proxyproto"

	"picket/examples/ports"
	"picket/node/config"
)

// mortal is an application that dies, with all its connections, and rises again at the same address.
type mortal struct {
	t       *testing.T
	address string
	status  atomic.Int64 // that it answers with; 0: 200
	asked   atomic.Int64

	mu     sync.Mutex
	server *http.Server // guarded by mu
}

func newMortal(t *testing.T) *mortal {
	t.Helper()
	m := &mortal{t: t, address: ports.One(t)}
	m.rise()
	t.Cleanup(m.die)
	return m
}

func (m *mortal) rise() {
	m.t.Helper()
	l, err := net.Listen("tcp", m.address)
	if err != nil {
		m.t.Fatal(err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.server = &http.Server{Handler: m, ErrorLog: log.New(io.Discard, "", 0)}
	server := m.server
	go func() { _ = server.Serve(l) }()
}

func (m *mortal) die() {
	m.mu.Lock()
	defer m.mu.Unlock()
	_ = m.server.Close()
}

func (m *mortal) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.asked.Add(1)
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("X-From", m.address)
	if status := m.status.Load(); status != 0 {
		w.WriteHeader(int(status))
	}
	_, _ = w.Write(body)
}

// before leads the route "open" to these applications.
func before(settings config.Upstream, apps ...*mortal) func(*config.Config) {
	return func(c *config.Config) {
		c.Routes[1].To, c.Routes[1].Upstream = nil, settings
		for _, m := range apps {
			c.Routes[1].To = append(c.Routes[1].To, "http://"+m.address)
		}
	}
}

// send asks the route "open" by a client of its own.
func (w *world) send(client *http.Client, method, id, body string) (*http.Response, string, error) {
	var from io.Reader
	if body != "" {
		from = strings.NewReader(body)
	}
	r, err := http.NewRequest(method, "http://"+w.address+"/x", from)
	if err != nil {
		return nil, "", err
	}
	r.Host = "open.test"
	r.Header.Set("X-Test", id)
	res, err := client.Do(r)
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return res, string(text), err
}

// one is send for a request that has to be answered.
func (w *world) one(method, body string) (*http.Response, string) {
	w.t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, text, err := w.send(client, method, "one", body)
	w.must(err)
	return res, text
}

// crowd asks on and on, with and without bodies. What fails is told by its X-Test.
type crowd struct {
	end    chan struct{}
	all    sync.WaitGroup
	served atomic.Int64

	mu     sync.Mutex
	failed map[string]failure // guarded by mu
}

// failure is a request that was not answered as it is to be.
type failure struct {
	method       string
	began, ended time.Time
	what         string
}

func (w *world) crowd(methods ...string) *crowd {
	c := &crowd{end: make(chan struct{}), failed: map[string]failure{}}
	for n := range 8 {
		client := &http.Client{Transport: &http.Transport{}}
		w.t.Cleanup(client.CloseIdleConnections)
		c.all.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-c.end:
					return
				default:
				}
				id, method, body := fmt.Sprint(n, "-", i), methods[i%len(methods)], ""
				if method == http.MethodPost {
					body = id
				}
				began := time.Now()
				res, text, err := w.send(client, method, id, body)
				if err == nil && res.StatusCode == http.StatusOK && text == body {
					c.served.Add(1)
					continue
				}
				c.mu.Lock()
				c.failed[id] = failure{method, began, time.Now(), fmt.Sprint(res, " ", err)}
				c.mu.Unlock()
			}
		})
	}
	return c
}

// goesOn waits until some more were served.
func (c *crowd) goesOn(w *world, n int64) {
	w.t.Helper()
	want := c.served.Load() + n
	w.until("the crowd is served", func() bool { return c.served.Load() >= want })
}

func TestAnApplicationThatDiesUnderLoadFailsNothingButWhatItHad(t *testing.T) {
	a, b := newMortal(t), newMortal(t)
	w := newWorld(t, http.HandlerFunc(mirror), before(config.Upstream{}, a, b))
	c := w.crowd(http.MethodGet, http.MethodPost, http.MethodDelete)
	c.goesOn(w, 300)
	var deaths [5][2]time.Time
	for i := range deaths {
		deaths[i][0] = time.Now()
		a.die()
		deaths[i][1] = time.Now()
		c.goesOn(w, 300)
		a.rise()
		seen := a.asked.Load()
		w.until("the one that is back is asked", func() bool { return a.asked.Load() > seen })
		c.goesOn(w, 300)
	}
	close(c.end)
	c.all.Wait()
	for id, f := range c.failed {
		under := false // way, when it died
		for _, death := range deaths {
			under = under || f.began.Before(death[1]) && f.ended.After(death[0])
		}
		if !under {
			t.Errorf("%s was not under way to the one that died, and failed: %+v", id, f)
		}
	}
	if len(c.failed) > 8*len(deaths) {
		t.Errorf("%d failed, more than were under way", len(c.failed))
	}
	t.Logf("%d served, %d failed that the dead one had", c.served.Load(), len(c.failed))
}

func TestWithRetriesEvenWhatTheDeadOneHadIsAnswered(t *testing.T) {
	a, b := newMortal(t), newMortal(t)
	retry := config.Retry{Attempts: 2, On: []string{"connect", "reset"}}
	w := newWorld(t, http.HandlerFunc(mirror), before(config.Upstream{Retry: retry}, a, b))
	c := w.crowd(http.MethodGet, http.MethodDelete)
	for range 5 {
		c.goesOn(w, 200)
		a.die()
		c.goesOn(w, 200)
		a.rise()
	}
	close(c.end)
	c.all.Wait()
	if len(c.failed) > 5*budgetOf8 { // in one moment, more may break than may be sent again
		t.Errorf("%d of %d failed: %v", len(c.failed), c.served.Load(), c.failed)
	}
}

// budgetOf8 is how many of eight requests under way cannot be sent again at once: the budget is three.
const budgetOf8 = 5

func TestWeightsChangeUnderLoadAndNothingFails(t *testing.T) {
	a, b := newMortal(t), newMortal(t)
	w := newWorld(t, http.HandlerFunc(mirror), before(config.Upstream{Weights: []int{1, 1}}, a, b))
	c := w.crowd(http.MethodGet, http.MethodPost)
	for i := range 10 {
		c.goesOn(w, 50)
		w.use(func(c *config.Config) {
			c.Routes[1].Upstream.Weights = [][]int{{1, 0}, {0, 1}, {3, 1}}[i%3]
			c.Routes[1].Upstream.Balance = []string{"", "least_request", "hash", "random"}[i%4]
		})
	}
	w.use(func(c *config.Config) { c.Routes[1].Upstream = config.Upstream{Weights: []int{1, 0}} })
	c.goesOn(w, 50)
	none := b.asked.Load()
	c.goesOn(w, 50)
	close(c.end)
	c.all.Wait()
	if len(c.failed) > 0 {
		t.Errorf("%d failed: %v", len(c.failed), c.failed)
	}
	if b.asked.Load() != none {
		t.Error("one of weight 0 was asked")
	}
}

func TestABodyGoesToSomebodyElseAsLongAsNobodyHadAnyOfIt(t *testing.T) {
	a, dead := newMortal(t), newMortal(t)
	dead.die()
	w := newWorld(t, http.HandlerFunc(mirror), before(config.Upstream{}, dead, a))
	for range 4 {
		w.use(func(c *config.Config) { c.Routes[1].Name += "+" }) // another route: nothing is known of who is dead
		if res, text := w.one(http.MethodPost, "a body"); res.StatusCode != http.StatusOK || text != "a body" {
			t.Errorf("%s %q", res.Status, text)
		}
	}
	if dead.asked.Load() != 0 || a.asked.Load() != 4 {
		t.Errorf("the dead one had %d, the other %d", dead.asked.Load(), a.asked.Load())
	}
}

func TestABodyGoesOnAfterSomebodyElseBeganToAnswerIt(t *testing.T) {
	dead := newMortal(t)
	dead.die()
	talks := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out := http.NewResponseController(w)
		_ = out.EnableFullDuplex()
		part, n, err := make([]byte, 4), 0, error(nil)
		for ; err == nil; n, err = io.ReadFull(r.Body, part) {
			_, _ = w.Write(part[:n])
			_ = out.Flush()
		}
	}))
	t.Cleanup(talks.Close)
	w := newWorld(t, http.HandlerFunc(mirror), func(c *config.Config) {
		c.Routes[1].To, c.Routes[1].Upstream = []string{"http://" + dead.address, talks.URL}, config.Upstream{}
	})
	conn := w.dial()
	_, err := io.WriteString(conn, "POST /x HTTP/1.1\r\nHost: open.test\r\nContent-Length: 12\r\n\r\n")
	w.must(err)
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	w.must(err)
	for _, part := range []string{"one.", "two.", "end."} {
		_, err := io.WriteString(conn, part)
		w.must(err)
		heard := make([]byte, len(part))
		if _, err := io.ReadFull(res.Body, heard); err != nil || string(heard) != part {
			t.Fatalf("said %q, heard %q: %v", part, heard, err)
		}
	}
}

func TestAnAnswerThatIsAskedForAgainIsPassedOnOnce(t *testing.T) {
	a, b := newMortal(t), newMortal(t)
	a.status.Store(http.StatusServiceUnavailable)
	retry := config.Retry{Attempts: 1, On: []string{"503"}}
	w := newWorld(t, http.HandlerFunc(mirror), before(config.Upstream{Retry: retry}, a, b))
	for range 6 {
		if res, _ := w.one(http.MethodGet, ""); res.StatusCode != http.StatusOK || len(res.Header.Values("X-From")) != 1 {
			t.Errorf("%s from %v", res.Status, res.Header.Values("X-From"))
		}
	}
	for range 2 { // one of them begins with the one that does not
		res, _ := w.one(http.MethodPost, "x")
		t.Log(res.Status)
	}
	b.status.Store(http.StatusServiceUnavailable)
	was := a.asked.Load() + b.asked.Load()
	if res, _ := w.one(http.MethodGet, ""); res.StatusCode != http.StatusServiceUnavailable || a.asked.Load()+b.asked.Load() != was+2 {
		t.Errorf("where all say no: %s after %d", res.Status, a.asked.Load()+b.asked.Load()-was)
	}
	if w.counter("picket_upstream_retries_total") < 4 {
		t.Errorf("%v retries are counted", w.counter("picket_upstream_retries_total"))
	}
}

// counter is the sum of a counter over its labels.
func (w *world) counter(name string) (sum float64) {
	w.t.Helper()
	families, err := w.registry.Gather()
	w.must(err)
	for _, f := range families {
		if f.GetName() == name {
			for _, m := range f.Metric {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

// Whoever sends nonsense may not have an application left alone for it.
func TestWhatClientsDoIsNotHeldAgainstAnApplication(t *testing.T) {
	a, b := newMortal(t), newMortal(t)
	outliers := config.Outliers{Errors: 1, Window: time.Minute, Eject: time.Hour, MaxEjected: 50}
	w := newWorld(t, http.HandlerFunc(mirror), before(config.Upstream{Outliers: outliers}, a, b))
	for range 4 {
		res := w.ask("POST /x HTTP/1.1\nHost: open.test\nTransfer-Encoding: chunked\n\nnonsense\n")
		if res.StatusCode != http.StatusBadRequest {
			t.Errorf("a malformed body: %s", res.Status)
		}
		conn := w.dial()
		_, err := io.WriteString(conn, "POST /x HTTP/1.1\r\nHost: open.test\r\nContent-Length: 10\r\n\r\nhalf")
		w.must(err)
		w.must(conn.Close())
	}
	w.until("all are over", func() bool { return w.gauge("picket_open_streams") == 0 })
	if n := w.counter("picket_upstream_ejected") + w.counter("picket_upstream_failures_total"); n != 0 {
		t.Errorf("%v are held against applications", n)
	}
	a.status.Store(http.StatusBadGateway)
	w.until("errors of its own are", func() bool {
		w.one(http.MethodGet, "")
		return w.counter("picket_upstream_ejected") == 1
	})
	if s := w.door.Upstreams()[1]; s.Route != "open" || s.Upstream != "http://"+a.address || s.Ejected.IsZero() {
		t.Errorf("the status is %+v", s)
	}
}

func TestBeyondItsCircuitARequestWaitsOrIsTurnedAway(t *testing.T) {
	let, under := make(chan struct{}), atomic.Int64{}
	w := newWorld(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		under.Add(1)
		<-let
	}), func(c *config.Config) {
		c.Routes[1].Upstream.Circuit = config.Circuit{Requests: 2, Pending: 1, Wait: testPatience}
	})
	statuses := make(chan int, 3)
	for range 3 {
		go func() {
			res, _, err := w.send(http.DefaultClient, http.MethodGet, "", "")
			if err != nil {
				t.Error(err)
				statuses <- 0
				return
			}
			statuses <- res.StatusCode
		}()
	}
	w.until("two are asked, and one waits", func() bool { return under.Load() == 2 && w.gauge("picket_open_streams") == 3 })
	w.until("more are turned away", func() bool {
		res, text := w.one(http.MethodGet, "")
		return res.StatusCode == http.StatusServiceUnavailable && strings.Contains(text, "upstream_full")
	})
	close(let)
	for range 3 {
		if status := <-statuses; status != http.StatusOK {
			t.Errorf("one that had a place, or waited for it: %d", status)
		}
	}
}

func TestApplicationsAtSocketsAndBehindTLSOfTheirOwn(t *testing.T) {
	who := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = fmt.Fprint(w, r.Proto, " ", r.Host) })
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	plain := &http.Server{Handler: who, Protocols: new(http.Protocols)}
	plain.Protocols.SetHTTP1(true)
	plain.Protocols.SetUnencryptedHTTP2(true)
	go func() { _ = plain.Serve(l) }()
	t.Cleanup(func() { _ = plain.Close() })
	secure := httptest.NewUnstartedServer(who)
	secure.EnableHTTP2 = true
	secure.StartTLS()
	t.Cleanup(secure.Close)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})
	w := newWorld(t, http.HandlerFunc(mirror))
	for _, c := range []struct {
		to, want string
		tls      config.UpstreamTLS
	}{
		{"unix:" + path, "HTTP/1.1 localhost", config.UpstreamTLS{}},
		{"h2c+unix:" + path, "HTTP/2.0 localhost", config.UpstreamTLS{}},
		{secure.URL, "HTTP/2.0 " + secure.Listener.Addr().String(), config.UpstreamTLS{CA: ca, Name: "example.com"}},
		{secure.URL, "upstream_down", config.UpstreamTLS{}},
	} {
		w.use(func(conf *config.Config) {
			conf.Routes[1].To, conf.Routes[1].Upstream = []string{c.to}, config.Upstream{TLS: c.tls}
		})
		if _, text := w.one(http.MethodGet, ""); !strings.Contains(text, c.want) {
			t.Errorf("%s: %q, want %q", c.to, text, c.want)
		}
	}
}

func TestAnApplicationIsToldOfEachClientAndNoneSharesAConnection(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	told := &proxyproto.Listener{Listener: l, ConnPolicy: func(proxyproto.ConnPolicyOptions) (proxyproto.Policy, error) { return proxyproto.REQUIRE, nil }}
	var connections atomic.Int64
	app := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.RemoteAddr) }),
		ConnState: func(_ net.Conn, s http.ConnState) {
			if s == http.StateNew {
				connections.Add(1)
			}
		},
	}
	go func() { _ = app.Serve(told) }()
	t.Cleanup(func() { _ = app.Close() })
	for _, version := range []string{"v1", "v2"} {
		t.Run(version, func(t *testing.T) {
			w := newWorld(t, http.HandlerFunc(mirror), func(c *config.Config) {
				c.Routes[1].To, c.Routes[1].Upstream.ProxyProtocol = []string{"http://" + l.Addr().String()}, version
			})
			for range 3 {
				conn := w.dial()
				back := bufio.NewReader(conn)
				for range 3 {
					_, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: open.test\r\n\r\n")
					w.must(err)
					res, err := http.ReadResponse(back, nil)
					w.must(err)
					text, err := io.ReadAll(res.Body)
					w.must(err)
					if string(text) != conn.LocalAddr().String() {
						t.Errorf("the application thinks that %s asks, not %s", text, conn.LocalAddr())
					}
				}
			}
		})
	}
	t.Cleanup(func() {
		if n := connections.Load(); n != 6 {
			t.Errorf("six clients had %d connections, each for its own", n)
		}
	})
}

func TestARouteGoesByTheHashOfWhatItSays(t *testing.T) {
	a, b, c := newMortal(t), newMortal(t), newMortal(t)
	w := newWorld(t, http.HandlerFunc(mirror), before(config.Upstream{Balance: "hash", Hash: "header:X-Test"}, a, b, c))
	client, where := &http.Client{}, map[string]string{}
	for i := range 60 {
		id := strconv.Itoa(i % 20)
		res, _, err := w.send(client, http.MethodGet, id, "")
		w.must(err)
		at := res.Header.Get("X-From")
		if where[id] == "" {
			where[id] = at
		}
		if at != where[id] {
			t.Errorf("%s was at %s, and is at %s", id, where[id], at)
		}
	}
	used := map[string]bool{}
	for _, at := range where {
		used[at] = true
	}
	if len(used) < 2 {
		t.Error("all are at one")
	}
}

func TestHealthChecksTakeAnApplicationOutAndBringItBack(t *testing.T) {
	a, b := newMortal(t), newMortal(t)
	health := config.Health{Kind: "http", Path: "/healthz", Every: 20 * time.Millisecond, Timeout: testPatience, Healthy: 1, Unhealthy: 1}
	w := newWorld(t, http.HandlerFunc(mirror), before(config.Upstream{Health: health}, a, b))
	well := func() float64 { return w.counter("picket_upstream_healthy") }
	w.until("both are well", func() bool { return well() == 2 })
	a.status.Store(http.StatusInternalServerError)
	w.until("one is not", func() bool { return well() == 1 })
	for range 20 {
		if res, _ := w.one(http.MethodGet, ""); res.StatusCode != http.StatusOK {
			t.Fatal(res.Status)
		}
	}
	b.status.Store(http.StatusInternalServerError)
	w.until("none is", func() bool { return well() == 0 })
	from := map[string]bool{}
	for range 4 { // then guessing is better than refusing
		res, _ := w.one(http.MethodGet, "")
		from[res.Header.Get("X-From")] = true
	}
	if len(from) != 2 {
		t.Errorf("where none is well, %d are asked", len(from))
	}
	a.status.Store(0)
	w.until("one is well again", func() bool { return well() == 1 })
	if res, _ := w.one(http.MethodGet, ""); res.StatusCode != http.StatusOK {
		t.Error(res.Status)
	}
}
