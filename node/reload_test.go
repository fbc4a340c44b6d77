package node

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"picket/examples/ports"
	"picket/node/config"
)

// open and shut are two configurations of one route.
const (
	openToStaff = `
policy "staff" {
  allow "all" { when = user.email_domain == "example.com" }
}
route "wiki" {
  from      = "http://wiki.localhost:8080"
  to        = env("APP")
  policy    = policy.staff
  websocket = true
}
`
	shutToAlice = `
policy "staff" {
  allow "all" { when = user.email_domain == "example.com" }
  deny "alice" {
    when    = user.email == "alice@example.com"
    message = "Not today."
  }
}
route "wiki" {
  from      = "http://wiki.localhost:8080"
  to        = env("APP")
  policy    = policy.staff
  websocket = true
}
`
)

// echoing answers with a WebSocket where one is asked for, else with a word.
func echoing(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Upgrade") == "" {
		_, _ = io.WriteString(w, "hello")
		return
	}
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return
	}
	defer func() { _ = c.CloseNow() }()
	for {
		kind, text, err := c.Read(r.Context())
		if err != nil || c.Write(r.Context(), kind, text) != nil {
			return
		}
	}
}

// put replaces a file at one moment.
func (w *world) put(path, text string) {
	w.t.Helper()
	w.must(os.WriteFile(path+".new", []byte(text), 0o600))
	w.must(os.Rename(path+".new", path))
}

// told is the answer to POST /v1/reload.
type told struct {
	Result  string
	Changes []string
	Error   string
	Told    string
	Digest  string
}

func (m *running) reload(w *world, wantStatus int) (answer told) {
	w.t.Helper()
	status, text := m.ask(w, http.MethodPost, "/v1/reload", "")
	w.must(json.Unmarshal([]byte(text), &answer))
	if status != wantStatus {
		w.t.Fatalf("%d: %s", status, text)
	}
	return answer
}

// load puts a configuration in force, before the node notices by itself that the file is another.
func (w *world) load(hcl string) told {
	w.t.Helper()
	r := w.nodes[0].reloads
	r.mu.Lock()
	defer r.mu.Unlock()
	w.put(w.file, basics+hcl)
	made := r.load(w.t.Context(), config.Read(w.file))
	if made.Result == reloadRefused {
		w.t.Fatalf("refused: %s %s", made.Error, made.problems.Error())
	}
	return told{Result: made.Result, Changes: made.Changes, Digest: made.Digest}
}

// socket opens a WebSocket as the visitor that b is.
func (b *browser) socket(address string) *websocket.Conn {
	b.w.t.Helper()
	c, _, err := websocket.Dial(b.w.t.Context(), address, &websocket.DialOptions{HTTPClient: b.client, HTTPHeader: http.Header{"Origin": {strings.TrimSuffix(address, "/")}}})
	b.w.must(err)
	b.w.t.Cleanup(func() { _ = c.CloseNow() })
	return c
}

// echoes tells whether a WebSocket carries a message there and back.
func echoes(w *world, c *websocket.Conn) bool {
	ctx, cancel := context.WithTimeout(w.t.Context(), testPatience)
	defer cancel()
	if err := c.Write(ctx, websocket.MessageText, []byte("x")); err != nil {
		return false
	}
	_, text, err := c.Read(ctx)
	return err == nil && string(text) == "x"
}

// closed is how a WebSocket was closed.
func closed(w *world, c *websocket.Conn) (websocket.StatusCode, string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), testPatience)
	defer cancel()
	_, _, err := c.Read(ctx)
	var end websocket.CloseError
	if !errors.As(err, &end) {
		w.t.Fatalf("it was not closed: %v", err)
	}
	return end.Code, end.Reason
}

const wiki = "http://wiki.localhost:8080/"

