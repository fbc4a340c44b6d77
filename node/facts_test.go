package node

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"picket/examples/pace"
)

const onCall = `
data "oncall" {}
data "teams" { bucket = "team-facts" }
policy "production" {
  allow "on call" { when = data.oncall[user.email]["on"] == true }
}
route "ops" {
  from      = "http://ops.localhost:8080"
  to        = env("APP")
  policy    = policy.production
  websocket = true
}
`

// hello is an application that says hello, over a WebSocket for as long as it is open.
func hello(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Upgrade") == "" {
		_, _ = fmt.Fprint(w, "hello")
		return
	}
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return
	}
	defer func() { _ = c.CloseNow() }()
	_ = c.Write(r.Context(), websocket.MessageText, []byte("hello"))
	_, _, _ = c.Read(r.Context())
}

func TestAFactIsInForceOnEveryNodeAtOnce(t *testing.T) {
	w := newWorld(t, 2, onCall, hello)
	first, second := w.browser(w.nodes[0]), w.browser(w.nodes[1])
	const ops = "http://ops.localhost:8080/"
	if p := first.visit(ops, "alice"); p.StatusCode != http.StatusForbidden {
		t.Fatalf("before anything is known: %s", p.Status)
	}
	second.visit(ops, "alice")
	status, text := w.nodes[0].ask(w, http.MethodPut, "/v1/data/oncall/alice@example.com", `{"on": true}`)
	if status != http.StatusOK || !strings.Contains(text, `"revision"`) {
		t.Fatalf("putting: %d %s", status, text)
	}
	for i, b := range []*browser{first, second} {
		w.within(time.Second, fmt.Sprintf("node %d admits", i+1), func() bool { return b.get(ops).text == "hello" })
	}
	socket, _, err := websocket.Dial(t.Context(), "ws://ops.localhost:8080/", &websocket.DialOptions{
		HTTPClient: second.client, HTTPHeader: http.Header{"Origin": {"http://ops.localhost:8080"}},
	})
	w.must(err)
	defer func() { _ = socket.CloseNow() }()
	if _, greeting, err := socket.Read(t.Context()); err != nil || string(greeting) != "hello" {
		t.Fatalf("the socket says %q, %v", greeting, err)
	}
	if status, text := w.nodes[0].ask(w, http.MethodDelete, "/v1/data/oncall/alice%40example.com", ""); status != http.StatusOK {
		t.Fatalf("removing: %d %s", status, text)
	}
	removed, p := time.Now(), pace.Start(t)
	_, _, err = socket.Read(t.Context())
	took := time.Since(removed)
	if code := websocket.CloseStatus(err); code != websocket.StatusPolicyViolation || took > p.Within(time.Second) {
		t.Errorf("the socket ended with %d after %v", code, took)
	}
	for i, b := range []*browser{first, second} {
		w.within(time.Second, fmt.Sprintf("node %d refuses", i+1), func() bool { return b.get(ops).StatusCode == http.StatusForbidden })
	}
}

func TestFactsOfOthersAreRead(t *testing.T) {
	w := newWorld(t, 1, onCall, hello)
	n := w.nodes[0]
	block := func() map[string]any { return n.facts().snapshot().Block("teams") }
	if block() == nil {
		t.Fatal("the block is not known")
	}
	const subject = "$KV.picket-data-team-facts."
	w.publish(subject+"wiki=40example.com", `["alice", 1]`)
	w.publish(subject+"=61", `"a key that is not written so"`)
	w.publish(subject+"broken", `{`)
	w.publish(subject+"team/git", `null`)
	w.until("what was published is there", func() bool { return len(block()) == 3 })
	if got := fmt.Sprint(block()); got != "map[broken:{} team/git:<nil> wiki@example.com:[alice 1]]" {
		t.Errorf("policies see %s", got)
	}
	if status, text := n.ask(w, http.MethodGet, "/v1/data/teams", ""); status != http.StatusOK || strings.Join(strings.Fields(text), "") != `{"records":{"team/git":null,"wiki@example.com":["alice",1]},"unreadable":["broken"]}` {
		t.Errorf("listed are %d %s", status, text)
	}
	if status, text := n.ask(w, http.MethodDelete, "/v1/data/teams/broken", ""); status != http.StatusOK {
		t.Errorf("removing what cannot be read: %d %s", status, text)
	}
	w.until("it is logged which cannot be read", func() bool {
		lines := n.log.lines("a record cannot be read: what it says is unknown")
		return len(lines) > 0 && lines[0]["key"] == "broken"
	})
}

func TestTheAdminAPIOfFacts(t *testing.T) {
	w := newWorld(t, 1, onCall, hello)
	long := strings.Repeat("k", 129)
	for _, c := range []struct {
		method, path, body string
		status             int
		answer             string // begins so, without white space
	}{
		{"GET", "/v1/data", "", 200, `{"data":["oncall","teams"]}`},
		{"GET", "/v1/data/oncall", "", 200, `{"records":{}}`},
		{"GET", "/v1/data/oncal", "", 404, `{"error":"datablock`},
		{"GET", "/v1/data/oncall/a", "", 404, `{"error":`},
		{"DELETE", "/v1/data/oncall/a", "", 404, `{"error":`},
		{"PUT", "/v1/data/oncall/a%2Fb%20c", `{"big": 12345678901234567890}`, 200, `{"revision":`},
		{"GET", "/v1/data/oncall/a%2Fb%20c", "", 200, `{"big":12345678901234567890}`},
		{"PUT", "/v1/data/oncall/a", `{"torn`, 400, `{"error":"thebodyisnotaJSONvalue`},
		{"PUT", "/v1/data/oncall/a", ``, 400, `{"error":`},
		{"PUT", "/v1/data/oncall/a", `1e999`, 400, `{"error":`},
		{"PUT", "/v1/data/oncall/a", `"` + strings.Repeat("x", largestFact) + `"`, 400, `{"error":"avaluehas`},
		{"PUT", "/v1/data/oncall/" + long, `1`, 400, `{"error":"akeyis`},
		{"PUT", "/v1/data/oncall/%FF", `1`, 400, `{"error":"akeyis`},
		{"PUT", "/v1/data/oncall/" + strings.Repeat("%40", 128), `1`, 200, `{"revision":`},
		{"DELETE", "/v1/data/oncall/a%2Fb%20c", "", 200, `{"removed":1}`},
		{"DELETE", "/v1/data/oncall/a%2Fb%20c", "", 404, `{"error":`},
	} {
		status, text := w.nodes[0].ask(w, c.method, c.path, c.body)
		if status != c.status || !strings.HasPrefix(strings.Join(strings.Fields(text), ""), c.answer) {
			t.Errorf("%s %.60s: %d %s", c.method, c.path, status, text)
		}
	}
}
