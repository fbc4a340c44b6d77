package upstream

import (
	"sync/atomic"
	"testing"
	"time"

	"picket/node/config"
)

// world is upstreams whose clock is moved by hand.
type world struct {
	*Upstreams
	ahead atomic.Int64 // ns
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{}
	start := time.Now()
	w.Upstreams = New(Options{Now: func() time.Time { return start.Add(time.Duration(w.ahead.Load())) }})
	return w
}

func (w *world) passes(d time.Duration) { w.ahead.Add(int64(d)) }

// route puts one route in force.
func (w *world) route(t testing.TB, settings config.Upstream, to ...string) *Group {
	t.Helper()
	return w.routes(t, config.Route{Name: "r", To: to, Upstream: settings})[0]
}

func (w *world) routes(t testing.TB, routes ...config.Route) []*Group {
	t.Helper()
	p, err := w.Prepare(routes)
	if err != nil {
		t.Fatal(err)
	}
	w.Use(p)
	return p.Groups
}

// ask takes one request to an application, which answers with a status.
func ask(t testing.TB, g *Group, key uint64, status int) *Member {
	t.Helper()
	c := g.Call(key, true)
	defer c.Done()
	m, err := c.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c.Answered(status)
	return m
}

// turn makes an application well or unwell by its health check.
func turn(g *Group, i int, h health) {
	g.checks[i].is.Store(uint32(h))
	g.epoch.Add(1)
}

var asked = config.Health{Kind: "tcp", Every: time.Hour, Timeout: time.Minute, Healthy: 2, Unhealthy: 3}