func TestANewPolicyRefusesAndCutsAtOnce(t *testing.T) {
	w := newWorld(t, 1, openToStaff, echoing)
	alice, bob := w.browser(w.nodes[0]), w.browser(w.nodes[0])
	if p := alice.visit(wiki, "alice"); p.text != "hello" {
		t.Fatal(p.Status, p.text)
	}
	bob.visit(wiki, "bob")
	cut, kept := alice.socket(wiki), bob.socket(wiki)
	if !echoes(w, cut) || !echoes(w, kept) {
		t.Fatal("no echo")
	}
	if got := w.load(shutToAlice); got.Result != "loaded" || !slices.Equal(got.Changes, []string{`policy "staff" changed`}) {
		t.Errorf("got %+v", got)
	}
	if p := alice.get(wiki); p.StatusCode != http.StatusForbidden || !strings.Contains(p.text, "Not today.") {
		t.Errorf("alice: %s", p.Status)
	}
	if p := bob.get(wiki); p.text != "hello" {
		t.Errorf("bob: %s", p.Status)
	}
	if code, reason := closed(w, cut); code != websocket.StatusPolicyViolation {
		t.Errorf("closed with %d %q", code, reason)
	}
	if !echoes(w, kept) {
		t.Error("bob's WebSocket was cut, too")
	}
}

func TestRoutesComeAndGo(t *testing.T) {
	w := newWorld(t, 1, openToStaff, echoing)
	b := w.browser(w.nodes[0])
	b.visit(wiki, "alice")
	c := b.socket(wiki)
	moved := strings.NewReplacer(`"wiki"`, `"docs"`, "wiki.localhost", "docs.localhost").Replace(openToStaff)
	if got := w.load(moved); !slices.Equal(got.Changes, []string{`route "wiki" removed`, `route "docs" added`}) {
		t.Errorf("got %+v", got)
	}
	if code, reason := closed(w, c); code != websocket.StatusPolicyViolation || !strings.Contains(reason, "no longer leads") {
		t.Errorf("closed with %d %q", code, reason)
	}
	if p := b.get(wiki); p.StatusCode != http.StatusNotFound {
		t.Errorf("the old one: %s", p.Status)
	}
	if p := b.get("http://docs.localhost:8080/"); p.text != "hello" {
		t.Errorf("the new one, which the session is good for: %s", p.Status)
	}
}

func TestSessionsOfAnIdentityThatIsGoneAreNone(t *testing.T) {
	w := newWorld(t, 1, openToStaff, echoing)
	b := w.browser(w.nodes[0])
	b.visit(wiki, "alice")
	c := b.socket(wiki)
	w.put(w.file, strings.Replace(basics, `identity "corp"`, `identity "other"`, 1)+openToStaff)
	w.nodes[0].reload(w, http.StatusOK)
	if code, _ := closed(w, c); code != websocket.StatusPolicyViolation {
		t.Errorf("closed with %d", code)
	}
	if p := b.do(http.MethodGet, wiki, nil, "Accept", "application/json"); p.StatusCode != http.StatusUnauthorized {
		t.Errorf("got %s", p.Status)
	}
	if p := b.get(wiki); p.text != "hello" {
		t.Errorf("signing in by the other: %s %s", p.Status, p.text)
	}
}

