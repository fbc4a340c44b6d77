package node

import (
	"encoding/json"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"picket/examples/pace"
	"picket/policy"
)

const watched = `
telemetry {
  decision_log = { keep = "1h", limit = "8MiB" }
}
data "oncall" {}
policy "staff" {
  allow "named" { when = present(user.email) && coalesce(request.headers["X-Team"], "") != "blue" }
  deny "off call" { when = request.path == "/ops" && !coalesce(data.oncall[user.email], false) }
}
policy "candidate" {
  mode = "shadow"
  allow "readers" { when = request.path != "/wiki/new" }
}
route "wiki" {
  from   = "http://wiki.localhost:8080"
  to     = env("APP")
  policy = policy.staff
  shadow = policy.candidate
}
route "open" {
  from   = "http://open.localhost:8080"
  to     = env("APP")
  public = true
}
`

// decision is a record as GET /v1/decisions gives it.
type decision struct {
	At        time.Time       `json:"at"`
	Node      string          `json:"node"`
	RequestID string          `json:"request_id"`
	Route     string          `json:"route"`
	Policies  []string        `json:"policies"`
	Access    string          `json:"access"`
	Decision  policy.Decision `json:"decision"`
	Shadow    []struct {
		Policy string `json:"policy"`
		Change string `json:"change"`
	} `json:"shadow"`
	Input json.RawMessage `json:"input"`
}

// decisions are those that were kept since a time.
func (m *running) decisions(w *world, since time.Time) (all []decision) {
	w.t.Helper()
	status, text := m.ask(w, http.MethodGet, "/v1/decisions?since="+url.QueryEscape(since.Format(time.RFC3339)), "")
	if status != http.StatusOK {
		w.t.Fatalf("reading the decisions: %d %s", status, text)
	}
	for line := range strings.Lines(text) {
		var d decision
		w.must(json.Unmarshal([]byte(line), &d))
		all = append(all, d)
	}
	return all
}

func TestDecisionsAreKeptAndCanBeMadeAgain(t *testing.T) {
	w := newWorld(t, 2, watched, hello)
	n := w.nodes[0]
	begun := time.Now().Add(-time.Minute)
	b := w.browser(n)
	const wiki = "http://wiki.localhost:8080"
	if status, text := n.ask(w, http.MethodPut, "/v1/data/oncall/bob@example.com", `true`); status != http.StatusOK {
		t.Fatal(text)
	}
	b.visit(wiki+"/wiki", "alice")
	b.get(wiki+"/wiki", "X-Team", "blue")
	b.get(wiki + "/ops")
	b.get(wiki + "/wiki/new")
	b.get("http://open.localhost:8080/")
	var all []decision
	w.until("five are kept, and to be read on the other node", func() bool { all = w.nodes[1].decisions(w, begun); return len(all) == 5 })
	slices.SortFunc(all, func(a, b decision) int { return a.At.Compare(b.At) }) // those of two connections come as they come
	var got []string
	for _, d := range all {
		got = append(got, d.Route+" "+d.Decision.Outcome.String()+" "+d.Decision.Rule)
		if d.Node != "n1" || len(d.RequestID) != 32 || time.Since(d.At) > time.Since(begun) {
			t.Errorf("a record says %+v", d)
		}
		in, err := policy.ParseInput(d.Input)
		if err != nil {
			t.Fatalf("%s: %v", d.Input, err)
		}
		if d.Access != "policy" {
			continue
		}
		if again := n.config().Policies.Evaluate(d.Policies[0], in); !reflect.DeepEqual(again, d.Decision) {
			t.Errorf("made again, %v is %v, of %s", d.Decision, again, d.Input)
		}
	}
	want := []string{"wiki allow named", "wiki deny ", "wiki deny off call", "wiki allow named", "open allow public"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("kept are %q", got)
	}
	if len(all[0].Shadow) != 0 || len(all[3].Shadow) != 1 || all[3].Shadow[0].Policy != "candidate" || all[3].Shadow[0].Change != "loses" {
		t.Errorf("shadows: %v, %v", all[0].Shadow, all[3].Shadow)
	}
}

