package authn

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"picket/broker"
)

// metrics counts what became of sign-ins and refreshes, and how the providers are.
type metrics struct {
	signIns   *prometheus.CounterVec
	refreshes *prometheus.CounterVec
	waits     *prometheus.CounterVec
	forgets   *prometheus.CounterVec
	failures  *prometheus.CounterVec
	circuits  *prometheus.GaugeVec
	ahead     *prometheus.GaugeVec
}

// newMetrics registers the counters; a nil registry counts nothing that anyone sees.
func newMetrics(r prometheus.Registerer) *metrics {
	return &metrics{
		signIns:   counter(r, "picket_sign_ins_total", "Sign-ins that came back from a provider, by what became of them.", "outcome"),
		refreshes: counter(r, "picket_refreshes_total", "Refreshes of tokens, by what became of them.", "outcome"),
		waits: counter(r, "picket_refresh_waits_total",
			"Requests whose session's tokens had run out, by the answer after they waited for a refresh: unknown is a 503.", "answer"),
		forgets: counter(r, "picket_token_revocations_total",
			"Tokens of ended sessions that a provider was to revoke, by what became of it.", "outcome"),
		failures: counter(r, "picket_provider_failures_total", "Failures of an identity provider.", "identity"),
		circuits: known(r, prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "picket_provider_circuit_open",
			Help: "1 while an identity provider that failed time and again is asked for no refresh but one at a time.",
		}, []string{"identity"})),
		ahead: known(r, prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "picket_provider_clock_ahead_seconds",
			Help: "How far an identity provider's clock was ahead of this node's, by its last ID token; negative: behind.",
		}, []string{"identity"})),
	}
}

func counter(r prometheus.Registerer, name, help, label string) *prometheus.CounterVec {
	return known(r, prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label}))
}

// known registers c, or gives the one that was before: when a configuration was loaded anew, counting goes on.
func known[C prometheus.Collector](r prometheus.Registerer, c C) C {
	if r == nil {
		return c
	}
	var before prometheus.AlreadyRegisteredError
	if err := r.Register(c); errors.As(err, &before) {
		if k, ok := before.ExistingCollector.(C); ok {
			return k
		}
	}
	return c
}

func (m *metrics) signedIn(err error) { m.signIns.WithLabelValues(signInOutcome(err)).Inc() }

func (m *metrics) refreshed(o outcome) { m.refreshes.WithLabelValues(string(o)).Inc() }

func (m *metrics) waited(answer Answer) { m.waits.WithLabelValues(answer.String()).Inc() }

func (m *metrics) forgot(outcome string) { m.forgets.WithLabelValues(outcome).Inc() }

// asked notes what came of asking a provider.
func (m *metrics) asked(identity string, c Circuit, failed bool) {
	open := 0.0
	if c != Closed {
		open = 1
	}
	m.circuits.WithLabelValues(identity).Set(open)
	if failed {
		m.failures.WithLabelValues(identity).Inc()
	}
}

// compared notes how far a provider's clock is ahead of ours.
func (m *metrics) compared(identity string, ahead time.Duration) {
	m.ahead.WithLabelValues(identity).Set(ahead.Seconds())
}

// signInOutcome is one word for an error of Callback.
func signInOutcome(err error) string {
	for _, o := range []struct {
		err  error
		name string
	}{
		{nil, "done"}, {ErrMalformed, "malformed"}, {ErrExpired, "expired"}, {ErrReplayed, "replayed"},
		{ErrOtherBrowser, "other_browser"}, {ErrRefusedByProvider, "refused"}, {ErrClocks, "clocks_disagree"}, {ErrProvider, "provider_failed"},
		{ErrTooWeak, "too_weak"}, {ErrInactive, "inactive"}, {ErrLocked, "locked"}, {broker.ErrUnavailable, "store_unavailable"},
	} {
		if errors.Is(err, o.err) {
			return o.name
		}
	}
	return "failed"
}
