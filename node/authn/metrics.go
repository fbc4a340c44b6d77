package authn

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"picket/broker"
)

// metrics counts what became of sign-ins and refreshes.
type metrics struct {
	signIns   *prometheus.CounterVec
	refreshes *prometheus.CounterVec
}

// newMetrics registers the counters; a nil registry counts nothing that anyone sees.
func newMetrics(r prometheus.Registerer) *metrics {
	return &metrics{
		signIns:   counter(r, "picket_sign_ins_total", "Sign-ins that came back from a provider, by what became of them."),
		refreshes: counter(r, "picket_refreshes_total", "Refreshes of tokens, by what became of them."),
	}
}

func counter(r prometheus.Registerer, name, help string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{"outcome"})
	if r == nil {
		return c
	}
	var before prometheus.AlreadyRegisteredError
	if err := r.Register(c); errors.As(err, &before) {
		if known, ok := before.ExistingCollector.(*prometheus.CounterVec); ok {
			return known // a configuration was loaded anew: go on counting
		}
	}
	return c
}

func (m *metrics) signedIn(err error) { m.signIns.WithLabelValues(signInOutcome(err)).Inc() }

func (m *metrics) refreshed(o outcome) { m.refreshes.WithLabelValues(string(o)).Inc() }

// signInOutcome is one word for an error of Callback.
func signInOutcome(err error) string {
	for _, o := range []struct {
		err  error
		name string
	}{
		{nil, "done"}, {ErrMalformed, "malformed"}, {ErrExpired, "expired"}, {ErrReplayed, "replayed"},
		{ErrOtherBrowser, "other_browser"}, {ErrRefusedByProvider, "refused"}, {ErrProvider, "provider_failed"},
		{ErrTooWeak, "too_weak"}, {ErrInactive, "inactive"}, {broker.ErrUnavailable, "store_unavailable"},
	} {
		if errors.Is(err, o.err) {
			return o.name
		}
	}
	return "failed"
}
