package authn

import (
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"picket/broker"
)

// reads is how often records of a bucket were read from the store.
func reads(t *testing.T, r *prometheus.Registry, bucket string) (total float64) {
	t.Helper()
	families, err := r.Gather() // two Authn on one broker have the gauges of its feeds twice, which is told; the counters are whole
	if len(families) == 0 {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "picket_store_operations_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			if labels["bucket"] == bucket && labels["operation"] == "get" {
				total += m.GetCounter().GetValue()
			}
		}
	}
	return total
}

func TestAFloodOfForgedCookiesCostsNoReadOfTheStore(t *testing.T) {
	r := prometheus.NewRegistry()
	w := newWorldOn(t, broker.Options{Registry: r})
	b := w.browser("alice")
	b.visit(wikiHost, "wiki", "/")
	good := b.session(wikiHost)
	tag := good[strings.LastIndexByte(good, '.'):]
	before := reads(t, r, "sessions")
	for range 1000 {
		made := w.cookies.make(wikiHost, newID())
		forged := made[:strings.LastIndexByte(made, '.')] + tag
		if _, answer := w.Identify(w.ctx, wikiHost, forged, nil); answer != Absent {
			t.Fatalf("got %v, want absent", answer)
		}
	}
	if after := reads(t, r, "sessions"); after != before {
		t.Errorf("%v reads of the store for forged cookies", after-before)
	}
}

func TestManyWhoAskForASessionThatANodeDoesNotKnowShareOneRead(t *testing.T) {
	r := prometheus.NewRegistry()
	w := newWorldOn(t, broker.Options{Registry: r})
	b := w.browser("alice")
	b.visit(wikiHost, "wiki", "/")
	other := w.node() // knows nothing yet
	before := reads(t, r, "sessions")
	var all sync.WaitGroup
	for range 200 {
		all.Go(func() {
			if _, answer := other.Identify(w.ctx, wikiHost, b.session(wikiHost), nil); answer != Found {
				t.Errorf("got %v, want found", answer)
			}
		})
	}
	all.Wait()
	// Those who ask when the read has been made already find the session in memory; a few more may have been begun in between.
	if after := reads(t, r, "sessions"); after-before < 1 || after-before > 5 {
		t.Errorf("%v reads of the store for one session", after-before)
	}
}
