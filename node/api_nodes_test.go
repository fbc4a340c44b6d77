package node

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"picket/broker"
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

func TestAClockThatIsAheadOrBehindIsTold(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		seen time.Duration // from now
		gone bool
		want time.Duration
	}{
		{0, false, 0}, {-memberEvery, false, 0}, {-goneAfter, false, 0}, {time.Second, false, 0}, {-time.Hour, true, 0},
		{3 * time.Second, false, 3 * time.Second}, {time.Hour, true, time.Hour},
		{-time.Hour - memberEvery, false, -time.Hour}, {-mostBehind - memberEvery - time.Second, false, -mostBehind - time.Second},
	} {
		s := nodeStatus{member: member{Seen: now.Add(c.seen)}, Gone: c.gone}
		if got := s.ahead(now); got != c.want {
			t.Errorf("seen %s from now, gone %v: got %s, want %s", c.seen, c.gone, got, c.want)
		}
	}
	if got := new(nodeStatus).ahead(now); got != 0 {
		t.Errorf("never seen: got %s", got)
	}
}

func TestANodeWhoseClockIsAheadIsListedSo(t *testing.T) {
	w := newWorld(t, 1, oneRoute, func(http.ResponseWriter, *http.Request) {})
	members := w.nodes[0].members
	w.until("it is listed", func() bool { return w.nodes[0].listed(w) == "n1" })
	_, err := members.bucket.Put(t.Context(), memberKey("n7"), member{Name: "n7", Seen: time.Now().Add(time.Hour)}, memberLife)
	w.must(err)
	var list struct{ Nodes []nodeStatus }
	_, text := w.nodes[0].ask(w, http.MethodGet, "/v1/nodes", "")
	w.must(json.Unmarshal([]byte(text), &list))
	if len(list.Nodes) != 2 || list.Nodes[0].Ahead != 0 || list.Nodes[1].Ahead < 3000 {
		t.Errorf("%s", text)
	}
}

func TestANodeKnowsOfItselfWhatItIsNow(t *testing.T) {
	w := newWorld(t, 1, oneRoute, func(http.ResponseWriter, *http.Request) {})
	n := w.nodes[0].Node
	told := []member{{Name: "n1", Digest: "of the configuration before"}, {Name: "n2", Digest: "of another"}}
	list := n.compareNodes(told, broker.Group{}, false)
	if len(list) != 2 || list[0].Drift || list[0].Digest != n.config().Digest || !list[1].Drift {
		t.Errorf("%+v", list)
	}
}
