package broker

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics counts what the store was asked and how far the feeds are behind.
type metrics struct {
	operations *prometheus.CounterVec
	seconds    *prometheus.HistogramVec
	lag        *prometheus.HistogramVec
	doubts     *prometheus.CounterVec
	dropped    *prometheus.CounterVec
	snapshots  *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		operations: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "picket_store_operations_total",
			Help: "Operations of the store by bucket, operation and result.",
		}, []string{"bucket", "operation", "result"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "picket_store_operation_seconds",
			Help:    "Time an operation of the store took.",
			Buckets: prometheus.ExponentialBuckets(0.0002, 3, 11),
		}, []string{"bucket", "operation"}),
		lag: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "picket_feed_lag_seconds",
			Help:    "Time from writing a heartbeat to seeing it on this node's own feed.",
			Buckets: prometheus.ExponentialBuckets(0.001, 3, 10),
		}, []string{"bucket"}),
		doubts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "picket_feed_doubts_total",
			Help: "Heartbeats that proved nothing, and gaps that had all that was cached forgotten, by reason: quorum, reading, missed, went_back.",
		}, []string{"bucket", "reason"}),
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "picket_log_dropped_total",
			Help: "Entries of a log that were not written: the queue was full, or the store did not take them.",
		}, []string{"log"}),
	}
	m.snapshots = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "picket_store_replicas_helped_total",
		Help: "Snapshots that were made because a replica did not catch up by itself.",
	}, []string{"bucket"})
	if r != nil {
		r.MustRegister(m.snapshots, m.operations, m.seconds, m.lag, m.doubts, m.dropped)
	}
	return m
}

func (m *metrics) did(bucket, operation string, begun time.Time, err error) {
	m.operations.WithLabelValues(bucket, operation, result(err)).Inc()
	m.seconds.WithLabelValues(bucket, operation).Observe(time.Since(begun).Seconds())
}

func result(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, ErrNotFound):
		return "not_found"
	case errors.Is(err, ErrConflict):
		return "conflict"
	default:
		return "unavailable"
	}
}

func (m *metrics) proved(bucket string, lag time.Duration) {
	m.lag.WithLabelValues(bucket).Observe(lag.Seconds())
}

func (m *metrics) doubted(bucket, reason string) { m.doubts.WithLabelValues(bucket, reason).Inc() }

func (m *metrics) helped(bucket string) { m.snapshots.WithLabelValues(bucket).Inc() }

func (m *metrics) drops(log string) prometheus.Counter { return m.dropped.WithLabelValues(log) }
