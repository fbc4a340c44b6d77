//go:build e2e

package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"picket/examples/ports"
)

// told is a line of the client's.
type told struct {
	Step, Details, Why, Said, Trailer string
	Code, Length                      int
}

// nodeServer is an application that speaks gRPC by @grpc/grpc-js.
func nodeServer(t *testing.T) (address string) {
	t.Helper()
	address = ports.One(t)
	p := &process{name: "grpc-server", command: []string{"node", "grpc/server.mjs"}, env: []string{"ADDRESS=" + address}}
	keep(t, p)
	p.start(t)
	eventually(t, patience, func() string {
		if p.hasEnded() {
			t.Fatal("the gRPC server ended: has ./install been run?")
		}
		if !strings.Contains(p.log.String(), "listening") {
			return "the gRPC server does not listen"
		}
		return ""
	})
	return address
}

// told waits for the line of a step.
func (p *process) told(t *testing.T, step string) (line told) {
	t.Helper()
	eventually(t, patience, func() string {
		for text := range strings.Lines(p.log.String()) {
			if json.Unmarshal([]byte(text), &line) == nil && line.Step == step {
				return ""
			}
		}
		return "the gRPC client does not tell of " + step + ":\n" + p.log.String()
	})
	return line
}

// The codes of gRPC that are met here.
const (
	grpcOK              = 0
	grpcNotFound        = 5
	grpcUnauthenticated = 16
)

func TestNodeSpeaksGRPCThroughTheDoor(t *testing.T) {
	m := startMatrix(t, "E2E_NODE_GRPC=h2c://"+nodeServer(t))
	alice := m.signsIn(t, "alice", "192.0.2.1")
	client := &process{name: "grpc-client", command: []string{"node", "grpc/client.mjs"}, env: []string{
		"ADDRESS=" + m.nodes[1].listen, "AUTHORITY=" + m.host("app"), "CA=" + m.ca, "BEARER=" + alice.bearer,
	}}
	keep(t, client)
	client.start(t)
	m.tellsPagesInTheBody(t)

	if nobody := client.told(t, "nobody"); nobody.Code != grpcUnauthenticated || !strings.HasPrefix(nobody.Details, "You are not signed in") {
		t.Errorf("nobody is told %+v", nobody)
	}
	if l := client.told(t, "somebody"); l.Code != grpcOK || l.Said != "hello" || l.Trailer != "node" {
		t.Errorf("somebody is told %+v", l)
	}
	if l := client.told(t, "large"); l.Length != 1<<20 {
		t.Errorf("a message of 1 MiB comes back with %d bytes", l.Length)
	}
	if l := client.told(t, "fails"); l.Code != grpcNotFound || l.Details != "no such thing: 100 % sure" || l.Why != "it was asked to" {
		t.Errorf("the application's own refusal comes as %+v", l)
	}
	if l := client.told(t, "chat"); l.Code != grpcOK || l.Said != "ababa" {
		t.Errorf("a conversation comes as %+v", l)
	}
	client.told(t, "ticks")
	m.nodes[0].admits(t, http.MethodDelete, "/v1/users/"+alice.email()+"/sessions", nil)
	if l := client.told(t, "cut"); l.Code != grpcUnauthenticated || !strings.HasPrefix(l.Details, "You are not signed in") {
		t.Errorf("a stream that is cut ends with %+v", l)
	}
}

// tellsPagesInTheBody is what a page is told that speaks gRPC-Web, and that nobody is signed in on.
func (m *matrix) tellsPagesInTheBody(t *testing.T) {
	t.Helper()
	request, err := http.NewRequest(http.MethodPost, m.url("app")+"/picket.Echo/Unary", strings.NewReader("\x00\x00\x00\x00\x00"))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/grpc-web+proto")
	said, err := m.visit(t).send(request)
	if err != nil {
		t.Fatal(err)
	}
	typed := said.header.Get("Content-Type")
	if said.status != http.StatusOK || typed != "application/grpc-web+proto" ||
		!strings.HasPrefix(said.body, "\x80\x00\x00\x00") || !strings.Contains(said.body, "grpc-status: 16\r\n") {
		t.Errorf("a page is told %d, %s, %q", said.status, typed, said.body)
	}
}
