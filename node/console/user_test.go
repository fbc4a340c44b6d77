package console

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"picket/node/config"
)

func TestTheUserPageSaysWhoYouAre(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn("wiki", "/", "alice")

	p := b.get(w.origin("wiki").String() + "/.picket/")

	for _, part := range []string{"alice@example.com", "<li>admins</li>", "<dd>corp</dd>", "(in 14 hours)", `<form method="post" action="/.picket/sign_out">`} {
		if !strings.Contains(p.body, part) {
			t.Errorf("the page lacks %q:\n%s", part, p.body)
		}
	}
}

func TestTheUserPageOfNobodyOffersToSignIn(t *testing.T) {
	w := newWorld(t)

	p := w.browser().get(w.origin("wiki").String() + "/.picket/")

	if p.status != http.StatusOK || !strings.Contains(p.body, "You are not signed in") || !strings.Contains(p.body, "/.picket/sign_in?return=/.picket/") {
		t.Errorf("got %d:\n%s", p.status, p.body)
	}
}

func TestUserJSON(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	address := w.origin("wiki").String() + "/.picket/user"

	p := b.get(address)
	var refused refusalJSON
	if err := json.Unmarshal([]byte(p.body), &refused); err != nil || p.status != http.StatusUnauthorized {
		t.Fatalf("of nobody: %d %v\n%s", p.status, err, p.body)
	}
	if refused.LoginURL != w.origin("wiki").String()+"/.picket/sign_in" || p.header.Get("WWW-Authenticate") == "" {
		t.Errorf("of nobody: %+v, WWW-Authenticate %q", refused, p.header.Get("WWW-Authenticate"))
	}

	b.signIn("wiki", "/", "alice")
	p = b.get(address)
	var got userDocument
	if err := json.Unmarshal([]byte(p.body), &got); err != nil || p.status != http.StatusOK {
		t.Fatalf("of alice: %d %v\n%s", p.status, err, p.body)
	}
	if got.User.Email != "alice@example.com" || !slices.Equal(got.User.Groups, []string{"admins", "staff"}) || got.User.Identity != "corp" {
		t.Errorf("of alice: %+v", got.User)
	}
	if life := got.Session.Expires.Sub(got.Session.Begun).Round(time.Minute); life != 14*time.Hour {
		t.Errorf("the session lasts %s", life)
	}
	if p.header.Get("Cache-Control") != "no-store" {
		t.Errorf("Cache-Control %q", p.header.Get("Cache-Control"))
	}
}

func TestGroupsAreAListWhenThereAreNone(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn("wiki", "/", "mallory")

	p := b.get(w.origin("wiki").String() + "/.picket/user")

	if !strings.Contains(p.body, `"groups":[]`) {
		t.Errorf("got %s", p.body)
	}
}

func TestAStoreThatIsAwaySignsNobodyOut(t *testing.T) {
	w := newWorld(t, func(c *config.Config) { c.Cluster.MaxStaleness = 4 * time.Second })
	b := w.browser()
	b.signIn("wiki", "/", "alice")
	if err := w.broker.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	w.until("the node is stale", func() bool { return !w.broker.Fresh() })
	for path, want := range map[string]string{
		"/.picket/":     "You have not been signed out",
		"/.picket/user": `"error":"unavailable"`,
	} {
		p := b.get(w.origin("wiki").String() + path)
		if p.status != http.StatusServiceUnavailable || !strings.Contains(p.body, want) || p.header.Get("Retry-After") == "" {
			t.Errorf("%s: got %d\n%s", path, p.status, p.body)
		}
		if len(p.header.Values("Set-Cookie")) > 0 {
			t.Errorf("%s touched the cookie", path)
		}
		if strings.Contains(p.body, "nobody") {
			t.Errorf("%s says nobody where it cannot tell", path)
		}
	}
}
