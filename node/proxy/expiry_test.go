package proxy

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"picket/node/config"
)

func TestWhatEndsSoonIsTold(t *testing.T) {
	ours := newAuthority(t, "Ours")
	now := time.Now()
	list := ours.revokes() // for 100 hours
	w := newWorld(t, http.HandlerFunc(mirror), mutual(t, func(c *config.Config) {
		c.Listeners[0].Client = ours.wants(config.Requested)
		c.Listeners[0].Client.Revoked = list
		c.Routes[0].Client = ours.wants(config.Required)
	}))
	told := func() string {
		w.log.mu.Lock()
		defer w.log.mu.Unlock()
		said := w.log.all.String()
		w.log.all.Reset()
		return said
	}
	w.until("it is told", func() bool {
		w.log.mu.Lock()
		defer w.log.mu.Unlock()
		return strings.Count(w.log.all.String(), "a certificate ends soon") == 2
	})
	if said := told(); strings.Count(said, `"level":"error"`) != 2 || !strings.Contains(said, `"name":"open.test"`) || strings.Contains(said, "revoked") {
		t.Errorf("certificates that end in an hour: %s", said)
	}
	for later, want := range map[time.Duration]string{70 * time.Hour: "", 80 * time.Hour: "warn", 95 * time.Hour: "error", 101 * time.Hour: "error"} {
		w.door.tellExpiries(now.Add(later))
		line := ""
		for l := range strings.Lines(told()) {
			if strings.Contains(l, "a list of revoked certificates") {
				line = l
			}
		}
		if want == "" && line != "" || !strings.Contains(line, want) || want != "" && !strings.Contains(line, "CN=Ours") {
			t.Errorf("%v later, of the list: %s", later, line)
		}
	}
	all := w.metric("picket_client_crl_expiry_timestamp_seconds")
	if len(all) != 1 || all["issuer=CN=Ours listen=main"] != float64(list[0].NextUpdate.Unix()) {
		t.Errorf("lists in the metrics: %v", all)
	}
	if all := w.metric("picket_listener_certificate_expiry_timestamp_seconds"); len(all) != 2 || all["listen=main name=open.test"] == 0 {
		t.Errorf("certificates in the metrics: %v", all)
	}
}

// metric gives the values of a metric by its labels.
func (w *world) metric(name string) map[string]float64 {
	w.t.Helper()
	families, err := w.registry.Gather()
	w.must(err)
	values := map[string]float64{}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			values[strings.Join(labels, " ")] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	return values
}
