package node

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

const oneRoute = `
route "open" {
  from   = "http://open.localhost:8080"
  to     = env("APP")
  public = true
}
`

// listed are the names of the nodes that one of them lists.
func (m *running) listed(w *world) string {
	w.t.Helper()
	_, text := m.ask(w, http.MethodGet, "/v1/nodes", "")
	var list struct{ Nodes []nodeStatus }
	w.must(json.Unmarshal([]byte(text), &list))
	var names []string
	for _, n := range list.Nodes {
		names = append(names, n.Name)
	}
	return strings.Join(names, " ")
}

func TestANodeThatStoresNothingIsListedWhileItRuns(t *testing.T) {
	w := newWorld(t, 2, oneRoute, func(http.ResponseWriter, *http.Request) {})
	w.until("both are listed", func() bool { return w.nodes[0].listed(w) == "n1 n2" })
	w.nodes[1].stop()
	w.until("one is", func() bool { return w.nodes[0].listed(w) == "n1" })
}

func TestARunningNodeIsNotRetired(t *testing.T) {
	w := newWorld(t, 1, oneRoute, func(http.ResponseWriter, *http.Request) {})
	w.until("it is listed", func() bool { return w.nodes[0].listed(w) == "n1" })
	if status, text := w.nodes[0].ask(w, http.MethodDelete, "/v1/nodes/n1", ""); status != http.StatusConflict || !strings.Contains(text, "Stop it first") {
		t.Errorf("%d %s", status, text)
	}
	if status, text := w.nodes[0].ask(w, http.MethodDelete, "/v1/nodes/n9", ""); status != http.StatusNotFound {
		t.Errorf("%d %s", status, text)
	}
}
