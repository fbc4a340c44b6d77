//go:build bench

package bench

import (
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"
)

// contender is a proxy under load, and what each round showed.
type contender struct {
	name    string
	process *process
	address string
	headers []string

	cost, rate, p50, p99 []float64 // of the rounds; cost: CPU seconds of a request
}

// round loads it once.
func (c *contender) round(t *testing.T, during time.Duration) string {
	before := c.process.cpu()
	l := wrk(t, c.address, c.headers, during)
	cost := (c.process.cpu() - before).Seconds() / float64(l.Requests)
	c.cost, c.rate = append(c.cost, cost), append(c.rate, l.rate())
	c.p50, c.p99 = append(c.p50, float64(l.P50)/1e6), append(c.p99, float64(l.P99)/1e6)
	return fmt.Sprintf("%s %s, %s", c.name, duration(cost), rate(l.rate()))
}

// requests measures what a request costs the proxy: nginx's plain proxy_pass, and one node with and without a session.
func (s *suite) requests(t *testing.T) {
	application, keys := launchApplication(t), newKeys(t)
	nginx, nginxTLS := plainProxy(t, "nginx", application, nil), plainProxy(t, "nginx with TLS", application, keys)
	protected, public := s.door(t, application, nil)
	protectedTLS, _ := s.door(t, application, keys)
	all := []*contender{nginx, protected, public, nginxTLS, protectedTLS}
	for _, c := range all {
		wrk(t, c.address, c.headers, time.Second) // connections to the application are made, caches are warm
	}
	s.each("requests", func(int) (told string) {
		for _, c := range all {
			told += c.round(t, s.during) + "; "
		}
		return told
	})
	s.compare(protected, nginx, timesBaseline(1.35))
	s.compare(protectedTLS, nginxTLS, timesBaseline(1.2))
	s.compare(public, nginx, goal{})
}

// plainProxy is an nginx that does nothing but pass on.
func plainProxy(t *testing.T, name string, application nginx, keys *keys) *contender {
	t.Helper()
	n := launchProxy(t, application, keys)
	return &contender{name: name, process: n.process, address: loadable(keys, n.address)}
}

// door is one node, asked by somebody who is signed in, and for a route that is open to all.
func (s *suite) door(t *testing.T, application nginx, keys *keys) (protected, public *contender) {
	t.Helper()
	one := s.newCluster(t, 1, application, keys)
	one.start()
	cookie, err := one.signIn(t.Context(), person(0))
	if err != nil {
		t.Fatalf("signing in: %v", err)
	}
	n := one.nodes[0]
	if status, err := one.get(t.Context(), keys.client(), n, "/", cookie); err != nil || status != http.StatusOK {
		t.Fatalf("a signed-in request: %d %v", status, err)
	}
	what := ""
	if keys != nil {
		what = " with TLS"
	}
	address := loadable(keys, n.http)
	return &contender{name: "protected request" + what, process: n.process, address: address,
			headers: []string{"Host: " + one.authority("app"), "Cookie: " + one.cookieName() + "=" + cookie}},
		&contender{name: "public request" + what, process: n.process, address: address, headers: []string{"Host: " + one.authority("public")}}
}

// loadable is an address as wrk takes it: by a name, so that TLS names a host, and one that every resolver knows.
func loadable(keys *keys, address string) string {
	_, port, _ := net.SplitHostPort(address)
	return keys.scheme() + "://localhost:" + port + "/"
}

// compare adds the rows of one proxy against another.
func (s *suite) compare(c, with *contender, most goal) {
	s.add(
		row{what: c.name + ": CPU", measured: median(c.cost), unit: duration, baseline: median(with.cost), of: with.name, reach: most},
		row{what: c.name + ": rate", measured: median(c.rate), unit: rate, baseline: median(with.rate), of: with.name},
		row{what: c.name + ": p50", measured: median(c.p50), unit: duration, baseline: median(with.p50), of: with.name},
		row{what: c.name + ": p99", measured: median(c.p99), unit: duration, baseline: median(with.p99), of: with.name},
	)
}
