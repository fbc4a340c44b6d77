//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// staleness is max_staleness of the cluster.
const staleness = 15 * time.Second

func TestAStoreThatIsDownLogsNobodyOutAndLetsNobodyIn(t *testing.T) {
	t.Parallel() // it mostly waits
	c := startCluster(t)
	alice := c.visit(t)
	alice.signIn(t, "alice", c.url("app")+"/")
	last := c.nodes[2]
	alice.over(last).isSignedInAs(t, "alice")
	cookie := alice.cookie(t, "app")

	c.nodes[0].kill(t)
	c.nodes[1].kill(t)
	down := time.Now()
	alice.isSignedInAs(t, "alice") // what is known is good for a while

	var a answer
	eventually(t, staleness+3*time.Second, func() string {
		var err error
		a, err = alice.send(asPerson(c.url("app") + "/api/whoami"))
		if err != nil {
			return err.Error()
		}
		if a.status == http.StatusOK {
			return "still let through"
		}
		return ""
	})
	t.Logf("refused %s after the store was gone", time.Since(down))
	c.saysTryLater(t, a)
	a, err := alice.send(asProgram(c.url("app") + "/api/whoami"))
	if err != nil {
		t.Fatal(err)
	}
	c.saysTryLater(t, a)
	eventually(t, patience, func() string { // the question may go unanswered on a slow machine
		if problem := answers("http://" + last.admin + "/readyz"); !strings.Contains(problem, "503") {
			return fmt.Sprintf("a node that cannot prove that it is fresh says it is ready: %q", problem)
		}
		return ""
	})
	if a := c.visit(t).open(t, c.url("public")+"/"); a.status != http.StatusOK {
		t.Errorf("what is public needs no store, and yet: %s", a)
	}

	c.nodes[0].start(t)
	c.nodes[1].start(t)
	c.ready(t, c.nodes...)
	for _, n := range c.nodes {
		alice.over(n).isSignedInAs(t, "alice")
	}
	if got := alice.cookie(t, "app"); got != cookie {
		t.Errorf("the cookie has changed: %q, was %q", got, cookie)
	}
}

// saysTryLater checks an answer of a node that cannot tell who somebody is.
func (c *cluster) saysTryLater(t *testing.T, a answer) {
	t.Helper()
	seconds, err := strconv.Atoi(a.header.Get("Retry-After"))
	if a.status != http.StatusServiceUnavailable || err != nil || seconds < 1 {
		t.Errorf("%s with Retry-After %q, want 503 with some seconds", a, a.header.Get("Retry-After"))
	}
	if set := a.header.Values("Set-Cookie"); len(set) > 0 {
		t.Errorf("cookies are set: %q", set)
	}
	if caching := a.header.Get("Cache-Control"); !strings.Contains(caching, "no-store") {
		t.Errorf("may be cached: %q", caching)
	}
}

func TestAnIdentityProviderThatIsDownChangesNothingForThoseWhoAreSignedIn(t *testing.T) {
	c := startCluster(t)
	alice := c.visit(t)
	alice.signIn(t, "alice", c.url("app")+"/")

	c.provider.down(t)
	for range 30 {
		alice.isSignedInAs(t, "alice")
	}
	for _, n := range c.nodes { // each has a provider to reach, or not, for itself
		bob := c.visitVia(t, c.transport(n.listen))
		a, reached := bob.tryOpen(c.url("app") + "/wanted?q=1")
		// A node that knows the provider's addresses sends people there, where nobody answers: nothing of ours can help.
		// One that does not says so.
		if reached != nil && !strings.HasPrefix(reached.Error(), "at the provider") {
			t.Fatal(reached)
		}
		if reached == nil {
			c.saysProviderIsDown(t, a)
		}
	}

	c.provider.up(t)
	bob := c.visit(t)
	var page answer
	eventually(t, patience, func() string {
		if page = bob.open(t, c.url("app")+"/wanted?q=1"); page.status != http.StatusOK {
			return page.String()
		}
		return ""
	})
	bob.pick(t, page, "bob", never)
	bob.isSignedInAs(t, "bob")
}

func TestASignInThatComesBackToAProviderThatIsDownGetsAClearPageAndWorksLater(t *testing.T) {
	c := startCluster(t)
	bob := c.visit(t)
	page := bob.open(t, c.url("app")+"/wanted?q=1")
	back := bob.pick(t, page, "bob", c.isCallback)

	c.provider.down(t)
	a := bob.open(t, back.next.String())
	c.saysProviderIsDown(t, a)
	if !strings.Contains(a.body, "/wanted?q=1") {
		t.Errorf("the page does not lead back to where bob wanted to go: %s", a.words())
	}
	if got := bob.cookie(t, "app"); got != "" {
		t.Error("bob has a session")
	}
	c.provider.up(t)
	eventually(t, patience, func() string {
		if a = bob.open(t, c.url("app")+"/wanted?q=1"); a.status != http.StatusOK {
			return a.String()
		}
		return ""
	})
	if a.at.String() != c.url("app")+"/wanted?q=1" { // the provider remembers who was picked
		t.Errorf("%s: %s", a, a.words())
	}
	bob.isSignedInAs(t, "bob")
}

func (c *cluster) saysProviderIsDown(t *testing.T, a answer) {
	t.Helper()
	if a.status != http.StatusBadGateway && a.status != http.StatusServiceUnavailable {
		t.Errorf("%s, want 502 or 503", a)
	}
	if !strings.Contains(a.body, "identity provider") || !strings.Contains(a.body, "</html>") {
		t.Errorf("the page does not say what is the matter: %s", a.words())
	}
	if strings.Contains(a.body, c.provider.issuer+"/") || strings.Contains(a.body, "refused") {
		t.Errorf("the page tells what only operators should know: %s", a.words())
	}
}

// tryOpen is open for when somebody on the way may not answer.
func (v *visitor) tryOpen(at string) (answer, error) {
	for range 20 {
		a, err := v.send(asPerson(at))
		if err != nil {
			return answer{}, err
		}
		if a.next == nil {
			return a, nil
		}
		if v.cluster.provider.is(a.next) {
			return a, fmt.Errorf("at the provider: %s", a.next)
		}
		at = a.next.String()
	}
	return answer{}, fmt.Errorf("redirected in a circle")
}
