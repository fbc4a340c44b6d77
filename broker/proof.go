package broker

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// answered takes how writing a heartbeat went.
func (f *feed) answered(a ack) {
	if a.err != nil {
		f.doubted(&doubt{"quorum", fmt.Sprintf("no quorum took a heartbeat: %s", a.err)})
		return
	}
	f.doubted(f.acknowledged(a.beat))
}

// doubted tells why a heartbeat proved nothing, or why what was known had to be forgotten; nil: nothing to tell. What is
// missed now and then is told each time; what lasts, once.
func (f *feed) doubted(why *doubt) {
	if why == nil {
		f.warn()
		return
	}
	m, name := f.bucket.broker.metrics, f.bucket.spec.Name
	m.doubted(name, why.label)
	switch why.label {
	case "missed":
		f.log().Warn().Uint64("passed", f.passed.Load()).Msg(why.text)
		f.warn()
		return // the next heartbeat may prove all the same
	case "went_back":
		poke(f.again)
	}
	// Before the first proof nothing was known that could be given up, and a store that was just made looks as if it went back:
	// the node says what it waits for.
	if last := f.why.Swap(why); f.known() && f.bucket.spec.Decides && (last == nil || last.label != why.label) {
		f.log().Warn().Str("why", why.text).Dur("admits_for_ms", max(f.remaining(), 0)).Msg("cannot prove freshness; trying on")
	}
	f.warn()
}

// proved tells of a heartbeat that proved freshness.
func (f *feed) proved(b beat) {
	now := f.bucket.broker.clock.now()
	f.bucket.broker.metrics.proved(f.bucket.spec.Name, now.running-b.sent.running)
	if why := f.why.Swap(nil); why != nil && f.bucket.spec.Decides && f.known() {
		f.log().Info().Msg("freshness is proved again")
	}
	f.stale = false
	if !f.known() {
		close(f.first)
	}
}

// known tells whether freshness was ever proved.
func (f *feed) known() bool {
	select {
	case <-f.first:
		return true
	default:
		return false
	}
}

// remaining is how long this feed's knowledge is still good for.
func (f *feed) remaining() time.Duration {
	return f.bucket.broker.options.MaxStaleness - f.age(f.bucket.broker.clock.now())
}

// warn tells once that the bound is passed: from then on protected requests are refused.
func (f *feed) warn() {
	if !f.bucket.spec.Decides || f.stale || f.proof.Load() == nil || f.remaining() >= 0 {
		return
	}
	f.stale = true
	f.log().Error().Str("why", f.reason()).Dur("max_staleness_ms", f.bucket.broker.options.MaxStaleness).
		Msg("knowledge is older than max_staleness: protected requests are refused until freshness is proved")
}

// reason is why nothing newer is proved; "" when it is.
func (f *feed) reason() string {
	why := f.why.Load()
	switch age := f.age(f.bucket.broker.clock.now()); {
	case why != nil:
		return why.text
	case age <= f.bucket.broker.options.MaxStaleness:
		return ""
	case f.proof.Load() == nil:
		return "nothing is proved yet"
	case age == never:
		return "the wall clock jumped, or the machine slept"
	}
	return "this node did not run, or is too slow"
}

func (f *feed) log() *zerolog.Logger {
	log := f.bucket.broker.log.With().Str("bucket", f.bucket.spec.Name).Logger()
	return &log
}

// FeedStatus is how fresh a node's knowledge of a deciding bucket is.
type FeedStatus struct {
	Name      string `json:"name"`
	Fresh     bool   `json:"fresh"`
	Staleness int64  `json:"staleness_ms"`  // -1: not proved, or the clock jumped since
	Why       string `json:"why,omitempty"` // why the last heartbeat proved nothing; "": it did
}

// Freshness tells of each bucket that decides access, in the order of opening. It asks nobody.
func (b *Broker) Freshness() []FeedStatus {
	b.mu.Lock()
	buckets := b.buckets
	b.mu.Unlock()
	now := b.clock.now()
	all := []FeedStatus{}
	for _, bucket := range buckets {
		if !bucket.spec.Decides {
			continue
		}
		age := bucket.feed.age(now)
		s := FeedStatus{Name: bucket.spec.Name, Fresh: age <= b.options.MaxStaleness, Staleness: -1, Why: bucket.feed.reason()}
		if age != never {
			s.Staleness = age.Milliseconds()
		}
		all = append(all, s)
	}
	return all
}

// stalenessOf is read when the metrics are asked for.
type stalenessOf struct {
	broker *Broker
	age    *prometheus.Desc
}

func newStaleness(b *Broker) stalenessOf {
	return stalenessOf{b, prometheus.NewDesc("picket_feed_staleness_seconds",
		"How old this node's knowledge of a bucket may be; -1: not proved. Past max_staleness it refuses protected requests.",
		[]string{"bucket"}, nil)}
}

// Describe implements prometheus.Collector.
func (s stalenessOf) Describe(c chan<- *prometheus.Desc) { c <- s.age }

// Collect implements prometheus.Collector.
func (s stalenessOf) Collect(c chan<- prometheus.Metric) {
	for _, f := range s.broker.Freshness() {
		age := -1.0
		if f.Staleness >= 0 {
			age = float64(f.Staleness) / 1000
		}
		c <- prometheus.MustNewConstMetric(s.age, prometheus.GaugeValue, age, f.Name)
	}
}
