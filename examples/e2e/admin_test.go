//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"
)

// picket runs picket as an operator would, at a node, and gives what it printed.
func (n *node) picket(t *testing.T, args ...string) string {
	t.Helper()
	out, err := n.try(t, args...)
	if err != nil {
		t.Fatalf("picket %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func (n *node) try(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out, complaints bytes.Buffer
	command := exec.Command(picket(t), append(args, "--admin", n.admin)...)
	command.Stdout, command.Stderr = &out, &complaints
	err := command.Run()
	return out.String() + complaints.String(), err
}

// session is one line of `picket sessions list -o json`.
type session struct {
	ID    string `json:"id"`
	Email string `json:"email"`
}

// sessions are those of a person, as a node tells them.
func (n *node) sessions(t *testing.T, person string) []session {
	t.Helper()
	var list struct{ Sessions []session }
	decode(t, n.picket(t, "sessions", "list", "--user", person+"@example.com", "-o", "json"), &list)
	return list.Sessions
}

// status is the part of `picket status -o json` that tests look at.
type status struct {
	Node      string `json:"node"`
	Ready     bool   `json:"ready"`
	Digest    string `json:"digest"`
	Staleness int64  `json:"staleness_ms"`
	Buckets   []struct {
		Name     string `json:"name"`
		Leader   string `json:"leader"`
		Replicas []struct {
			Name    string `json:"name"`
			Current bool   `json:"current"`
			Offline bool   `json:"offline"`
		} `json:"replicas"`
	} `json:"buckets"`
	Nodes []struct {
		Name  string `json:"name"`
		Drift bool   `json:"drift"`
	} `json:"nodes"`
}

func (n *node) status(t *testing.T) status {
	t.Helper()
	var s status
	decode(t, n.picket(t, "status", "-o", "json"), &s)
	return s
}

// tells asks a node for its status without a command, which costs a process each time.
func (n *node) tells() (s status, err error) {
	response, err := http.Get("http://" + n.admin + "/v1/status")
	if err != nil {
		return s, err
	}
	defer func() { _ = response.Body.Close() }()
	return s, json.NewDecoder(response.Body).Decode(&s)
}

// justProved is how old, in milliseconds, the last proof of freshness of a node may be that proves it every second.
const justProved = 3000

// unsettled is what the last fault has left behind; "": nothing.
func (s status) unsettled() string {
	if s.Staleness < 0 || s.Staleness > justProved {
		return fmt.Sprintf("%s last proved that it is fresh %d ms ago", s.Node, s.Staleness)
	}
	for _, b := range s.Buckets {
		if b.Leader == "" {
			return s.Node + ": nobody leads " + b.Name
		}
		for _, r := range b.Replicas {
			if !r.Current || r.Offline {
				return fmt.Sprintf("%s: the copy of %s on %s is behind", s.Node, b.Name, r.Name)
			}
		}
	}
	return ""
}

// leader is the node that leads a bucket, once one does.
func (c *cluster) leader(t *testing.T, bucket string) (leader *node) {
	t.Helper()
	eventually(t, readyWithin, func() string {
		s := c.nodes[0].status(t)
		for _, b := range s.Buckets {
			for _, n := range c.nodes {
				if b.Name == bucket && b.Leader == n.name {
					leader = n
					return ""
				}
			}
		}
		return fmt.Sprintf("nobody leads %s: %+v", bucket, s)
	})
	return leader
}

func decode(t *testing.T, text string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
}
