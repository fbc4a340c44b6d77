//go:build e2e

package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"google.golang.org/grpc"
	health1 "google.golang.org/grpc/health/grpc_health_v1"

	"picket/examples/ports"
)

// every is how often the application of the matrix gives a sign of life on whatever is open.
const every = 20 * time.Millisecond

// matrix is a cluster with an application that does every kind of traffic, and the file that its nodes are run by.
type matrix struct {
	*cluster
	file string // shared by the nodes, which read it anew
	text string // of the file at first
}

// startMatrix starts it; env is added to what the nodes are told.
func startMatrix(t *testing.T, env ...string) *matrix {
	t.Helper()
	m := &matrix{cluster: openCluster(t, "matrix.test"), file: filepath.Join(scratch(t, "matrix"), "matrix.hcl")}
	text, err := os.ReadFile("testdata/matrix.hcl")
	if err != nil {
		t.Fatal(err)
	}
	m.text = string(text)
	m.rewrite(t, m.text)
	authority := newAuthority(t)
	m.roots.AddCert(authority.certificate)
	m.ca = authority.path
	certificate, key := authority.issue(t, "*.matrix.test")
	m.attach(t, builtIn)
	web := httptest.NewServer(http.HandlerFunc(lively))
	t.Cleanup(web.Close)
	peers := ports.Some(t, len(m.nodes))
	for i, n := range m.nodes {
		m.tell(t, n, m.file)
		n.env = append(n.env, "PICKET_BROKER="+peers[i], "PICKET_CLIENT="+ports.One(t), "PICKET_STORE="+t.TempDir(),
			"E2E_CERTIFICATE="+certificate, "E2E_KEY="+key, "E2E_UPSTREAM="+web.URL)
		for j, address := range peers {
			n.env = append(n.env, fmt.Sprintf("PICKET_PEER_%d=%s=%s", j+1, m.nodes[j].name, address))
		}
	}
	grpcAt, tcpAt := livelyGRPC(t), livelyTCP(t)
	for _, n := range m.nodes {
		n.env = append(n.env, "E2E_GRPC=h2c://"+grpcAt, "E2E_TCP=tcp://"+tcpAt)
		n.env = append(n.env, env...)
	}
	m.startAll(t)
	return m
}

// rewrite replaces the nodes' file, whole.
func (m *matrix) rewrite(t *testing.T, text string) {
	t.Helper()
	if err := os.WriteFile(m.file+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(m.file+".new", m.file); err != nil {
		t.Fatal(err)
	}
}

// reload puts another text in force on all nodes.
func (m *matrix) reload(t *testing.T, text string) {
	t.Helper()
	m.rewrite(t, text)
	for _, n := range m.nodes {
		n.admits(t, http.MethodPost, "/v1/reload", nil)
	}
}

// admits asks the admin address of a node, and wants it done.
func (n *node) admits(t *testing.T, method, path string, body any) (answer map[string]any) {
	t.Helper()
	var text bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&text).Encode(body); err != nil {
			t.Fatal(err)
		}
	}
	request, err := http.NewRequest(method, "http://"+n.admin+path, &text)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	said, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %s: %v: %s", method, path, response.Status, err, said)
	}
	decode(t, string(said), &answer)
	return answer
}

// lively answers without end, takes without end, or answers once.
func lively(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/stream":
		livelyBody(w, r, "tick\n")
	case "/events":
		w.Header().Set("Content-Type", "text/event-stream")
		livelyBody(w, r, "data: tick\n\n")
	case "/echo", "/echo/rekeyed", "/echo/moved":
		_, _ = io.Copy(w, r.Body)
	case "/upload":
		_, _ = io.Copy(io.Discard, r.Body)
	case "/ws":
		livelySocket(w, r)
	default:
		_, _ = io.WriteString(w, "here")
	}
}

func livelyBody(w http.ResponseWriter, r *http.Request, text string) {
	beat(r.Context().Done(), func() error {
		_, err := io.WriteString(w, text)
		w.(http.Flusher).Flush()
		return err
	})
}

func livelySocket(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return
	}
	defer conn.CloseNow()
	ctx := conn.CloseRead(r.Context())
	beat(ctx.Done(), func() error { return conn.Write(ctx, websocket.MessageText, []byte("tick")) })
}

// beat does something again and again, until it fails or done is closed.
func beat(done <-chan struct{}, do func() error) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for do() == nil {
		select {
		case <-done:
			return
		case <-tick.C:
		}
	}
}

// livelyTCP says something again and again to whoever connects.
func livelyTCP(t *testing.T) string {
	t.Helper()
	l := listen(t, "127.0.0.1:0")
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				beat(nil, func() error { _, err := io.WriteString(conn, "tick\n"); return err })
			}()
		}
	}()
	return l.Addr().String()
}

// health is the health service of gRPC, whose health changes all the time.
type health struct {
	health1.UnimplementedHealthServer
}

func (health) Watch(_ *health1.HealthCheckRequest, to grpc.ServerStreamingServer[health1.HealthCheckResponse]) error {
	beat(to.Context().Done(), func() error { return to.Send(&health1.HealthCheckResponse{}) })
	return nil
}

func livelyGRPC(t *testing.T) string {
	t.Helper()
	l, server := listen(t, "127.0.0.1:0"), grpc.NewServer()
	health1.RegisterHealthServer(server, health{})
	go func(l net.Listener) { _ = server.Serve(l) }(l) // until Stop
	t.Cleanup(server.Stop)
	return l.Addr().String()
}

// person is somebody with a browser and a program, each with a session of its own.
type person struct {
	name, address string // address is where they say that they come from
	browser       *visitor
	bearer        string
}

// signsIn signs a person in for browser and program.
func (m *matrix) signsIn(t *testing.T, name, address string) *person {
	t.Helper()
	p := &person{name: name, address: address, browser: m.visit(t)}
	p.browser.signIn(t, name, m.url("app")+"/")
	p.bearer = m.bearer(t, p.browser, name, "app")
	return p
}

// bearer goes the way of a program, without one.
func (c *cluster) bearer(t *testing.T, v *visitor, person, host string) string {
	t.Helper()
	const verifier, back = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG", "http://127.0.0.1:9/"
	sum := sha256.Sum256([]byte(verifier))
	q := url.Values{"return": {back}, "state": {"a-state-of-its-own"}, "challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}}
	question := v.open(t, c.url(host)+"/.picket/program?"+q.Encode())
	back2 := func(u *url.URL) bool { return strings.HasPrefix(u.String(), back) }
	allowed := v.allow(t, question)
	end := v.until(t, asPerson(allowed), back2)
	if end.next == nil {
		end = v.pick(t, end, person, back2)
	}
	if end.next == nil {
		t.Fatalf("the program is not handed a code, but %s: %s", end, end.words())
	}
	form := url.Values{"code": {end.next.Query().Get("code")}, "verifier": {verifier}}
	made, err := v.send(posting(c.url(host)+"/.picket/program/token", form))
	if err != nil {
		t.Fatal(err)
	}
	var token struct{ Token string }
	decode(t, made.body, &token)
	return token.Token
}
