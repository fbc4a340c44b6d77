package proxy

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// TestTalliesTellWhatACounterAndAHistogramWould counts the same requests by both.
func TestTalliesTellWhatACounterAndAHistogramWould(t *testing.T) {
	var uppers []float64
	for _, b := range bounds {
		uppers = append(uppers, b.Seconds())
	}
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "picket_requests_total", Help: "Requests answered, by route and class of status.",
	}, []string{"route", "class"})
	duration := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "picket_request_duration_seconds", Help: "From reading a request's headers to the end of its response, by route.", Buckets: uppers,
	}, []string{"route"})
	plain, ours, all := prometheus.NewRegistry(), prometheus.NewRegistry(), newTallies()
	plain.MustRegister(requests, duration)
	ours.MustRegister(all)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 5000 {
		route, class := []string{"", "wiki", "mail"}[random.IntN(3)], random.IntN(len(classes))
		took := time.Duration(random.ExpFloat64() * float64(time.Second))
		if i < 3*len(bounds) {
			took = bounds[i/3] + time.Duration(i%3-1)*time.Microsecond // at a bound, and beside it
		}
		all.of(route).add([]int{999, 100, 200, 302, 404, 503}[class], took)
		requests.WithLabelValues(route, classes[class]).Inc()
		duration.WithLabelValues(route).Observe(took.Seconds())
	}
	got, wrong := ours.Gather()
	want, err := plain.Gather()
	if err != nil || wrong != nil || len(got) != 2 || len(want) != 2 {
		t.Fatalf("there are %d metrics, want %d: %v, %v", len(got), len(want), wrong, err)
	}
	for i := range want {
		for j, m := range want[i].GetMetric() {
			if h := m.GetHistogram(); h != nil { // ours are summed up in microseconds
				sum := got[i].GetMetric()[j].GetHistogram().SampleSum
				if math.Abs(*sum-h.GetSampleSum()) > 0.01 {
					t.Errorf("%v took %v s, want %v", m.GetLabel(), *sum, h.GetSampleSum())
				}
				*sum, h.CreatedTimestamp = h.GetSampleSum(), nil
			}
			if c := m.GetCounter(); c != nil {
				c.CreatedTimestamp = nil
			}
		}
		if got, want := got[i].String(), want[i].String(); got != want {
			t.Errorf("it tells\n%s, want\n%s", got, want)
		}
	}
}
