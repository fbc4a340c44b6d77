package proxy

import (
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"picket/node/config"
)

// counted are the requests of each route and class, and how many were timed of each route.
func counted(t *testing.T, from prometheus.Gatherer) (requests map[[2]string]float64, timed map[string]uint64) {
	t.Helper()
	requests, timed = map[[2]string]float64{}, map[string]uint64{}
	families, err := from.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			switch family.GetName() {
			case "picket_requests_total":
				requests[[2]string{labels["route"], labels["class"]}] = m.GetCounter().GetValue()
			case "picket_request_duration_seconds":
				timed[labels["route"]] = m.GetHistogram().GetSampleCount()
			}
		}
	}
	return requests, timed
}

func TestARouteIsCountedOnWhenItIsMadeReadyAnew(t *testing.T) {
	registry := prometheus.NewRegistry()
	before := newMetrics(registry)
	named := func(name string) *route { return &route{Route: &config.Route{Name: name}} }
	wiki, mail := named("wiki"), named("mail")
	if requests, timed := counted(t, registry); len(requests)+len(timed) > 0 {
		t.Errorf("counted before anything was asked: %v, %v", requests, timed)
	}
	for range 2 {
		before.served(wiki, 200, time.Millisecond)
	}
	before.served(wiki, 404, 0)
	before.served(mail, 200, 0)
	before.served(nil, 302, 0)
	before.served(nil, 999, 0)
	before.served(named("wiki"), 204, 0) // by another configuration
	newMetrics(registry).served(wiki, 200, 0)

	requests, timed := counted(t, registry)
	for at, want := range map[[2]string]float64{
		{"wiki", "2xx"}: 4, {"wiki", "4xx"}: 1, {"mail", "2xx"}: 1, {"", "3xx"}: 1, {"", "other"}: 1,
	} {
		if requests[at] != want {
			t.Errorf("%v: %v, want %v", at, requests[at], want)
		}
	}
	if len(requests) != 5 || timed["wiki"] != 5 || timed["mail"] != 1 || timed[""] != 2 {
		t.Errorf("%v, %v", requests, timed)
	}
}

func TestRequestsAreCountedByManyAtOnce(t *testing.T) {
	registry := prometheus.NewRegistry()
	m, r := newMetrics(registry), &route{Route: &config.Route{Name: "wiki"}}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				m.served(r, 200, 0)
			}
		})
	}
	all.Wait()
	if requests, timed := counted(t, registry); requests[[2]string{"wiki", "2xx"}] != 800 || timed["wiki"] != 800 {
		t.Errorf("%v, %v", requests, timed)
	}
}

func BenchmarkServed(b *testing.B) {
	m, r := newMetrics(prometheus.NewRegistry()), &route{Route: &config.Route{Name: "wiki"}}
	b.ReportAllocs()
	for b.Loop() {
		m.served(r, 200, time.Millisecond)
	}
}
