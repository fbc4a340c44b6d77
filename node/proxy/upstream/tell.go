package upstream

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// teller says what happens, in the log and in metrics.
type teller struct {
	log     zerolog.Logger
	metrics *metrics // nil: nothing is counted
}

// metrics counts what happens.
type metrics struct {
	retries   *prometheus.CounterVec
	failures  *prometheus.CounterVec
	ejections *prometheus.CounterVec
	full      *prometheus.CounterVec
	spent     *prometheus.CounterVec
}

func newMetrics(to prometheus.Registerer) *metrics {
	if to == nil {
		return nil
	}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
		var before prometheus.AlreadyRegisteredError
		if err := to.Register(c); errors.As(err, &before) {
			return before.ExistingCollector.(*prometheus.CounterVec) // of an earlier door
		} else if err != nil {
			panic(err) // two metrics of ours with one name
		}
		return c
	}
	return &metrics{
		retries:   counter("picket_upstream_retries_total", "Requests sent again, by route and by why.", "route", "why"),
		failures:  counter("picket_upstream_failures_total", "Tries that failed, by route, application and how: no connection, reset, timeout, or a status of 502, 503 or 504.", "route", "upstream", "how"),
		ejections: counter("picket_upstream_ejections_total", "How often an application was left alone for its errors, by route.", "route", "upstream"),
		full:      counter("picket_upstream_full_total", "Requests refused because as many were under way as the route allows.", "route"),
		spent:     counter("picket_upstream_retries_withheld_total", "Requests not sent again because too many were already.", "route"),
	}
}

func (t teller) retried(route, why string) {
	if t.metrics != nil {
		t.metrics.retries.WithLabelValues(route, why).Inc()
	}
}

func (t teller) failed(route string, m *Member, how string) {
	if t.metrics != nil {
		t.metrics.failures.WithLabelValues(route, m.Endpoint.Origin, how).Inc()
	}
}

func (t teller) full(route string) {
	if t.metrics != nil {
		t.metrics.full.WithLabelValues(route).Inc()
	}
}

func (t teller) noBudget(route string) {
	if t.metrics != nil {
		t.metrics.spent.WithLabelValues(route).Inc()
	}
}

func (t teller) ejected(route string, m *Member, span time.Duration) {
	t.log.Warn().Str("route", route).Str("upstream", m.Endpoint.Origin).Dur("for_ms", span).Msg("too many errors in a row: left alone for a while")
	if t.metrics != nil {
		t.metrics.ejections.WithLabelValues(route, m.Endpoint.Origin).Inc()
	}
}

// turned tells of an application that became well, or no longer is.
func (t teller) turned(origin string, to health, why string) {
	if to == healthy {
		t.log.Info().Str("upstream", origin).Msg("health check: well again")
		return
	}
	t.log.Warn().Str("upstream", origin).Str("error", why).Msg("health check: not well")
}

// panics tells of a route whose applications are all unwell.
func (t teller) panics(route string, begins bool) {
	if begins {
		t.log.Error().Str("route", route).Msg("none of its applications is well: requests go to all of them")
		return
	}
	t.log.Info().Str("route", route).Msg("some of its applications are well again: requests go to those")
}

func (t teller) moved(host string, to []netip.Addr) {
	t.log.Info().Str("host", host).Str("addresses", fmt.Sprint(to)).Msg("an address of this name is gone: connections are made anew")
}
