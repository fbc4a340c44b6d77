package proxy

import (
	"context"
	"crypto/x509"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

const (
	expirySoon   = 14 * 24 * time.Hour // left to a certificate: people are told
	expiryUrgent = 3 * 24 * time.Hour
	tellExpiries = 24 * time.Hour // how often
)

// expiring is something that the configuration holds and that ends: a certificate of a listener, or a list of revoked ones.
type expiring struct {
	listen, name string
	list         bool
	until        time.Time
	soon, urgent time.Duration // left, when people are told
}

// expiring gives whatever ends.
func (r *Rules) expiring() (all []expiring) {
	for _, l := range r.fronts {
		for _, c := range l.certs.all {
			all = append(all, expiring{listen: l.Name, name: holderOf(c.Leaf), until: c.Leaf.NotAfter, soon: expirySoon, urgent: expiryUrgent})
		}
		all = append(all, ofLists(l.Name, l.Client.Revoked)...)
	}
	for _, route := range r.routes {
		all = append(all, ofLists("", route.Client.Revoked)...)
	}
	return all
}

func ofLists(listen string, lists []*x509.RevocationList) (all []expiring) {
	for _, l := range lists {
		if !l.NextUpdate.IsZero() {
			life := l.NextUpdate.Sub(l.ThisUpdate)
			all = append(all, expiring{listen: listen, name: l.Issuer.String(), list: true, until: l.NextUpdate, soon: life / 4, urgent: life / 16})
		}
	}
	return all
}

// holderOf is the first host of a certificate, else its holder.
func holderOf(c *x509.Certificate) string {
	if len(c.DNSNames) > 0 {
		return c.DNSNames[0]
	}
	return c.Subject.String()
}

// watchExpiries tells of what ends soon: at once, each day, and when the configuration is another.
func (d *Door) watchExpiries(ctx context.Context) {
	tick := time.NewTicker(tellExpiries)
	defer tick.Stop()
	for {
		d.tellExpiries(d.now())
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-d.reloaded:
		}
	}
}

func (d *Door) tellExpiries(now time.Time) {
	for _, e := range d.inForce.Load().expiring() {
		left := e.until.Sub(now)
		if left > e.soon {
			continue
		}
		level := zerolog.WarnLevel
		if left <= e.urgent {
			level = zerolog.ErrorLevel
		}
		what := "a certificate ends soon"
		if e.list {
			what = "a list of revoked certificates is to be replaced: when it is too old, no certificate of that authority is valid"
		}
		line := d.log.WithLevel(level).Str("name", e.name)
		optional(line, "listen", e.listen)
		line.Time("until", e.until.UTC()).Str("left", left.Round(time.Minute).String()).Msg(what)
	}
}

// expiries have metrics say when certificates end, and lists of revoked ones.
type expiries struct {
	door                *Door
	certificates, lists *prometheus.Desc
}

func newExpiries(d *Door) *expiries {
	return &expiries{
		door: d,
		certificates: prometheus.NewDesc("picket_listener_certificate_expiry_timestamp_seconds",
			"When a certificate of a listener that stands in a file ends, in Unix time; of those with one name the first.", []string{"listen", "name"}, nil),
		lists: prometheus.NewDesc("picket_client_crl_expiry_timestamp_seconds",
			"When a list of revoked client certificates is to be replaced, in Unix time; of those of one issuer the first.", []string{"listen", "issuer"}, nil),
	}
}

// Describe is of prometheus.Collector.
func (e *expiries) Describe(to chan<- *prometheus.Desc) {
	to <- e.certificates
	to <- e.lists
}

// Collect is of prometheus.Collector.
func (e *expiries) Collect(to chan<- prometheus.Metric) {
	type one struct {
		list         bool
		listen, name string
	}
	first := map[one]time.Time{}
	for _, x := range e.door.inForce.Load().expiring() {
		key := one{x.list, x.listen, x.name}
		if until, ok := first[key]; !ok || x.until.Before(until) {
			first[key] = x.until
		}
	}
	for key, until := range first {
		desc := e.certificates
		if key.list {
			desc = e.lists
		}
		to <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, float64(until.Unix()), key.listen, key.name)
	}
}