func TestAShadowIsLoggedAndCountedAndNeverEnforced(t *testing.T) {
	w := newWorld(t, 1, watched, hello)
	n := w.nodes[0]
	b := w.browser(n)
	told := func() (changes []any) {
		for _, line := range n.log.lines("request") {
			if shadow, ok := line["shadow"]; ok {
				changes = append(changes, shadow.([]any)[0].(map[string]any)["change"])
			}
		}
		return changes
	}
	if p := b.visit("http://wiki.localhost:8080/wiki/new", "alice"); p.text != "hello" {
		t.Errorf("what a shadow would refuse: %s", p.Status)
	}
	w.until("the line is written", func() bool { return len(told()) == 1 }) // once the response is out
	if p := b.get("http://wiki.localhost:8080/ops"); p.StatusCode != http.StatusForbidden {
		t.Errorf("what a shadow would admit: %s", p.Status)
	}
	for change, want := range map[string]string{"loses": "1", "gains": "1", "same": ""} {
		line := `picket_shadow_decisions_total{change="` + change + `",policy="candidate",route="wiki"}`
		w.until(line+" is "+want, func() bool { return n.metric(w, line) == want })
	}
	w.until("the second line is written", func() bool { return len(told()) == 2 })
	if got := told(); !reflect.DeepEqual(got, []any{"loses", "gains"}) {
		t.Errorf("the log says %v", got)
	}
}

func TestRequestsDoNotWaitForTheDecisionLog(t *testing.T) {
	const patient = `name          = "test"
  max_staleness = "2m"` // longer than all of this takes
	w := newWorldOf(t, 1, strings.Replace(basics, `name    = "test"`, patient, 1)+watched, hello)
	n := w.nodes[0]
	b := w.browser(n)
	b.visit("http://wiki.localhost:8080/wiki", "alice")
	w.nats.Shutdown()
	w.nats.WaitForShutdown()
	begun, p := time.Now(), pace.Start(t)
	for range 20 { // within max_staleness, from memory
		if got := b.get("http://wiki.localhost:8080/wiki"); got.text != "hello" {
			t.Fatalf("without a store: %s", got.Status)
		}
	}
	if took := time.Since(begun); took > p.Within(2*time.Second) {
		t.Errorf("twenty requests took %v", took)
	}
	w.until("the drops are counted", func() bool {
		dropped := n.metric(w, `picket_log_dropped_total{log="decisions"}`)
		return dropped != "" && dropped != "0"
	})
	if status, text := n.ask(w, http.MethodGet, "/v1/decisions", ""); status != http.StatusServiceUnavailable {
		t.Errorf("reading: %d %s", status, text)
	}
}

func TestDecisionsAreNotKeptWhenSwitchedOff(t *testing.T) {
	for _, off := range []string{`keep = "0s"`, `sample = 0`} {
		w := newWorld(t, 1, strings.Replace(watched, `keep = "1h"`, off, 1), hello)
		if p := w.browser(w.nodes[0]).get("http://open.localhost:8080/"); p.text != "hello" {
			t.Errorf("%s: %s", off, p.Status)
		}
		if status, text := w.nodes[0].ask(w, http.MethodGet, "/v1/decisions", ""); status != http.StatusNotFound || !strings.Contains(text, "decision_log") {
			t.Errorf("%s: %d %s", off, status, text)
		}
	}
}

func TestTheAdminAPITellsWhatPoliciesSeeOfASession(t *testing.T) {
	w := newWorld(t, 1, watched, hello)
	n := w.nodes[0]
	w.browser(n).visit("http://wiki.localhost:8080/wiki", "alice")
	sessions, err := n.authn().Sessions(t.Context(), "")
	w.must(err)
	_, text := n.ask(w, http.MethodGet, "/v1/sessions/"+sessions[0].ID+"/input", "")
	in, err := policy.ParseInput([]byte(text))
	w.must(err)
	if in.User.Email != "alice@example.com" || in.Session.ID != sessions[0].ID || len(in.User.Groups) == 0 || in.Request.Method != "" {
		t.Errorf("it is %s", text)
	}
	for path, want := range map[string]int{"/v1/sessions/none/input": 404, "/v1/decisions?since=yesterday": 400} {
		if status, text := n.ask(w, http.MethodGet, path, ""); status != want {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
}
