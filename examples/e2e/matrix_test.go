//go:build e2e

package e2e

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"picket/examples/pace"
)

// cutWithin is when the last thing that somebody has open is cut, after what ends their access was acknowledged. It takes
// milliseconds; the rest is for a busy machine.
const cutWithin = 3 * time.Second

// end is something that ends a person's access.
type end struct {
	name    string
	act     func(t *testing.T, m *matrix, alice *person) (undo func()) // answers when a quorum has it
	refused int                                                        // how the next request is answered
	all     bool                                                       // everybody's access ends
	resumes bool                                                       // once undone, what they hold is good again
}

func ends() []end {
	return []end{
		{name: "the sessions are revoked", refused: 401, act: func(t *testing.T, m *matrix, alice *person) func() {
			for _, s := range m.sessionsOf(t, alice) {
				m.nodes[0].admits(t, http.MethodDelete, "/v1/sessions/"+s.ID, nil)
			}
			return nil
		}},
		{name: "all sessions of the user are revoked", refused: 401, act: func(t *testing.T, m *matrix, alice *person) func() {
			m.nodes[0].admits(t, http.MethodDelete, "/v1/users/"+alice.email()+"/sessions", nil)
			return nil
		}},
		{name: "the user is made inactive", refused: 401, act: func(t *testing.T, m *matrix, alice *person) func() {
			at := "/v1/users/" + m.sessionsOf(t, alice)[0].User
			m.nodes[0].admits(t, http.MethodPut, at, map[string]bool{"active": false})
			return func() { m.nodes[0].admits(t, http.MethodPut, at, map[string]bool{"active": true}) }
		}},
		{name: "the user is locked", refused: 403, resumes: true, act: func(t *testing.T, m *matrix, alice *person) func() {
			return m.lock(t, "user", "", alice.email())
		}},
		{name: "a group is locked", refused: 403, resumes: true, act: func(t *testing.T, m *matrix, _ *person) func() {
			return m.lock(t, "group", "", "admins")
		}},
		{name: "the sessions are locked", refused: 403, resumes: true, act: func(t *testing.T, m *matrix, alice *person) func() {
			var ids []string
			for _, s := range m.sessionsOf(t, alice) {
				ids = append(ids, s.ID)
			}
			return m.lock(t, "session", "", ids...)
		}},
		{name: "the device is locked", refused: 403, resumes: true, act: func(t *testing.T, m *matrix, alice *person) func() {
			all := m.sessionsOf(t, alice)
			return m.lock(t, "device", "", all[len(all)-1].Device) // that of the last sign-in
		}},
		{name: "the address is locked", refused: 403, resumes: true, act: func(t *testing.T, m *matrix, alice *person) func() {
			return m.lock(t, "address", "", alice.address)
		}},
		{name: "the user is locked for a while", refused: 403, resumes: true, act: func(t *testing.T, m *matrix, alice *person) func() {
			m.lock(t, "user", "10s", alice.email()) // long enough for every node to be asked meanwhile
			return nil                              // it ends by itself
		}},
		{name: "a group is gone", refused: 403, resumes: true, act: func(t *testing.T, m *matrix, alice *person) func() {
			regroup := func(groups ...string) {
				m.provider.dev.SetGroups(alice.name, groups...)
				m.visit(t).signIn(t, alice.name, m.url("app")+"/") // elsewhere: the cluster is told then
			}
			regroup("admins")
			return func() { regroup("admins", "staff") }
		}},
		{name: "a fact has changed", refused: 403, resumes: true, act: func(t *testing.T, m *matrix, alice *person) func() {
			at := "/v1/data/barred/" + url.PathEscape(alice.email())
			m.nodes[0].admits(t, http.MethodPut, at, true)
			return func() { m.nodes[0].admits(t, http.MethodDelete, at, nil) }
		}},
		{name: "the policy has changed", refused: 403, resumes: true, act: func(t *testing.T, m *matrix, alice *person) func() {
			m.reload(t, strings.Replace(m.text, `in_group("staff")`, `in_group("staff") && user.email != "`+alice.email()+`"`, 1))
			return func() { m.reload(t, m.text) }
		}},
		{name: "the routes are gone", refused: 404, all: true, resumes: true, act: func(t *testing.T, m *matrix, _ *person) func() {
			m.reload(t, strings.ReplaceAll(m.text, "https://app.", "https://moved."))
			return func() { m.reload(t, m.text) }
		}},
	}
}