func TestABadConfigurationChangesNothingAndIsTold(t *testing.T) {
	w := newWorld(t, 1, openToStaff, echoing)
	n := w.nodes[0]
	b := w.browser(n)
	b.visit(wiki, "alice")
	before := n.config().Digest
	for what, c := range map[string]struct{ text, told string }{
		"mistakes":        {basics + strings.ReplaceAll(openToStaff, "policy.staff", "policy.stuff"), "policy.stuff"},
		"no HCL":          {basics + "route {{{", "cluster.hcl:"},
		"takes a restart": {strings.Replace(basics, `name    = "test"`, `name = "text"`, 1) + openToStaff, `name = "text"`},
	} {
		w.put(w.file, c.text)
		got := n.reload(w, http.StatusUnprocessableEntity)
		if got.Result != "refused" || got.Digest != before || got.Error == "" || !strings.Contains(got.Told, c.told) || !strings.Contains(got.Told, "^") {
			t.Errorf("%s: %+v", what, got)
		}
		if p := b.get(wiki); p.text != "hello" {
			t.Errorf("%s: %s", what, p.Status)
		}
		if got := n.metric(w, "picket_config_last_reload_successful"); got != "0" {
			t.Errorf("%s: the metric says %q", what, got)
		}
		_, status := n.ask(w, http.MethodGet, "/v1/status", "")
		if !strings.Contains(status, `"result": "refused"`) || !strings.Contains(status, before) {
			t.Errorf("%s: the status says %s", what, status)
		}
	}
	if len(n.log.lines("configuration not loaded; the one before stays in force")) < 3 {
		t.Error("the log does not say so")
	}
	if got := w.load(openToStaff); got.Result != "unchanged" {
		t.Errorf("put back, it is %+v", got)
	}
	if got := n.metric(w, "picket_config_last_reload_successful"); got != "1" {
		t.Errorf("put back, the metric says %q", got)
	}
	if got := n.metric(w, `picket_config_info{digest="`+before+`"}`); got != "1" {
		t.Errorf("the digest is told as %q", got)
	}
}

func TestFilesThatChangeAreReadByThemselves(t *testing.T) {
	w := newWorld(t, 1, openToStaff, echoing)
	n := w.nodes[0]
	until := func(what string, changes ...string) {
		t.Helper()
		w.until(what, func() bool {
			last := n.reloads.last.Load()
			return last != nil && slices.Equal(last.Changes, changes)
		})
	}
	w.put(w.file, basics+shutToAlice)
	until("a file that was replaced is read", `policy "staff" changed`)
	w.must(os.WriteFile(w.file, []byte(basics+openToStaff+"# and\n"+`telemetry { access_log = false }`), 0o600))
	until("a file that was written over is read", `policy "staff" changed`, "telemetry added")
	w.put(w.file, "cluster {")
	w.until("a mistake is told", func() bool { return n.reloads.last.Load().Result == "refused" })
	w.put(w.file, basics+openToStaff+`telemetry { access_log = false }`)
	w.until("and mended", func() bool { return n.reloads.last.Load().Result == "loaded" })
}

func TestAHangupHasTheFilesRead(t *testing.T) {
	w := newWorld(t, 0, openToStaff, echoing)
	hangups := make(chan os.Signal, 1)
	w.startWith(Options{Reading: w.reading("n1"), Hangups: hangups})
	n := w.nodes[0]
	hangups <- os.Interrupt
	w.until("it was read", func() bool { last := n.reloads.last.Load(); return last != nil && last.Result == "unchanged" })
}

func TestFactsComeAndGoWithTheirBlocks(t *testing.T) {
	const oncall = `
data "oncall" { bucket = "oncall" }
policy "staff" {
  allow "all" { when = has(data.oncall, user.email) }
}
route "wiki" {
  from      = "http://wiki.localhost:8080"
  to        = env("APP")
  policy    = policy.staff
  websocket = true
}
`
	w := newWorld(t, 1, openToStaff, echoing)
	n := w.nodes[0]
	b := w.browser(n)
	b.visit(wiki, "alice")
	stale := 0
	watching, stop := context.WithCancel(t.Context())
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		for watching.Err() == nil {
			if !n.broker.Fresh() {
				stale++
			}
			time.Sleep(100 * time.Microsecond)
		}
	}()
	w.load(oncall)
	if p := b.get(wiki); p.StatusCode != http.StatusForbidden {
		t.Errorf("nobody is on call, and alice gets %s", p.Status)
	}
	if status, text := n.ask(w, http.MethodPut, "/v1/data/oncall/alice@example.com", "true"); status != http.StatusOK {
		t.Fatal(status, text)
	}
	w.until("alice is on call", func() bool { return b.get(wiki).text == "hello" })
	w.load(oncall + "# the same bucket\n" + `policy "unused" {
  allow "x" { when = true }
}`)
	if p := b.get(wiki); p.text != "hello" {
		t.Errorf("what is known stays known: %s", p.Status)
	}
	c := b.socket(wiki)
	if status, text := n.ask(w, http.MethodDelete, "/v1/data/oncall/alice@example.com", ""); status != http.StatusOK {
		t.Fatal(status, text)
	}
	if code, _ := closed(w, c); code != websocket.StatusPolicyViolation {
		t.Errorf("a fact of a shared bucket does not cut: %d", code)
	}
	w.load(openToStaff)
	if p := b.get(wiki); p.text != "hello" {
		t.Errorf("without facts: %s", p.Status)
	}
	if status, _ := n.ask(w, http.MethodGet, "/v1/data/oncall", ""); status != http.StatusNotFound {
		t.Errorf("the block that is gone is still served: %d", status)
	}
	stop()
	<-watched
	if stale > 0 {
		t.Errorf("the node was stale meanwhile, %d times", stale)
	}
}

