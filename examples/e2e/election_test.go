//go:build e2e

package e2e

import (
	"net/http"
	"testing"
	"time"
)

func TestASignInDuringAnElectionWaitsAndSucceeds(t *testing.T) {
	t.Parallel() // it mostly waits
	c := startCluster(t)
	for _, bucket := range []string{"sessions", "users"} {
		t.Run("of "+bucket, func(t *testing.T) {
			alice := c.visit(t)
			page := alice.open(t, c.url("app")+"/wanted?q=1") // all but the last step, which needs the store
			leader := c.leader(t, bucket)
			leader.kill(t)
			began := time.Now()
			a := alice.waitsOut(t, page, "alice", c.url("app")+"/wanted?q=1")
			took := time.Since(began)
			if a.status != 200 || a.at.String() != c.url("app")+"/wanted?q=1" {
				t.Errorf("after %s: %s: %s", took, a, a.words())
			}
			alice.isSignedInAs(t, "alice")
			t.Logf("%s, which led %s, was killed, and the sign-in took %s", leader.name, bucket, took)
			leader.start(t)
			c.ready(t, leader)
		})
	}
}

// voting is how long a sign-in waits at least for others to elect somebody, before it says that it cannot.
const voting = 14 * time.Second

// waitsOut picks a person, for a page that was asked for, while there may be an election. One that takes longer than a
// sign-in waits, as it may on a slow machine, is no failure: then it is tried again.
func (v *visitor) waitsOut(t *testing.T, page answer, person, at string) answer {
	t.Helper()
	began := time.Now()
	tried, a := began, v.pick(t, page, person, never)
	for a.status == http.StatusServiceUnavailable && time.Since(tried) > voting && time.Since(began) < patience {
		t.Logf("%s of voting were not enough; it waited as long as it is to, and is tried again", time.Since(tried))
		tried, a = time.Now(), v.open(t, at) // the provider knows the person by now
	}
	return a
}

func TestANodeThatWakesUpAdmitsNobodyOnWhatItKnewBefore(t *testing.T) {
	t.Parallel() // it mostly waits
	c := startCluster(t)
	alice := c.visit(t)
	alice.signIn(t, "alice", c.url("app")+"/")
	frozen := c.nodes[1]
	alice.over(frozen).isSignedInAs(t, "alice") // it has her in memory

	frozen.freeze(t)
	began := time.Now()
	eventually(t, patience, func() string { // an election may be needed first
		// By name, which needs a list of the users: that must not wait for the frozen node.
		if out, err := c.nodes[0].try(t, "sessions", "revoke", "--user", "alice@example.com"); err != nil {
			return out
		}
		return ""
	})
	eventually(t, staleness+5*time.Second, func() string {
		if time.Since(began) < staleness+time.Second {
			return "it is to sleep for longer than max_staleness"
		}
		return ""
	})
	frozen.thaw(t)
	for range 50 {
		if who, err := alice.over(frozen).whoami(); err == nil {
			t.Fatalf("%s let alice through after its sleep: %+v", frozen.name, who)
		}
	}
	c.ready(t, frozen)
	if who, err := alice.over(frozen).whoami(); err == nil {
		t.Errorf("%s lets alice through: %+v", frozen.name, who)
	}
}
