//go:build e2e

package e2e

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

func TestSignInThroughTheCertifiedProviderEndsOnThePageFirstAskedFor(t *testing.T) {
	c := startCluster(t, certified)
	signInEndsOnThePageFirstAskedFor(t, c)
	t.Run("and sign-out ends it everywhere", func(t *testing.T) {
		b := startBrowser(t)
		b.open(t, c.url("app")+"/")
		b.pick(t, "bob")
		b.arrivesAt(t, c.url("app")+"/", "bob@example.com")
		signOut(t, c, b)
		// The certified provider asks whether to end its own session, too.
		b.press(t, "button#yes")
		signedOutIsAskedAgain(t, c, b)
	})
}

func TestSignInThroughTheBuiltInProviderEndsOnThePageFirstAskedFor(t *testing.T) {
	c := startCluster(t)
	signInEndsOnThePageFirstAskedFor(t, c)
	t.Run("and sign-out ends it everywhere", func(t *testing.T) {
		b := startBrowser(t)
		b.open(t, c.url("app")+"/")
		b.pick(t, "bob")
		b.arrivesAt(t, c.url("app")+"/", "bob@example.com")
		signOut(t, c, b)
		signedOutIsAskedAgain(t, c, b)
	})
	t.Run("and somebody who may not is told why", func(t *testing.T) { theDenialNamesWhoWhereAndWhich(t, c) })
	t.Run("and tabs that were begun at once all arrive", func(t *testing.T) { tabsBegunAtOnceAllArrive(t, c) })
}

// pageAskedFor has a query with what is easily lost on a way through five redirects.
const pageAskedFor = "/reports/2026%20Q3/?sort=-date&filter=a%26b%3Dc&filter=d&next=https%3A%2F%2Fexample.org%2F&empty=&utf8=%C3%A9%E2%9C%93&plus=1%2B1"

func signInEndsOnThePageFirstAskedFor(t *testing.T, c *cluster) {
	b := startBrowser(t)
	b.open(t, c.url("app")+pageAskedFor)
	b.pick(t, "alice")
	b.arrivesAt(t, c.url("app")+pageAskedFor, "alice@example.com")

	got := c.upstream.requests("/reports/2026 Q3/")
	want, err := url.Parse(pageAskedFor)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0].URL.RawQuery != want.RawQuery {
		t.Errorf("the application was asked %d times, want once, with %s", len(got), want.RawQuery)
	}
	// Another host of the cluster asks for nothing: the sign-in host knows who it is.
	b.open(t, c.url("other")+"/here?a=1")
	b.arrivesAt(t, c.url("other")+"/here?a=1", "alice@example.com")
}

// signOut presses the button on the page for it.
func signOut(t *testing.T, c *cluster, b *browser) {
	t.Helper()
	b.open(t, c.url("app")+"/.picket/sign_out")
	b.press(t, "form button")
}

func signedOutIsAskedAgain(t *testing.T, c *cluster, b *browser) {
	t.Helper()
	b.shows(t, "signed out", func(at string) bool { return strings.HasPrefix(at, c.url("auth")+"/.picket/") })
	if left := c.nodes[0].sessions(t, "bob"); len(left) > 0 {
		t.Errorf("sessions are left: %v", left)
	}
	b.open(t, c.url("app")+"/again")
	b.offers(t, "button#bob") // nobody is remembered, here or at the provider
	if seen := c.upstream.requests("/again"); len(seen) > 0 {
		t.Error("the application was asked")
	}
}

func theDenialNamesWhoWhereAndWhich(t *testing.T, c *cluster) {
	b := startBrowser(t)
	b.open(t, c.url("app")+"/secret")
	b.pick(t, "mallory")
	words := b.shows(t, "mallory@example.com", func(at string) bool { return at == c.url("app")+"/secret" })
	request := regexp.MustCompile(`[0-9a-f]{32}`).FindString(words)
	if !regexp.MustCompile(`\bapp\b`).MatchString(words) || request == "" {
		t.Errorf("the page names no route or no request:\n%s", words)
	}
	eventually(t, patience, func() string {
		for _, n := range c.nodes {
			if strings.Contains(n.log.String(), request) {
				return ""
			}
		}
		return "no node's log knows request " + request
	})
	if seen := c.upstream.requests("/secret"); len(seen) > 0 {
		t.Error("the application was asked")
	}
}

func tabsBegunAtOnceAllArrive(t *testing.T, c *cluster) {
	b := startBrowser(t)
	var tabs []*browser
	page := func(i int) string { return fmt.Sprintf("%s/tab?n=%d", c.url("app"), i) }
	for i := range 5 {
		tab := b.tab(t)
		tab.open(t, page(i))
		tabs = append(tabs, tab)
	}
	for _, tab := range tabs { // all wait at the provider's page before the first goes on
		tab.offers(t, "button#alice")
	}
	for _, i := range []int{3, 0, 4, 1, 2} { // and they go on in another order
		tabs[i].pick(t, "alice")
	}
	for i, tab := range tabs {
		tab.arrivesAt(t, page(i), "alice@example.com")
	}
}