func TestListenersComeAndGo(t *testing.T) {
	w := newWorld(t, 1, openToStaff, echoing)
	n := w.nodes[0]
	address := ports.One(t)
	taken, err := net.Listen("tcp", address)
	w.must(err)
	second := "listen \"second\" { address = \"" + address + "\" }\n"
	w.put(w.file, basics+openToStaff+second)
	if got := n.reload(w, http.StatusUnprocessableEntity); !strings.Contains(got.Error, `"second"`) {
		t.Errorf("an address in use: %+v", got)
	}
	w.must(taken.Close())
	n.reload(w, http.StatusOK)
	res, err := http.Get("http://" + address + "/")
	w.must(err)
	_ = res.Body.Close()
	for range 3 { // close and open again: the address is free at once
		w.load(openToStaff)
		if conn, err := net.Dial("tcp", address); err == nil {
			_ = conn.Close()
			t.Fatal("it still answers")
		}
		w.load(openToStaff + second)
	}
	if got := n.door.Addresses(); len(got) != 2 {
		t.Errorf("open are %v", got)
	}
}

func TestAWatchedFolderAndItsLinks(t *testing.T) {
	w := newWorld(t, 0, openToStaff, echoing)
	// As Kubernetes mounts a ConfigMap: links into a folder that a link leads to, which is put elsewhere at one moment.
	mount := t.TempDir()
	version := func(name, hcl string) {
		t.Helper()
		w.must(os.Mkdir(filepath.Join(mount, name), 0o700))
		w.must(os.WriteFile(filepath.Join(mount, name, "cluster.hcl"), []byte(basics+hcl), 0o600))
		w.must(os.Symlink(name, filepath.Join(mount, "..data_tmp")))
		w.must(os.Rename(filepath.Join(mount, "..data_tmp"), filepath.Join(mount, "..data")))
	}
	version("..1", openToStaff)
	w.must(os.Symlink(filepath.Join("..data", "cluster.hcl"), filepath.Join(mount, "cluster.hcl")))
	w.file = mount
	w.start(w.reading("n1"))
	n := w.nodes[0]
	became := func(what, change string) {
		t.Helper()
		w.until(what, func() bool {
			last := n.reloads.last.Load()
			return last != nil && slices.Contains(last.Changes, change)
		})
	}
	version("..2", shutToAlice)
	became("a link that was put elsewhere is followed", `policy "staff" changed`)
	w.must(os.RemoveAll(filepath.Join(mount, "..1")))
	version("..3", openToStaff+`telemetry { access_log = false }`)
	became("and again", `telemetry added`)
	w.must(os.WriteFile(filepath.Join(mount, "more.hcl"), []byte(`policy "more" {
  allow "x" { when = true }
}`), 0o600))
	became("a file that came into the folder is read", `policy "more" added`)
	w.must(os.Remove(filepath.Join(mount, "more.hcl")))
	became("a file that went is missed", `policy "more" removed`)
}

// reading reads the configuration as a node of this name.
func (w *world) reading(node string) config.Reading {
	w.t.Helper()
	w.t.Setenv("PICKET_NODE", node)
	return config.Read(w.file)
}