// TestWhatEndsAccessCutsEveryKindOfTrafficOnEveryNode is the matrix: each end of somebody's access, told to one node, against
// everything that they have open through the others.
func TestWhatEndsAccessCutsEveryKindOfTrafficOnEveryNode(t *testing.T) {
	m := startMatrix(t)
	bob := m.signsIn(t, "bob", "192.0.2.2")
	bobs := m.open(t, bob, m.nodes[1:]...)
	for _, e := range ends() {
		t.Run(e.name, func(t *testing.T) {
			alice := m.signsIn(t, "alice", "192.0.2.1")
			flows := m.open(t, alice, m.nodes[1:]...)
			told := time.Now()
			undo := e.act(t, m, alice)
			acknowledged := time.Now()
			for _, n := range m.nodes {
				m.refuses(t, n, alice, e.refused, acknowledged)
			}
			areCut(t, flows, told, acknowledged)
			if e.all {
				areCut(t, bobs, told, acknowledged)
			}
			if undo != nil {
				undo()
			}
			if e.resumes {
				m.letsIn(t, alice)
			}
			if e.all {
				bobs = m.open(t, bob, m.nodes[1:]...)
			}
			for _, f := range bobs {
				f.goesOn(t)
			}
		})
	}
}

// lock adds a lock of each target, and gives what removes them. ttl "": they last.
func (m *matrix) lock(t *testing.T, kind, ttl string, targets ...string) (remove func()) {
	t.Helper()
	var ids []string
	for _, target := range targets {
		made := m.nodes[0].admits(t, http.MethodPost, "/v1/locks", map[string]string{"kind": kind, "target": target, "ttl": ttl, "reason": "the matrix"})
		ids = append(ids, made["id"].(string))
	}
	return func() {
		for _, id := range ids {
			m.nodes[0].admits(t, http.MethodDelete, "/v1/locks/"+id, nil)
		}
	}
}

func (p *person) email() string { return p.name + "@example.com" }

// sessionsOf are a person's, as the first node tells them.
func (m *matrix) sessionsOf(t *testing.T, p *person) []sessionSeen {
	t.Helper()
	var all []sessionSeen
	for _, one := range m.nodes[0].admits(t, http.MethodGet, "/v1/sessions?user="+url.QueryEscape(p.email()), nil)["sessions"].([]any) {
		s := one.(map[string]any)
		device, _ := s["device"].(string)
		all = append(all, sessionSeen{ID: s["id"].(string), User: s["user"].(string), Device: device})
	}
	return all
}

type sessionSeen struct{ ID, User, Device string }

// plain is how a node answers one request of a person's program.
func (m *matrix) plain(n *node, p *person) (int, error) {
	response, err := m.client(n, false).RoundTrip(m.asks(p, http.MethodGet, "/", false))
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, errors.Join(err, response.Body.Close())
}

// refuses waits until a node refuses new requests as it should.
func (m *matrix) refuses(t *testing.T, n *node, p *person, want int, acknowledged time.Time) {
	t.Helper()
	eventually(t, max(cutWithin-time.Since(acknowledged), time.Millisecond), func() string {
		if got, err := m.plain(n, p); err != nil || got != want {
			return n.name + " answers " + http.StatusText(got)
		}
		return ""
	})
}

// letsIn waits until every node lets a person in with what they hold.
func (m *matrix) letsIn(t *testing.T, p *person) {
	t.Helper()
	for _, n := range m.nodes {
		eventually(t, patience, func() string {
			if got, err := m.plain(n, p); err != nil || got != http.StatusOK {
				return n.name + " answers " + http.StatusText(got)
			}
			return ""
		})
	}
}

// areCut fails unless all flows end in time, and so that it cannot be taken for their own end.
func areCut(t *testing.T, flows []*flow, told, acknowledged time.Time) {
	t.Helper()
	late, slow := time.After(patience), pace.Start(t)
	var took []time.Duration
	for _, f := range flows {
		select {
		case <-f.ended:
			took = append(took, max(f.at.Sub(acknowledged), 0))
			if f.at.Before(told) {
				t.Errorf("%s through %s ended before: %v", f.kind, f.node.name, f.how)
			}
		case <-late:
			t.Fatalf("%s through %s is still open", f.kind, f.node.name)
		}
		if errors.Is(f.how, io.EOF) && !errors.Is(f.how, io.ErrUnexpectedEOF) || errors.Is(f.how, errNoReason) {
			t.Errorf("%s through %s ended like this: %v", f.kind, f.node.name, f.how)
		}
	}
	slices.Sort(took)
	if last := took[len(took)-1]; last > slow.Within(cutWithin) {
		t.Errorf("the last flow was cut %s after the acknowledgement", last)
	}
	t.Logf("%d flows cut after the acknowledgement: p50 %s, max %s", len(took), took[len(took)/2], took[len(took)-1])
}
