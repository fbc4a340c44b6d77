package proxy

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"picket/node/authn"
	"picket/node/proxy/trust"
)

// metrics counts what the door does.
type metrics struct {
	tallies   *tallies
	cuts      prometheus.Counter
	locks     *prometheus.CounterVec
	conns     *prometheus.GaugeVec
	refused   *prometheus.CounterVec
	rations   *prometheus.CounterVec
	untrusted *prometheus.CounterVec
	others    atomic.Pointer[tally] // of requests without a route; nil: there was none
}

// newMetrics registers the metrics, or goes on with those that the registry has from an earlier configuration.
func newMetrics(to prometheus.Registerer) *metrics {
	m := &metrics{
		tallies: newTallies(),
		cuts: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "picket_cut_streams_total", Help: "Requests under way that were cut, because they would no longer be admitted.",
		}),
		locks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "picket_locked_total", Help: "Requests refused and requests under way cut by a lock, by its kind.",
		}, []string{"kind"}),
		conns: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "picket_open_connections", Help: "Connections of clients that are open, by the version of HTTP that is spoken.",
		}, []string{"protocol"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "picket_refused_connections_total", Help: "Connections of clients that were closed before or instead of a request, by reason.",
		}, []string{"reason"}),
		untrusted: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "picket_client_certificates_refused_total", Help: "Requests, and connections, refused for want of a valid client certificate, by what was wrong.",
		}, []string{"reason"}),
	}
	m.rations = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "picket_rate_limited_total", Help: "Requests refused because their caller asks too often, by route; without one: our own pages.",
	}, []string{"route"})
	if to == nil {
		return m
	}
	m.rations = register(to, m.rations)
	m.tallies = register(to, m.tallies)
	m.cuts, m.locks = register(to, m.cuts), register(to, m.locks)
	m.conns, m.refused = register(to, m.conns), register(to, m.refused)
	m.untrusted = register(to, m.untrusted)
	return m
}

// register adds a collector, or gives the one that is there already.
func register[C prometheus.Collector](to prometheus.Registerer, c C) C {
	var before prometheus.AlreadyRegisteredError
	if err := to.Register(c); errors.As(err, &before) {
		if known, ok := before.ExistingCollector.(C); ok {
			return known
		}
	} else if err != nil {
		panic(err) // two metrics of ours with one name
	}
	return c
}

// served counts a request. The route is nil for our own pages and for what no route was found.
func (m *metrics) served(r *route, status int, took time.Duration) {
	name, at := "", &m.others
	if r != nil {
		name, at = r.Name, &r.tally
	}
	t := at.Load()
	if t == nil { // a route that is made ready anew goes on with the same
		t = m.tallies.of(name)
		at.Store(t)
	}
	t.add(status, took)
}

func (m *metrics) cut() { m.cuts.Inc() }

// connected counts a connection until the function that it gives is called.
func (m *metrics) connected(protocol string) (ended func()) {
	open := m.conns.WithLabelValues(protocol)
	open.Inc()
	return open.Dec
}

// notLetIn counts a connection that was closed.
func (m *metrics) notLetIn(why string) { m.refused.WithLabelValues(why).Inc() }

// locked counts what a lock kept out, or cut.
func (m *metrics) locked(l *authn.Lock) { m.locks.WithLabelValues(string(l.Kind)).Inc() }

// rationed counts a request that came too soon. route is "" for our own pages.
func (m *metrics) rationed(route string) { m.rations.WithLabelValues(route).Inc() }

// watchStreams registers how many requests are under way: they are counted when somebody wants to know.
func (m *metrics) watchStreams(to prometheus.Registerer, s *streams) {
	if to == nil {
		return
	}
	register(to, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "picket_open_streams", Help: "Admitted requests under way, WebSockets among them.",
	}, func() float64 { return float64(s.count()) }))
}

// watchLimits registers what the counting of callers tells of itself.
func (m *metrics) watchLimits(to prometheus.Registerer, l *limits) {
	if to == nil {
		return
	}
	register(to, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "picket_rate_limit_callers", Help: "Callers that are remembered for rate limits.",
	}, func() float64 { return float64(l.Callers()) }))
	register(to, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "picket_rate_limit_share", Help: "The part of each rate limit that this node counts on: 1, less while it does not hear most of the others.",
	}, l.Share))
	register(to, prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "picket_rate_limit_forgotten_total", Help: "Callers that were forgotten while they were still counted, because there were too many.",
	}, func() float64 { return float64(l.Forgotten()) }))
}

// distrusted counts who had no valid certificate.
func (m *metrics) distrusted(why error) { m.untrusted.WithLabelValues(trust.Word(why)).Inc() }

// expire adds what tells when certificates end.
func (m *metrics) expire(to prometheus.Registerer, e *expiries) {
	if to != nil {
		register[prometheus.Collector](to, e)
	}
}
