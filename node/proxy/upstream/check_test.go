package upstream

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	grpchealth "google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"

	"picket/node/config"
)

// patience is for what happens in a moment, on a machine that may be busy.
const patience = time.Minute

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for until := time.Now().Add(patience); !is(); {
		if time.Now().After(until) {
			t.Fatalf("still not: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// reach is how an application is reached, by one route of a world.
func reach(t *testing.T, settings config.Upstream, to string) *Reach {
	t.Helper()
	w := newWorld(t)
	p, err := w.Prepare([]config.Route{{Name: "r", To: []string{to}, Upstream: settings}})
	if err != nil {
		t.Fatal(err)
	}
	return p.Reach(p.Groups[0].Members()[0])
}

func probe(t *testing.T, h config.Health, to string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return probeFor(reach(t, config.Upstream{}, to), h)(ctx)
}

func TestAnHTTPCheckWantsAStatusOf2xxOr3xx(t *testing.T) {
	var status atomic.Int64
	var host, agents atomic.Value
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host.Store(r.Host)
		agents.Store(r.UserAgent())
		w.Header().Set("Location", "/elsewhere")
		if r.RequestURI == "/healthz?deep=1" {
			w.WriteHeader(int(status.Load()))
		}
	}))
	defer app.Close()
	for _, c := range []struct {
		status int
		well   bool
	}{{200, true}, {204, true}, {302, true}, {399, true}, {400, false}, {404, false}, {500, false}, {503, false}} {
		status.Store(int64(c.status))
		if err := probe(t, config.Health{Kind: "http", Path: "/healthz?deep=1"}, app.URL); (err == nil) != c.well {
			t.Errorf("status %d: %v", c.status, err)
		}
	}
	if host.Load() != app.Listener.Addr().String() || agents.Load() != "picket-health" {
		t.Errorf("the application saw host %v, agent %v", host.Load(), agents.Load())
	}
	_ = probe(t, config.Health{Kind: "http", Path: "/", Host: "app.internal"}, app.URL)
	if host.Load() != "app.internal" {
		t.Errorf("the application saw host %v", host.Load())
	}
	gone := "unix:" + filepath.Join(t.TempDir(), "gone")
	if err := probe(t, config.Health{Kind: "http", Path: "/"}, gone); !errors.Is(err, ErrUnreachable) {
		t.Errorf("of one that is gone: %v", err)
	}
}

func TestATCPCheckWantsAConnection(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	to := "unix:" + path
	if err := probe(t, config.Health{Kind: "tcp"}, to); err != nil {
		t.Error(err)
	}
	_ = l.Close()
	if err := probe(t, config.Health{Kind: "tcp"}, to); err == nil {
		t.Error("of one that is gone it is good")
	}
}

func TestAGRPCCheckAsksARealServer(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	says := grpchealth.NewServer()
	server := grpc.NewServer()
	grpc_health_v1.RegisterHealthServer(server, says)
	go func() { _ = server.Serve(l) }()
	defer server.Stop()
	says.SetServingStatus("mail", grpc_health_v1.HealthCheckResponse_NOT_SERVING)
	for service, want := range map[string]string{"": "", "mail": "NOT_SERVING", "nothing": "gRPC status 5"} {
		err := probe(t, config.Health{Kind: "grpc", Service: service}, "h2c+unix:"+socket)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("service %q: %v, want %q", service, err, want)
		}
	}
	says.SetServingStatus("mail", grpc_health_v1.HealthCheckResponse_SERVING)
	if err := probe(t, config.Health{Kind: "grpc", Service: "mail"}, "h2c+unix:"+socket); err != nil {
		t.Error(err)
	}
}

func TestAGRPCCheckDoesNotTakeAWebServerForWell(t *testing.T) {
	app := httptest.NewUnstartedServer(http.NotFoundHandler())
	app.EnableHTTP2 = true
	app.StartTLS()
	defer app.Close()
	settings := config.Upstream{TLS: config.UpstreamTLS{SkipVerify: true}}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := probeFor(reach(t, settings, app.URL), config.Health{Kind: "grpc"})(ctx); err == nil {
		t.Error("404 is good")
	}
}

func FuzzServing(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 2, 8, 1})
	f.Add([]byte{0, 0, 0, 0, 0})
	f.Add([]byte{1, 0, 0, 0, 2, 8, 1})
	f.Add([]byte{0, 0, 0, 0, 3, 8, 0x81, 0})
	f.Fuzz(func(t *testing.T, body []byte) {
		if serving(body) == nil && (len(body) < 7 || body[5] != 8) {
			t.Errorf("%x is good", body)
		}
	})
}

// By one who says what he hears, in time that is not real.
func TestACheckTurnsAfterSoManyAnswersInARow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		g := w.route(t, config.Upstream{Health: config.Health{Kind: "tcp", Every: 10 * time.Second, Timeout: time.Second, Healthy: 2, Unhealthy: 3}}, "tcp://10.0.0.1:1")
		var answer atomic.Value
		answer.Store("")
		var asked atomic.Int64
		c := g.checks[0]
		c.probe = func(ctx context.Context) error {
			asked.Add(1)
			if _, bounded := ctx.Deadline(); !bounded {
				t.Error("a check has no end")
			}
			if text := answer.Load().(string); text != "" {
				return errors.New(text)
			}
			return nil
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- w.Run(ctx) }()
		synctest.Wait()
		if asked.Load() != 1 || c.state() != healthy {
			t.Errorf("at once, %d were asked: %s", asked.Load(), c.state())
		}
		rounds := func(text string, n int64) { // and a bit more time than n rounds take
			answer.Store(text)
			for want := asked.Load() + n; asked.Load() < want; {
				time.Sleep(time.Second)
				synctest.Wait()
			}
		}
		rounds("no", 2)
		rounds("", 1)
		rounds("no", 2)
		if c.state() != healthy {
			t.Error("two in a row were enough")
		}
		rounds("no", 1)
		if since, why := c.last(); c.state() != unhealthy || why != "no" || since.IsZero() {
			t.Errorf("after three it is %s, %q since %v", c.state(), why, since)
		}
		rounds("", 1)
		rounds("no", 1)
		rounds("", 1)
		if c.state() != unhealthy {
			t.Error("one good answer was enough")
		}
		rounds("", 1)
		if c.state() != healthy {
			t.Error("two good answers were not enough")
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestOneCheckServesAllRoutesAndGoesOnOverReloads(t *testing.T) {
	var asked atomic.Int64
	app := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer app.Close()
	w := newWorld(t)
	settings := config.Upstream{Health: config.Health{Kind: "http", Path: "/", Every: time.Hour, Timeout: patience, Healthy: 1, Unhealthy: 1}}
	routes := []config.Route{{Name: "a", To: []string{app.URL}, Upstream: settings}, {Name: "b", To: []string{app.URL}, Upstream: settings}, {Name: "c"}}
	w.routes(t, routes...)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- w.Run(ctx) }()
	eventually(t, "both routes know that it is well", func() bool {
		s := w.Status()
		return s[0].Health == "healthy" && s[1].Health == "healthy"
	})
	for range 10 {
		routes[0].Upstream.Weights = []int{1}
		w.routes(t, routes...)
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("it was asked %d times", n)
	}
	w.routes(t, config.Route{Name: "a", To: []string{app.URL}})
	w.routes(t, routes...)
	eventually(t, "it is asked anew once it was forgotten", func() bool { return asked.Load() == 2 && w.Status()[0].Health == "healthy" })
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
