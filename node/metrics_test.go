package node

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

func TestMetricsAreNamedAsPrometheusHasThemAndExplained(t *testing.T) {
	w := newWorld(t, 1, "", nil)
	families, err := w.nodes[0].registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "picket_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
	ours := 0
	for _, f := range families {
		if strings.HasPrefix(f.GetName(), "picket_") {
			ours++
		}
	}
	if ours < 10 { // those that count nothing yet are not listed
		t.Errorf("%d metrics of ours", ours)
	}
}
