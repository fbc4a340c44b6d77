package node

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

const wikiForAll = `
route "wiki" {
  from      = "http://wiki.localhost:8080"
  to        = env("APP")
  any_user  = true
  websocket = true
}
`

// lock adds a lock at the first node, and gives its id.
func (w *world) lock(body string) string {
	w.t.Helper()
	status, text := w.nodes[0].ask(w, http.MethodPost, "/v1/locks", body)
	var made struct{ ID string }
	if err := json.Unmarshal([]byte(text), &made); status != http.StatusOK || err != nil || made.ID == "" {
		w.t.Fatalf("locking: %d %s", status, text)
	}
	return made.ID
}

func TestALockIsInForceOnEveryNodeAtOnce(t *testing.T) {
	w := newWorld(t, 3, wikiForAll, hello)
	const wiki = "http://wiki.localhost:8080/"
	var all []*browser
	for _, n := range w.nodes {
		b := w.browser(n)
		if p := b.visit(wiki, "alice"); p.text != "hello" {
			t.Fatalf("before the lock: %s", p.Status)
		}
		all = append(all, b)
	}
	socket, _, err := websocket.Dial(t.Context(), "ws://wiki.localhost:8080/", &websocket.DialOptions{
		HTTPClient: all[2].client, HTTPHeader: http.Header{"Origin": {"http://wiki.localhost:8080"}},
	})
	w.must(err)
	defer func() { _ = socket.CloseNow() }()
	if _, _, err := socket.Read(t.Context()); err != nil {
		t.Fatal(err)
	}
	id := w.lock(`{"kind": "user", "target": "Alice@example.com", "reason": "laptop stolen", "author": "carol", "ttl": "24h"}`)
	for _, b := range all {
		w.within(2*time.Second, "a node refuses", func() bool { return b.get(wiki).StatusCode == http.StatusForbidden })
		for _, own := range []string{"http://wiki.localhost:8080/.picket/", "http://wiki.localhost:8080/.picket/user", wiki} {
			p := b.get(own)
			if p.StatusCode != http.StatusForbidden || strings.Contains(p.text, "stolen") || strings.Contains(p.text, id) || strings.Contains(p.text, "alice@") {
				t.Errorf("%s: %s\n%s", own, p.Status, p.text)
			}
		}
		if p := b.get("http://wiki.localhost:8080/.picket/sign_out"); p.StatusCode != http.StatusOK {
			t.Errorf("the page of signing out: %s", p.Status)
		}
	}
	if _, _, err := socket.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusPolicyViolation {
		t.Errorf("the socket ended with %v", err)
	}
	if p := w.browser(w.nodes[1]).visit(wiki, "alice"); p.StatusCode != http.StatusForbidden || !strings.Contains(p.text, "Access is locked") {
		t.Errorf("signing in: %s\n%s", p.Status, p.text)
	}
	if status, text := w.nodes[2].ask(w, http.MethodGet, "/v1/locks", ""); status != http.StatusOK || !strings.Contains(text, id) {
		t.Errorf("listed are %d %s", status, text)
	}
	if status, text := w.nodes[1].ask(w, http.MethodDelete, "/v1/locks/"+id, ""); status != http.StatusOK {
		t.Fatalf("removing: %d %s", status, text)
	}
	for _, b := range all {
		w.within(2*time.Second, "the session goes on", func() bool { return b.get(wiki).text == "hello" })
	}
	if lines := w.nodes[0].log.lines("locked by the operator"); len(lines) != 1 || lines[0]["author"] != "carol" || lines[0]["reason"] != "laptop stolen" {
		t.Errorf("logged is %v", lines)
	}
}

func TestAUserMadeInactiveIsOutOnEveryNode(t *testing.T) {
	w := newWorld(t, 2, wikiForAll, hello)
	const wiki = "http://wiki.localhost:8080/"
	b := w.browser(w.nodes[1])
	b.visit(wiki, "alice")
	socket, _, err := websocket.Dial(t.Context(), "ws://wiki.localhost:8080/", &websocket.DialOptions{
		HTTPClient: b.client, HTTPHeader: http.Header{"Origin": {"http://wiki.localhost:8080"}},
	})
	w.must(err)
	defer func() { _ = socket.CloseNow() }()
	if _, _, err := socket.Read(t.Context()); err != nil {
		t.Fatal(err)
	}
	if status, text := w.nodes[0].ask(w, http.MethodPut, "/v1/users/alice@example.com", `{"active": false}`); status != http.StatusOK {
		t.Fatalf("made inactive: %d %s", status, text)
	}
	if _, _, err := socket.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusPolicyViolation {
		t.Errorf("the socket ended with %v", err)
	}
	if p := b.get(wiki); p.StatusCode != http.StatusForbidden || !strings.Contains(p.text, "is not active here") {
		t.Errorf("signing in: %s\n%s", p.Status, p.text)
	}
}

func TestTheAdminAPIOfLocks(t *testing.T) {
	w := newWorld(t, 1, wikiForAll, hello)
	for _, c := range []struct {
		method, path, body string
		status             int
		answer             string // is in it
	}{
		{"GET", "/v1/locks", "", 200, `"locks": []`},
		{"POST", "/v1/locks", `{"kind": "group", "target": "contractors"}`, 200, `"kind": "group"`},
		{"POST", "/v1/locks", `{"kind": "address", "target": "203.0.113.0/24", "ttl": "90m"}`, 200, `"expires"`},
		{"POST", "/v1/locks", `{"kind": "address", "target": "203.0.113.7/24"}`, 400, "203.0.113.0/24"},
		{"POST", "/v1/locks", `{"kind": "address", "target": "nowhere"}`, 400, "no address"},
		{"POST", "/v1/locks", `{"kind": "user", "target": "alice"}`, 400, "no user"},
		{"POST", "/v1/locks", `{"kind": "planet", "target": "earth"}`, 400, "cannot be locked"},
		{"POST", "/v1/locks", `{"kind": "group", "target": "g", "ttl": "-1h"}`, 400, "ttl is"},
		{"POST", "/v1/locks", `{"kind": "group", "target": "g", "ttl": "7d"}`, 400, "ttl is"},
		{"POST", "/v1/locks", `{"kind": "group", "target": "g", "ttl": "2562047h"}`, 400, "at most"},
		{"POST", "/v1/locks", `{"kind": "group", "target": "g"} {"kind": "group", "target": "h"}`, 400, "something follows"},
		{"POST", "/v1/locks", `{"kind": "group", "target": "g", "tll": "1h"}`, 400, "tll"},
		{"POST", "/v1/locks", `{`, 400, "body"},
		{"POST", "/v1/locks", `{"kind": "session", "target": "AAAAAAAAAAAAAAAAAAAAAA"}`, 404, "session"},
		{"DELETE", "/v1/locks/nothing", "", 404, "nothing"},
		{"PUT", "/v1/users/nobody@example.com", `{"active": false}`, 404, "nobody"},
		{"PUT", "/v1/users/nobody@example.com", `{}`, 400, "active"},
	} {
		status, text := w.nodes[0].ask(w, c.method, c.path, c.body)
		if status != c.status || !strings.Contains(text, c.answer) {
			t.Errorf("%s %s %s: %d %s", c.method, c.path, c.body, status, text)
		}
	}
}
