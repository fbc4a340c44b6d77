package certs

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// What became of an order.
const (
	orderedResult   = "ordered"
	failedResult    = "failed"
	postponedResult = "postponed" // nobody could tell whether it is due
)

// metrics counts what this node ordered.
type metrics struct{ orders *prometheus.CounterVec }

func newMetrics(to prometheus.Registerer) *metrics {
	m := &metrics{orders: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "picket_certificate_orders_total", Help: "Certificates that this node set out to order, by what became of it.",
	}, []string{"result"})}
	for _, result := range []string{orderedResult, failedResult, postponedResult} {
		m.orders.WithLabelValues(result)
	}
	if to == nil {
		return m
	}
	var before prometheus.AlreadyRegisteredError
	if err := to.Register(m.orders); errors.As(err, &before) {
		if known, ok := before.ExistingCollector.(*prometheus.CounterVec); ok {
			m.orders = known
		}
	}
	return m
}

func (m *metrics) ordered(result string) { m.orders.WithLabelValues(result).Inc() }

// expiries are read when the metrics are asked for.
type expiries struct{ manager *Manager }

func expiryDesc() *prometheus.Desc {
	return prometheus.NewDesc("picket_certificate_expiry_timestamp_seconds",
		"When the certificate of a name ends that this node serves, in Unix time; 0: there is none.", []string{"name"}, nil)
}

func failuresDesc() *prometheus.Desc {
	return prometheus.NewDesc("picket_certificate_failed_attempts",
		"How often in a row ordering a name's certificate failed, on any node.", []string{"name"}, nil)
}

func nextDesc() *prometheus.Desc {
	return prometheus.NewDesc("picket_certificate_next_try_timestamp_seconds",
		"When a name's certificate is ordered or renewed next, in Unix time; 0: at once, or never without an operator.", []string{"name"}, nil)
}

// Describe implements prometheus.Collector.
func (expiries) Describe(c chan<- *prometheus.Desc) {
	c <- expiryDesc()
	c <- failuresDesc()
	c <- nextDesc()
}

// Collect implements prometheus.Collector.
func (e expiries) Collect(c chan<- prometheus.Metric) {
	for _, s := range e.manager.Status() {
		var ends, next float64
		if !s.Expires.IsZero() {
			ends = float64(s.Expires.Unix())
		}
		if !s.NextTry.IsZero() {
			next = float64(s.NextTry.Unix())
		}
		c <- prometheus.MustNewConstMetric(expiryDesc(), prometheus.GaugeValue, ends, s.Name)
		c <- prometheus.MustNewConstMetric(failuresDesc(), prometheus.GaugeValue, float64(s.Failures), s.Name)
		c <- prometheus.MustNewConstMetric(nextDesc(), prometheus.GaugeValue, next, s.Name)
	}
}
