//go:build e2e

package e2e

import (
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
			a := alice.pick(t, page, "alice", never)
			took := time.Since(began)
			if a.status == 503 && took > 14*time.Second {
				t.Logf("%s of voting were not enough; it waited as long as it is to, and is tried again", took)
				a = alice.open(t, c.url("app")+"/wanted?q=1") // the provider knows alice by now
			}
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
