package upstream

import (
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Status is how one application of one route is.
type Status struct {
	Route    string
	Upstream string    // its origin
	Weight   int       // 0: it gets nothing
	Health   string    // "healthy", "unhealthy", "unknown" (nobody has asked yet) or "unchecked" (nobody asks)
	Since    time.Time // when it became healthy or unhealthy; zero: neither
	Error    string    // what was wrong when it was last asked; "": nothing
	Ejected  time.Time // left alone for errors until then; zero: it is not
	UnderWay int64     // requests, where they are counted
}

// Status is how all applications are, by route and origin.
func (u *Upstreams) Status() []Status {
	u.mu.Lock()
	defer u.mu.Unlock()
	now := u.clock()
	var all []Status
	for _, g := range u.inForce.Groups {
		if g == nil {
			continue
		}
		for i, m := range g.members {
			s := Status{
				Route: g.name, Upstream: m.Endpoint.Origin, Weight: g.weights[i], Health: g.checks[i].state().String(),
				UnderWay: m.underWay.Load(),
			}
			s.Since, s.Error = g.checks[i].last()
			if m.isOut(now) {
				s.Ejected = u.base.Add(time.Duration(m.out.Load()))
			}
			all = append(all, s)
		}
	}
	slices.SortStableFunc(all, func(a, b Status) int { return strings.Compare(a.Route, b.Route) })
	return all
}

// state is the part of Status that metrics tell. It is made when it is asked for: what is gone leaves nothing behind.
type state struct {
	upstreams        *Upstreams
	healthy, ejected *prometheus.Desc
}

func registerState(to prometheus.Registerer, u *Upstreams) {
	labels := []string{"route", "upstream"}
	s := &state{
		u,
		prometheus.NewDesc("picket_upstream_healthy", "1 when the health checks of a route's application are good, 0 when they are not.", labels, nil),
		prometheus.NewDesc("picket_upstream_ejected", "1 when a route's application is left alone for its errors.", labels, nil),
	}
	_ = to.Register(s) // an earlier door's tells the same
}

// Describe is of prometheus.Collector.
func (s *state) Describe(to chan<- *prometheus.Desc) {
	to <- s.healthy
	to <- s.ejected
}

// Collect is of prometheus.Collector.
func (s *state) Collect(to chan<- prometheus.Metric) {
	told := map[[2]string]bool{}
	for _, one := range s.upstreams.Status() {
		key := [2]string{one.Route, one.Upstream}
		if told[key] { // it stands there twice
			continue
		}
		told[key] = true
		if one.Health == healthy.String() || one.Health == unhealthy.String() {
			to <- prometheus.MustNewConstMetric(s.healthy, prometheus.GaugeValue, number(one.Health == healthy.String()), one.Route, one.Upstream)
		}
		to <- prometheus.MustNewConstMetric(s.ejected, prometheus.GaugeValue, number(!one.Ejected.IsZero()), one.Route, one.Upstream)
	}
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
