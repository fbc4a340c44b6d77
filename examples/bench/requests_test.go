//go:build bench

package bench

import (
	"fmt"
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
	application := launchNginx(t, "application", "1", "")
	plain := launchNginx(t, "nginx", "auto", application.address)
	one := s.newCluster(t, 1, application.address)
	one.start()
	cookie, err := one.signIn(t.Context(), person(0))
	if err != nil {
		t.Fatalf("signing in: %v", err)
	}
	n := one.nodes[0]
	if status, err := one.get(t.Context(), http.DefaultClient, n, "/", cookie); err != nil || status != http.StatusOK {
		t.Fatalf("a signed-in request: %d %v", status, err)
	}
	nginx := &contender{name: "nginx", process: plain.process, address: "http://" + plain.address + "/"}
	protected := &contender{name: "protected", process: n.process, address: "http://" + n.http + "/",
		headers: []string{"Host: " + one.authority("app"), "Cookie: " + cookieName + "=" + cookie}}
	public := &contender{name: "public", process: n.process, address: "http://" + n.http + "/",
		headers: []string{"Host: " + one.authority("public")}}
	all := []*contender{nginx, protected, public}
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
	s.compare(public, nginx, goal{})
}

// compare adds the rows of one proxy against another.
func (s *suite) compare(c, with *contender, most goal) {
	what := c.name + " request, HTTP/1.1, 1 KiB, "
	of := with.name + " proxy_pass"
	s.add(
		row{what: what + "CPU", measured: median(c.cost), unit: duration, baseline: median(with.cost), of: of, reach: most},
		row{what: what + "rate", measured: median(c.rate), unit: rate, baseline: median(with.rate), of: of},
		row{what: what + "p50", measured: median(c.p50), unit: duration, baseline: median(with.p50), of: of},
		row{what: what + "p99", measured: median(c.p99), unit: duration, baseline: median(with.p99), of: of},
	)
}
