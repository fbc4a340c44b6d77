package proxy

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// classes are the labels of statuses by their first digit.
var classes = [...]string{"other", "1xx", "2xx", "3xx", "4xx", "5xx"}

// bounds are how long the requests of one bucket of the histogram took at most; there is one more for those that took longer.
var bounds = [...]time.Duration{
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2500 * time.Millisecond, 5 * time.Second,
	10 * time.Second, 30 * time.Second,
}

// tallies count requests by their routes. They are two metrics of which each request is one step: a counter and a histogram would
// take several each, and both would look for their place.
type tallies struct {
	requests, duration *prometheus.Desc

	mu  sync.Mutex
	all map[string]*tally // guarded by mu: by the names of routes
}

// tally counts the requests of one route. The zero tally is ready.
type tally struct {
	served [len(classes)][len(bounds) + 1]atomic.Uint64
	took   atomic.Uint64 // by all of them, in microseconds
}

func newTallies() *tallies {
	return &tallies{
		requests: prometheus.NewDesc("picket_requests_total", "Requests answered, by route and class of status.", []string{"route", "class"}, nil),
		duration: prometheus.NewDesc("picket_request_duration_seconds",
			"From reading a request's headers to the end of its response, by route.", []string{"route"}, nil),
		all: map[string]*tally{},
	}
}

// of is where the requests of a route are counted.
func (all *tallies) of(route string) *tally {
	all.mu.Lock()
	defer all.mu.Unlock()
	t := all.all[route]
	if t == nil {
		t = new(tally)
		all.all[route] = t
	}
	return t
}

// add counts a request.
func (t *tally) add(status int, took time.Duration) {
	class := status / 100
	if class < 0 || class >= len(classes) {
		class = 0
	}
	bucket := 0
	for bucket < len(bounds) && took > bounds[bucket] {
		bucket++
	}
	t.served[class][bucket].Add(1)
	t.took.Add(uint64(max(0, took).Round(time.Microsecond) / time.Microsecond))
}

// Describe tells which metrics there are.
func (all *tallies) Describe(to chan<- *prometheus.Desc) { to <- all.requests; to <- all.duration }

// Collect tells what was counted, of what was counted at all.
func (all *tallies) Collect(to chan<- prometheus.Metric) {
	all.mu.Lock()
	defer all.mu.Unlock()
	for route, t := range all.all {
		all.collect(to, route, t)
	}
}

func (all *tallies) collect(to chan<- prometheus.Metric, route string, t *tally) {
	took := float64(t.took.Load()) / float64(time.Second/time.Microsecond)
	var counts [len(bounds) + 1]uint64
	for class := range t.served {
		served := uint64(0)
		for bucket := range t.served[class] {
			n := t.served[class][bucket].Load()
			served += n
			counts[bucket] += n
		}
		if served > 0 {
			to <- prometheus.MustNewConstMetric(all.requests, prometheus.CounterValue, float64(served), route, classes[class])
		}
	}
	count, upTo := uint64(0), make(map[float64]uint64, len(bounds))
	for bucket, n := range counts {
		count += n
		if bucket < len(bounds) {
			upTo[bounds[bucket].Seconds()] = count
		}
	}
	if count > 0 {
		to <- prometheus.MustNewConstHistogram(all.duration, count, took, upTo, route)
	}
}
