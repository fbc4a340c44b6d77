//go:build e2e

package e2e

import (
	"net/http"
	"testing"
	"time"
)

// tokenLife is short, so that tokens are refreshed while the test looks on.
const tokenLife = 6 * time.Second

func TestTokensAreRefreshedOnceWhileEveryNodeUsesThemAndChangesArrive(t *testing.T) {
	t.Parallel() // it mostly waits
	c := startCluster(t, func(t *testing.T, c *cluster) *provider { return builtInWith(t, c, tokenLife) })
	provider := c.provider.dev
	alice, bob := c.visit(t), c.visit(t)
	alice.signIn(t, "alice", c.url("app")+"/")
	bob.signIn(t, "bob", c.url("app")+"/")

	load := newLoad(alice, alice, alice)
	refreshes := func(n int) {
		t.Helper()
		eventually(t, patience, func() string {
			if counts := provider.Counts(); counts.Refreshes < n {
				return "tokens are not refreshed"
			}
			return ""
		})
	}
	refreshes(3)
	served, failures := load.stop()
	if len(failures) > 0 {
		t.Errorf("%d of %d requests failed, first %s", len(failures), served, failures[0])
	}
	if counts := provider.Counts(); counts.Reuses > 0 {
		t.Errorf("%d refresh tokens were redeemed twice: %+v", counts.Reuses, counts)
	}

	provider.SetGroups("bob") // the provider has taken his groups away
	bob.isToldEventually(t, http.StatusForbidden)
	provider.SetGroups("bob", "staff")
	bob.isToldEventually(t, http.StatusOK)

	provider.Withdraw("alice") // the provider does not vouch for her any more
	alice.isToldEventually(t, http.StatusUnauthorized)
	bob.isSignedInAs(t, "bob")
}

// isToldEventually asks until every node answers with a status, for as long as tokens may be in use.
func (v *visitor) isToldEventually(t *testing.T, status int) {
	t.Helper()
	eventually(t, 3*tokenLife, func() string {
		for _, n := range v.cluster.nodes {
			a, err := v.over(n).send(asProgram(v.cluster.url("app") + "/api/whoami"))
			if err != nil {
				return err.Error()
			}
			if a.status != status {
				return n.name + " answers " + a.String()
			}
		}
		return ""
	})
}
