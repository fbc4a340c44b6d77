package node

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// reloadAnswer is the answer to POST /v1/reload.
type reloadAnswer struct {
	*reload
	Loaded   time.Time       `json:"loaded"` // since when what is in force is
	Problems json.RawMessage `json:"problems"`
	Told     string          `json:"told"` // the problems as people read them
}

// reload reads the configuration anew. 422: it was refused, and the answer says why.
func (a *api) reload(w http.ResponseWriter, r *http.Request) {
	if !a.up(w) {
		return
	}
	if a.node.reloads.path == "" {
		fail(w, errors.New("this node was not started from files"))
		return
	}
	made := a.node.reloads.ask(r.Context())
	list, err := made.problems.JSON()
	var told strings.Builder
	if err == nil {
		err = made.problems.Write(&told, false, 0)
	}
	if err != nil {
		fail(w, err)
		return
	}
	code := http.StatusOK
	if made.Result == reloadRefused {
		code = http.StatusUnprocessableEntity
	}
	answer(w, code, reloadAnswer{made, a.node.inForce.Load().since, list, told.String()})
}

// configStatus is the configuration in force, and what became of the last reading of its files.
type configStatus struct {
	Loaded time.Time `json:"loaded"`
	Last   *reload   `json:"last_reload,omitempty"`
}

func (a *api) configStatus() configStatus {
	return configStatus{Loaded: a.node.inForce.Load().since, Last: a.node.reloads.last.Load()}
}

// digestMetric tells which configuration is in force.
type digestMetric struct {
	node *Node
	desc *prometheus.Desc
}

func newDigestMetric(n *Node) digestMetric {
	return digestMetric{n, prometheus.NewDesc("picket_config_info", "1, with the digest of the configuration in force.", []string{"digest"}, nil)}
}

// Describe gives the one description.
func (m digestMetric) Describe(to chan<- *prometheus.Desc) { to <- m.desc }

// Collect gives the one value.
func (m digestMetric) Collect(to chan<- prometheus.Metric) {
	to <- prometheus.MustNewConstMetric(m.desc, prometheus.GaugeValue, 1, m.node.config().Digest)
}
